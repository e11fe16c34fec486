"""Show in the API reference what griffe leaves out of a stub: functions that have overloads only, and arguments of `__new__`."""

import griffe


class Completed(griffe.Extension):
    """Makes such functions members of their module or class, and `__new__` an `__init__`."""

    def on_package(self, *, pkg: griffe.Module, **_: object) -> None:
        """Add them once a package is loaded."""
        parts: list[griffe.Module | griffe.Class] = [pkg]
        for part in parts:
            for name, overloads in part.overloads.items():
                if overloads and name not in part.members:
                    part.set_member(name, overloads[0])
                    overloads[0].overloads = overloads
            if "__new__" in part.members and "__init__" not in part.members:
                part.members["__init__"] = part.members["__new__"]
            parts += [member for member in part.members.values() if isinstance(member, griffe.Module | griffe.Class)]
