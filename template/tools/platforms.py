"""Read tools/platforms.toml, and plan which wheels are built where."""

from __future__ import annotations

import datetime
import functools
import itertools
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from project import NAME, PROJECT, ROOT, VERSION, capture, main, read, run

TABLE = "tools/platforms.toml"
NEWEST = "3.15"  # CPython, and its stable ABI for both builds
_oldest = re.search(r">=\s*(3\.\d+)", PROJECT["project"]["requires-python"])
OLDEST = _oldest[1] if _oldest else sys.exit('pyproject.toml: requires-python needs a ">=3.N".')
THIS_MACHINE = "this machine"  # the id of a platform that is no row
# As container engines spell them; the others are spelt as in tags.
OCI_ARCHITECTURES = {"x86_64": "amd64", "i686": "386", "aarch64": "arm64", "armv7l": "arm/v7"}

# What a row may hold: the pattern of each value, and an example of it.
KEYS = {
    "id": (r"(manylinux|musllinux|macos|windows)-(?!universal2)\w+", '"macos-arm64" (universal2 is two rows)'),
    "target": (r"\w+(-\w+)+", '"x86_64-unknown-linux-gnu"'),
    "engine": ("cibuildwheel|cross", '"cross"'),
    "runner": (r"\{'github': '[^']+'.*\}", '{ github = "ubuntu-24.04" }'),
    "floor": (r"\d+\.\d+", '"2.28"'),
    "image": (r"[^\s{}]+", '"quay.io/pypa/manylinux_2_28_x86_64:2026.10.26-1"'),
    "own_image": (r"[^\s{}]+", '"ghcr.io/contoso/manylinux-x86_64:2026.11.30-7@sha256:…"'),
    "pypy": (r"[^\s{}]+( \S+)*", '"pp311-pypy311_pp73"'),
}
BEFORE_2_0 = ("os", "arch", "libc", "until")  # keys that rows had; most follow from the id


def number(python: str) -> tuple[int, ...]:
    """Return the version of 3.14t, or pypy3.11, as (3, 14), or (3, 11)."""
    return tuple(int(part) for part in python.removeprefix("pypy").rstrip("t").split("."))


def versions() -> list[str]:
    """Return every CPython that the wheels serve: 3.11 to 3.15, 3.14t and 3.15t."""
    minors = range(number(OLDEST)[1], number(NEWEST)[1] + 1)
    return [f"3.{minor}" for minor in minors] + [f"3.{minor}t" for minor in minors if minor >= 14]


@dataclass
class Wheel:
    """A wheel: how maturin is asked for it, what its name says, and which Pythons install it."""

    python: str
    tag: str
    platform: Platform
    path: Path = Path()  # known once it was built
    # Python to "native" or "emulated", and how many tests passed.
    tested: dict[str, tuple[str, int]] = field(default_factory=dict)

    def served(self) -> list[str]:
        """Return every Python that installs it, of the wheels of a set."""
        if self.tag.endswith("abi3t"):
            return [NEWEST, f"{NEWEST}t"]
        if self.tag.endswith("abi3"):
            return [name for name in versions() if number(name) < number(NEWEST) and name[-1] != "t"]
        return [self.python]

    def tags(self) -> list[str]:
        """Return the tags that its name stands for."""
        python, abis, systems = self.path.stem.split("-")[-3:]
        pairs = itertools.product(abis.split("."), systems.split("."))
        return sorted(f"{python}-{abi}-{system}" for abi, system in pairs)

    def has_name(self, name: str) -> bool:
        """Return whether a file has exactly the name of this wheel."""
        begin = f"{NAME}-{VERSION}-{self.tag}-"
        fits = name.startswith(begin) and name.endswith(".whl")
        return fits and self.platform.has_tag(name.removeprefix(begin).removesuffix(".whl"))


