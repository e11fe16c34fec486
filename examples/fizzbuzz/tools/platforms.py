"""Read tools/platforms.toml, and plan which wheels are built where.

Usage: python tools/platforms.py plan [all | slice | ID…]   print, as JSON, what each job builds
       python tools/platforms.py target ID…   add Rust's library for a platform
       python tools/platforms.py pythons      install every Python that the wheels serve

In a step of GitHub's CI, the plan becomes the outputs of the step as well.
"""

from __future__ import annotations

import datetime
import difflib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "tools/platforms.toml"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
NAME = re.sub(r"[-_.]+", "_", PROJECT["project"]["name"]).lower()
VERSION = PROJECT["project"]["version"]
_oldest = re.search(r">=\s*(3\.\d+)", PROJECT["project"]["requires-python"])
OLDEST = _oldest[1] if _oldest else sys.exit('pyproject.toml: requires-python needs a ">=3.N".')
NEWEST = "3.15"  # CPython, and its stable ABI for both builds

# What `image`, `floor` and `until` mean stands in tools/platforms.toml.
OPTIONAL = ("floor", "image", "until")
THIS_MACHINE = "this machine"  # the id of a platform that is no row
ANY = "any"  # its floor
ENGINES = ("cibuildwheel", "cross")
SYSTEMS = ("linux", "macos", "windows")
LIBRARIES = ("gnu", "musl")  # of Linux

# cibuildwheel has PyPy for these: https://cibuildwheel.pypa.io/en/stable/options/#enable
PYPY_PLATFORMS = [
    "manylinux-x86_64",
    "manylinux-i686",
    "manylinux-aarch64",
    "macos-arm64",
    "macos-x86_64",
    "windows-amd64",
]
PYPY_TAGS = {"3.11": "pp311-pypy311_pp73", "3.12": "pp312-pypy312_pp80"}


def number(python: str) -> tuple[int, ...]:
    """Turn 3.14t, or pypy3.11, into (3, 14), or (3, 11)."""
    return tuple(int(part) for part in python.removeprefix("pypy").rstrip("t").split("."))


def pythons() -> list[str]:
    """List every CPython that the wheels serve: 3.11 to 3.15, 3.14t and 3.15t."""
    minors = range(number(OLDEST)[1], number(NEWEST)[1] + 1)
    free_threaded = [f"3.{minor}t" for minor in minors if minor >= 14]
    return [f"3.{minor}" for minor in minors] + free_threaded


@dataclass
class Wheel:
    """One wheel: how maturin is asked for it, what its name says, and which Pythons install it."""

    python: str
    tag: str
    platform: Platform
    path: Path = Path()  # known once it was found
    tested: dict[str, str] = field(default_factory=dict)  # Python to native or emulated

    def serves(self, python: str) -> bool:
        """Tell whether an interpreter, such as 3.13 or 3.14t, installs this wheel of the set."""
        if self.tag.endswith("abi3t"):
            return not python.startswith("pypy") and number(python) >= number(NEWEST)
        if not self.tag.endswith("abi3"):
            return python == self.python
        return python in pythons() and not python.endswith("t") and number(python) < number(NEWEST)

    def served(self) -> list[str]:
        """List every Python that installs it."""
        every = dict.fromkeys([*pythons(), self.python])
        return [python for python in every if self.serves(python)]

    def named(self, name: str) -> bool:
        """Tell whether a file has exactly the name of this wheel."""
        begin = f"{NAME}-{VERSION}-{self.tag}-"
        fits = name.startswith(begin) and name.endswith(".whl")
        return fits and self.platform.has_tag(name.removeprefix(begin).removesuffix(".whl"))


