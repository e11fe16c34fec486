"""Show in the API reference what a stub defines by overloads only, which griffe leaves out."""

import griffe


class Overloads(griffe.Extension):
    """Makes such functions members of their module or class."""

    def on_package(self, *, pkg: griffe.Module, **_: object) -> None:
        """Add them once a package is loaded."""
        parts: list[griffe.Module | griffe.Class] = [pkg]
        for part in parts:
            for name, overloads in part.overloads.items():
                if overloads and name not in part.members:
                    part.set_member(name, overloads[0])
                    overloads[0].overloads = overloads
            parts += [member for member in part.members.values() if isinstance(member, griffe.Module | griffe.Class)]