@dataclass
class Platform:
    """A row of the table: a C library or a system, and an architecture as wheel tags spell it."""

    id: str
    target: str = ""
    engine: str = "cibuildwheel"
    runner: dict[str, str] = field(default_factory=dict)
    floor: str = ""
    image: str = ""
    own_image: str = ""  # instead of `image`, which the template raises
    pypy: str = ""

    def __post_init__(self) -> None:
        """Split the id, and choose the image."""
        self.image = self.own_image or self.image
        self.kind, self.arch = (here() if self.id == THIS_MACHINE else self.id).split("-", 1)
        self.os = "linux" if self.kind.endswith("linux") else self.kind
        self.native = self.id in (THIS_MACHINE, here())  # its wheels run here without a container

    @property
    def tag(self) -> str:
        """The last part of a wheel's name, such as manylinux_2_28_x86_64."""
        if self.os == "windows":
            return "win32" if self.arch == "x86" else f"win_{self.arch}"
        floor = self.floor
        if self.os == "macos" and int(floor.split(".")[0]) > 10:
            floor = f"{floor.split('.')[0]}.0"  # installers know no other tags since macOS 11
        return f"{self.kind.replace('macos', 'macosx')}_{floor.replace('.', '_')}_{self.arch}"

    @property
    def oci(self) -> str:
        """The platform as container engines spell it, such as linux/arm64."""
        return f"linux/{OCI_ARCHITECTURES.get(self.arch, self.arch)}"

    @property
    def registry(self) -> str:
        """The registry to log in to for its image; nothing for those of the Python Packaging Authority."""
        host = re.match(r"(?!quay\.io/pypa/)([^/]+[.:][^/]+)/", self.image)
        return host[1] if host else ""

    def has_tag(self, tag: str) -> bool:
        """Return whether this is the tag; glibc 2.17 has an older name beside its own."""
        if self.id == THIS_MACHINE:  # any C library will do: only this machine runs it
            kind = {"linux": r"m\w+linux[\w.]+", "macos": r"macosx_\d+_\d+"}.get(self.os)
            return bool(re.fullmatch(f"{kind}_{self.arch}" if kind else self.tag, tag))
        old = {f"manylinux2014_{self.arch}"} if self.tag.startswith("manylinux_2_17_") else set()
        return set(tag.split(".")) == {self.tag} | old

    def wheels(self) -> list[Wheel]:
        """Return its wheels: up to three serve every CPython."""
        wheels = [Wheel(NEWEST, f"cp{NEWEST.replace('.', '')}-abi3.abi3t", self)]
        if number(OLDEST) < number(NEWEST):
            # 3.14 without the GIL has no stable ABI, so it needs a wheel of its own.
            wheels.insert(0, Wheel("3.14t", "cp314-cp314t", self))
            wheels.insert(0, Wheel(OLDEST, f"cp{OLDEST.replace('.', '')}-abi3", self))
        for tag in self.pypy.split() if self.engine == "cibuildwheel" else []:
            wheels.append(Wheel(f"pypy3.{tag[3:5]}", tag, self))
        return [wheel for wheel in wheels if number(wheel.python) >= number(OLDEST)]

    def identifier(self, python: str) -> str:
        """Return cibuildwheel's name for a build, such as cp311-manylinux_x86_64."""
        kind = {"windows": "", "macos": "macosx_"}.get(self.os, f"{self.kind}_")
        name = f"cp{python}".replace("cppypy", "pp").replace(".", "")
        return f"{name}-{kind}{self.arch if kind else self.tag}"

    def cibuildwheel(self) -> list[dict[str, str]]:
        """Return what differs by platform for the two runs of cibuildwheel.

        3.15 comes second: in one run it would get the wheel of the oldest Python, though pip
        prefers the other one.
        """
        names = [*versions(), *(wheel.python for wheel in self.wheels() if "pypy" in wheel.python)]
        settings = {"CIBW_PLATFORM": self.os, "CIBW_ARCHS": self.arch}
        if self.os == "windows":
            settings["CIBW_ARCHS"] = self.arch.replace("amd", "AMD").replace("arm", "ARM")
        if self.pypy:
            settings["CIBW_ENABLE"] = "pypy"
        if self.floor:
            floor = "AUDITWHEEL_PLAT" if self.os == "linux" else "MACOSX_DEPLOYMENT_TARGET"
            settings[floor] = self.tag if self.os == "linux" else self.floor
        if self.image:
            settings[f"CIBW_{self.kind.upper()}_{self.arch.upper()}_IMAGE"] = self.image
        builds = (" ".join(self.identifier(name) for name in names if name != NEWEST), self.identifier(NEWEST))
        return [{**settings, "CIBW_BUILD": build} for build in builds]