@dataclass
class Platform:
    """A row of the table: an operating system, an architecture and a C library."""

    id: str
    os: str
    arch: str
    target: str
    engine: str
    runner: dict[str, str]
    libc: str = ""
    floor: str = ""
    image: str = ""
    until: str = ""

    @property
    def tag(self) -> str:
        """Give the last part of a wheel's name, such as manylinux_2_28_x86_64."""
        if self.os == "windows":
            return "win32" if self.arch == "x86" else f"win_{self.arch}"
        floor = self.floor
        if self.os == "macos" and int(floor.split(".")[0]) > 10:
            floor = f"{floor.split('.')[0]}.0"  # installers know no other tags since macOS 11
        return f"{self.kind}_{floor.replace('.', '_')}_{self.arch}"

    @property
    def kind(self) -> str:
        """Give the first part of that tag."""
        return {"gnu": "manylinux", "musl": "musllinux"}.get(self.libc, "macosx")

    @classmethod
    def of_this_machine(cls) -> Platform:
        """Describe this machine, whatever its C library: for wheels that only it needs to run."""
        system, architecture = here().rsplit("-", 1)
        kind = {"macos": "macos", "windows": "windows"}.get(system, "linux")
        return cls(THIS_MACHINE, kind, architecture, "", "", {}, floor=ANY)

    def has_tag(self, tag: str) -> bool:
        """Tell whether this is the tag; glibc 2.17 has an old name of its own beside it."""
        if self.floor == ANY:
            kinds = {"linux": r"(many|musl)linux[\w.]+", "macos": r"macosx_\d+_\d+"}
            kind = kinds.get(self.os, r"win(32|_amd64|_arm64)")
            return bool(re.fullmatch(kind if self.os == "windows" else f"{kind}_{self.arch}", tag))
        old = {f"manylinux2014_{self.arch}"} if self.tag.startswith("manylinux_2_17_") else set()
        return set(tag.split(".")) == {self.tag} | old

    def wheels(self) -> list[Wheel]:
        """List its wheels: up to three serve every CPython there is."""
        wheels = [Wheel(NEWEST, f"cp{NEWEST.replace('.', '')}-abi3.abi3t", self)]
        if number(OLDEST) < number(NEWEST):
            # 3.14 without the GIL has no stable ABI, so it needs a wheel of its own.
            wheels.insert(0, Wheel("3.14t", "cp314-cp314t", self))
            wheels.insert(0, Wheel(OLDEST, f"cp{OLDEST.replace('.', '')}-abi3", self))
        if self.pypy:
            served = [python for python in PYPY_TAGS if number(python) >= number(OLDEST)]
            wheels += [Wheel(f"pypy{python}", PYPY_TAGS[python], self) for python in served]
        return wheels

    @property
    def pypy(self) -> bool:
        """Tell whether it gets wheels for PyPy, which only cibuildwheel builds."""
        known = self.engine == "cibuildwheel" and self.id in PYPY_PLATFORMS
        return known and bool(read_table().get("pypy"))

    @property
    def native(self) -> bool:
        """Tell whether this machine runs such wheels itself, so that they need no container."""
        return self.id in (THIS_MACHINE, here())

    def identifiers(self) -> list[dict[str, str]]:
        """List by Python what cibuildwheel builds and tests, in two runs.

        3.15 comes second: in one run it would get the wheel of the oldest Python, though pip
        prefers the other one.
        """
        suffix = self.tag if self.os == "windows" else f"{self.kind}_{self.arch}"
        pypy = [wheel.python for wheel in self.wheels() if wheel.python.startswith("pypy")]
        first = [python for python in (*pythons(), *pypy) if python != NEWEST]
        return [
            {python: _identifier(python, suffix) for python in run} for run in (first, [NEWEST])
        ]

    def cibuildwheel(self, identifiers: Sequence[str]) -> dict[str, str]:
        """Give the settings of cibuildwheel that differ from platform to platform."""
        architecture = {"amd64": "AMD64"}.get(self.arch, self.arch)
        settings = {
            "CIBW_PLATFORM": self.os,
            "CIBW_ARCHS": "ARM64" if self.id == "windows-arm64" else architecture,
            "CIBW_BUILD": " ".join(identifiers),
        }
        if self.pypy:
            settings["CIBW_ENABLE"] = "pypy"
        if self.os == "linux":
            # A tag that does not depend on which of the C library's functions happen to be used.
            repair = "auditwheel repair --only-plat -w {dest_dir} {wheel} --plat"
            settings["CIBW_REPAIR_WHEEL_COMMAND_LINUX"] = f"{repair} {self.tag}"
        # cibuildwheel knows the newest of its own images itself.
        if self.image and not self.image.startswith(f"quay.io/pypa/{self.tag}:"):
            settings[f"CIBW_{self.kind.upper()}_{self.arch.upper()}_IMAGE"] = self.image
        if self.os == "macos":
            settings["MACOSX_DEPLOYMENT_TARGET"] = self.floor
        if self.os != "linux" and not self.native:  # a 32-bit one, or Intel's on Arm
            own = PROJECT["tool"]["cibuildwheel"].get(self.os, {}).get("before-all", [])
            steps = [f"rustup target add {self.target}", *([own] if isinstance(own, str) else own)]
            settings[f"CIBW_BEFORE_ALL_{self.os.upper()}"] = " && ".join(steps)
        return settings


def _identifier(python: str, suffix: str) -> str:
    kind = "pp" if python.startswith("pypy") else "cp"
    return f"{kind}{python.removeprefix('pypy').replace('.', '')}-{suffix}"


def here() -> str:
    """Name the platform of this machine."""
    machine = platform.machine()
    if sys.platform == "linux":
        libc = "musllinux" if Path("/etc/alpine-release").exists() else "manylinux"
        return f"{libc}-{machine}"
    kind = {"darwin": "macos", "win32": "windows"}.get(sys.platform, sys.platform)
    return f"{kind}-{machine.lower()}"


def read_table() -> dict[str, Any]:
    """Read the table as it stands."""
    return tomllib.loads(TABLE.read_text("utf-8"))


def platforms() -> list[Platform]:
    """Read the rows, and stop at the first mistake in one."""
    table = read_table()
    _refuse_unknown("it", table, ("platform", "pypy"))
    rows = [_checked(row) for row in table.get("platform", [])]
    if not rows:
        sys.exit("tools/platforms.toml has no [[platform]]: add a row, or choose platforms again.")
    for row in rows:
        if sum(other.id == row.id for other in rows) > 1:
            sys.exit(f"tools/platforms.toml has {row.id} twice: delete one of the rows.")
    return rows


def _checked(row: dict[str, Any]) -> Platform:
    known = [each.name for each in fields(Platform)]
    name = row.get("id") or sys.exit("tools/platforms.toml has a row without an id: give it one.")
    _refuse_unknown(name, row, known)
    needed = [key for key in known if key not in ("libc", *OPTIONAL)]
    needed += {"linux": ["libc", "floor"], "macos": ["floor"]}.get(row.get("os", ""), [])
    for key in needed:
        if key not in row:
            sys.exit(f'tools/platforms.toml: {name} has no "{key}": add it.')
    for key, values in (("engine", ENGINES), ("os", SYSTEMS), ("libc", LIBRARIES)):
        if key in row and row[key] not in values:
            sys.exit(f'tools/platforms.toml: {name} has {key} "{row[key]}": type {_or(values)}.')
    for key in OPTIONAL:
        if not isinstance(row.get(key, ""), str):
            sys.exit(f'tools/platforms.toml: {name} needs quotes: {key} = "{row[key]}".')
    if not re.fullmatch(r"(\d+\.\d+)?", row.get("floor", "")):
        sys.exit(f'tools/platforms.toml: {name} has floor "{row["floor"]}": type one like "2.28".')
    try:
        datetime.date.fromisoformat(row.get("until", "2027-01-31"))
    except ValueError:
        sys.exit(f'tools/platforms.toml: {name} has until "{row["until"]}": type it as 2027-01-31.')
    if not isinstance(row["runner"], dict) or "github" not in row["runner"]:
        example = '{ github = "label" }'
        sys.exit(f"tools/platforms.toml: {name} needs a runner, such as {example}.")
    return Platform(**row)