def here() -> str:
    """Return the id of this machine's platform."""
    system, machine = platform.system().lower(), platform.machine()
    if system == "linux":
        return f"{'musl' if Path('/etc/alpine-release').exists() else 'many'}linux-{machine}"
    return f"{system.replace('darwin', 'macos')}-{machine.lower()}"


def platforms() -> list[Platform]:
    """Return the rows of the table, or exit at the first mistake in one."""
    table = read(TABLE)
    refuse_unknown("it has an unknown key", table, ["platform"])
    rows = [Platform(**checked(row)) for row in table.get("platform", [])]
    if not rows:
        sys.exit(f"{TABLE} has no [[platform]]: add a row, or choose platforms again.")
    for row in rows:
        if sum(other.id == row.id for other in rows) > 1:
            sys.exit(f"{TABLE} has {row.id} twice: delete one of the rows.")
    return rows


def checked(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without the keys of older versions, or exit at the first mistake in it."""
    name = row.get("id") or sys.exit(f"{TABLE} has a row without an id: give it one.")
    row = {key: value for key, value in row.items() if key not in BEFORE_2_0}
    refuse_unknown(f"{name} has an unknown key", row, [*KEYS])
    for key, value in row.items():
        pattern, example = KEYS[key]
        if not isinstance(value, str | dict) or not re.fullmatch(pattern, str(value)):
            sys.exit(f"{TABLE}: {name} has {key} = {json.dumps(value)}: write it as {example}.")
    for key in ["target", "runner", *([] if name.startswith("windows") else ["floor"])]:
        if key not in row:
            sys.exit(f'{TABLE}: {name} has no "{key}": add it.')
    return row


def refuse_unknown(problem: str, names: Iterable[str], known: Sequence[str]) -> None:
    """Exit at the first name that is not known."""
    for name in names:
        if name not in known:
            sys.exit(f'{TABLE}: {problem} "{name}": it may have {", ".join(known)}.')


def select(ids: Sequence[str]) -> list[Platform]:
    """Return the rows that are asked for: all, the slice that a pull request builds, or by id."""
    rows = platforms()
    if list(ids) in ([], ["all"]):
        return rows
    if list(ids) == ["slice"]:
        linux = [row for row in rows if row.engine == "cibuildwheel" and row.os == "linux"]
        return (linux or rows)[:1]
    by_id = {row.id: row for row in rows}
    refuse_unknown("it has no platform", ids, [*by_id])
    return [by_id[name] for name in ids]


def tests(rows: Sequence[Platform]) -> Iterator[dict[str, str]]:
    """Yield the jobs of the Python tests: each system with the oldest and both newest Pythons."""
    native = [row for row in reversed(rows) if row.engine == "cibuildwheel"]
    runners = {"linux": "ubuntu-24.04"} | {row.os: row.runner["github"] for row in native}
    for system, runner in sorted(runners.items()):
        for python in dict.fromkeys([OLDEST, NEWEST, f"{NEWEST}t"]):
            recipe = "test-parallel" if python.endswith("t") else "test-python"
            yield {"os": system, "python": python, "runner": runner, "recipe": recipe}


def plan(*ids: str) -> None:
    """Print which job builds which platform, and where the Python tests run."""
    jobs: dict[str, list[Any]] = {"native": [], "cross": [], "tests": list(tests(platforms()))}
    jobs["tests_linux"] = [job for job in jobs["tests"] if job["os"] == "linux"]
    for row in select(ids):
        job: dict[str, Any] = {"id": row.id, "runner": row.runner["github"], "registry": row.registry}
        if row.engine == "cibuildwheel":
            jobs["native"].append(job | {"cibuildwheel": row.cibuildwheel()})
        else:
            jobs["cross"].append(job)
    print(json.dumps(jobs, indent=2))
    if output := os.environ.get("GITHUB_OUTPUT"):  # the outputs of the step
        with Path(output).open("a", encoding="utf-8") as file:
            file.writelines(f"{name}={json.dumps(job)}\n" for name, job in jobs.items())


def target(*ids: str) -> None:
    """Add Rust's library for platforms."""
    run("rustup", "target", "add", *(row.target for row in select(ids)))


def stale(*ids: str) -> None:
    """Exit if a row has an image of its own that is older than thirty days, by the date in its tag."""
    oldest = datetime.datetime.now(tz=datetime.UTC) - datetime.timedelta(days=30)
    for row in select(ids):
        date = re.search(r":(\d{4}\.\d\d\.\d\d)[^@/]*@", row.own_image)
        if date and date[1] < f"{oldest:%Y.%m.%d}":
            prefix = row.own_image.partition(f"/{row.id}:")[0]
            sys.exit(f"{TABLE}: {row.own_image} is older than thirty days: type `just images {prefix}`, and commit.")


def images(prefix: str, *ids: str) -> None:
    """Write the newest images of a registry into rows for Linux: those named, those that have one, or all."""
    prefix = prefix.rstrip("/")
    if not re.match(r"(?!docker\.io)[\w-]+[.:][\w.:-]+(/|$)", prefix):
        sys.exit(f'"{prefix}" names no registry other than Docker Hub: type an address such as ghcr.io/contoso.')
    rows = [row for row in select(ids) if row.os == "linux" and (ids or row.engine == "cibuildwheel")]
    if not ids:
        rows = [row for row in rows if row.own_image.startswith(f"{prefix}/")] or rows
    path = ROOT / TABLE
    parts = re.split(r"(?m)^(?=\[\[platform\]\])", path.read_text("utf-8"))
    for row in rows:
        image = newest_image(f"{prefix}/{row.id}", row)
        identified = rf"""(?m)^(id\s*=\s*["']{row.id}["'].*\n)"""
        (index,) = (number for number, part in enumerate(parts) if re.search(identified, part))
        part = re.sub(r"(?m)^own_image\s*=.*\n", "", parts[index])
        parts[index] = re.sub(identified, rf'\1own_image = "{image}"\n', part)
        print(f"{row.id}: {image}")
    path.write_text("".join(parts), "utf-8")


def newest_image(name: str, row: Platform) -> str:
    """Return an image as NAME:DATE@DIGEST, which docker or podman fetches."""
    engine = container_engine() or sys.exit("Images are fetched with docker or podman: install one of them.")
    pull = subprocess.run([engine, "pull", "--quiet", "--platform", row.oci, f"{name}:latest"], check=False)
    if pull.returncode:
        sys.exit(
            f"{name}:latest cannot be fetched, see above. Type `{engine} login {name.partition('/')[0]}` if it is"
            " private; or name the platforms that have an image, after the address. Nothing was changed."
        )
    (about,) = json.loads(capture(engine, "image", "inspect", f"{name}:latest"))
    digests = [digest for digest in about["RepoDigests"] if digest.startswith(f"{name}@")]
    date = (about["Config"]["Labels"] or {}).get("org.opencontainers.image.version")
    if not digests or not date:
        sys.exit(f"{name}:latest has no label org.opencontainers.image.version: build it as docs/images.md says.")
    return f"{name}:{date}@{digests[0].partition('@')[2]}"


@functools.cache
def container_engine() -> str:
    """Return docker or podman, whichever works, or nothing."""
    return next((name for name in ("docker", "podman") if capture(name, "info")), "")


def pythons() -> None:
    """Install every Python that the wheels serve."""
    run("uv", "python", "install", *versions())


if __name__ == "__main__":
    main(plan, stale, target, images, pythons)