def _refuse_unknown(where: str, keys: Iterable[str], known: Sequence[str]) -> None:
    for key in keys:
        if key not in known:
            close = "".join(f': did you mean "{one}"?' for one in _close(key, known)) or "."
            sys.exit(f'tools/platforms.toml: {where} has an unknown key "{key}"{close}')


def _close(word: str, words: Sequence[str]) -> list[str]:
    return difflib.get_close_matches(word, words, 1)


def _or(words: Sequence[str]) -> str:
    return " or ".join(f'"{word}"' for word in words)


def select(words: Sequence[str]) -> list[Platform]:
    """Give the rows that are asked for: all, the slice that a pull request builds, or by id."""
    rows = platforms()
    if list(words) in ([], ["all"]):
        return rows
    if list(words) == ["slice"]:
        first = [row for row in rows if row.engine == "cibuildwheel" and row.os == "linux"] or rows
        return first[:1]
    by_id = {row.id: row for row in rows}
    for word in words:
        if word not in by_id:
            close = _close(word, list(by_id))
            hint = f'did you mean "{close[0]}"?' if close else f"it has {', '.join(by_id)}."
            sys.exit(f'tools/platforms.toml has no platform "{word}": {hint}')
    return [by_id[word] for word in words]


def check_runner(row: Platform, today: datetime.date) -> str:
    """Stop if a runner has ended, and give a warning from ninety days before."""
    if not row.until:
        return ""
    days = (datetime.date.fromisoformat(row.until) - today).days
    what = f"tools/platforms.toml: the runner {row.runner['github']} of {row.id}"
    if days < 0:
        sys.exit(f"{what} ended on {row.until}: name another runner there, and its end.")
    return f"{what} ends on {row.until}: name another one there." if days <= 90 else ""


def tests(rows: Sequence[Platform]) -> Iterator[dict[str, str]]:
    """Plan the Python tests: each system with the oldest, the newest and a free-threaded Python."""
    native = [row for row in reversed(rows) if row.engine == "cibuildwheel"]
    first = {"linux": "ubuntu-24.04"} | {row.os: row.runner["github"] for row in native}
    for system, runner in sorted(first.items()):
        for python in dict.fromkeys([OLDEST, NEWEST, f"{NEWEST}t"]):
            recipe = "test-parallel" if python.endswith("t") else "test-python"
            yield {"os": system, "python": python, "runner": runner, "recipe": recipe}


def plan(words: Sequence[str]) -> dict[str, list[Any]]:
    """Say which job builds which platform, and where the Python tests run."""
    today = datetime.datetime.now(tz=datetime.UTC).date()
    jobs: dict[str, list[Any]] = {"native": [], "cross": [], "tests": list(tests(platforms()))}
    jobs["tests_linux"] = [job for job in jobs["tests"] if job["os"] == "linux"]
    for row in select(words):
        if warning := check_runner(row, today):
            print(f"::warning::{warning}", file=sys.stderr)
        job: dict[str, Any] = {"id": row.id, "runner": row.runner["github"]}
        if row.engine == "cibuildwheel":
            job["cibuildwheel"] = [
                row.cibuildwheel(list(names.values())) for names in row.identifiers()
            ]
            jobs["native"].append(job)
        else:
            jobs["cross"].append(job)
    return jobs


def show(jobs: dict[str, list[Any]]) -> None:
    """Print the plan, and hand it to the CI host."""
    print(json.dumps(jobs, indent=2))
    if output := os.environ.get("GITHUB_OUTPUT"):
        with Path(output).open("a", encoding="utf-8") as file:
            file.writelines(f"{name}={json.dumps(value)}\n" for name, value in jobs.items())


def main(words: Sequence[str]) -> int:
    """Do what the words say."""
    match words:
        case ["plan", *rest]:
            show(plan(rest))
            return 0
        case ["target", *rest]:
            command = ["rustup", "target", "add", *(row.target for row in select(rest))]
        case ["pythons"]:
            command = ["uv", "python", "install", *pythons()]
        case _:
            sys.exit(__doc__)
    if not shutil.which(command[0]):
        sys.exit(f"{command[0]} is not on PATH: install it first.")
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
