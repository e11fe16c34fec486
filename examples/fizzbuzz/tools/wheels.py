"""Build the wheels and the sdist for this machine into dist/, look inside, and test them as installed.

Usage: python tools/wheels.py

maturin builds, uv installs; this program arranges their calls and checks what came out.
"""

import base64
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
NAME = re.sub(r"[-_.]+", "_", PROJECT["project"]["name"]).lower()
VERSION = PROJECT["project"]["version"]
PACKAGE, MODULE = PROJECT["tool"]["maturin"]["module-name"].split(".")
NATIVE = (".so", ".pyd", ".dylib")
NEWEST = "3.15"  # CPython, and its stable ABI for both builds

# The end of a wheel's name on this machine. PyPI takes no wheel that is only for "linux".
PLATFORMS = {
    "darwin": r"macosx_\d+_\d+_(arm64|x86_64)",
    "linux": rf"(many|musl)linux[\w.]+_{platform.machine()}",
    "win32": r"win(32|_amd64|_arm64)",
}


@dataclass
class Wheel:
    """One wheel: how maturin is asked for it, what its name says, and where it is tested."""

    python: str
    tag: str
    tested: list[str] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """Find the file, which was seen to be the only one with this tag."""
        return next(DIST.glob(f"{NAME}-{VERSION}-{self.tag}-*.whl"))

    def serves(self, python: str) -> bool:
        """Tell whether an interpreter, such as 3.13 or 3.14t, installs this wheel of the set."""
        if self.tag.endswith("abi3t"):
            return number(python) >= number(NEWEST)
        if self.python.endswith("t"):
            return python == self.python
        return number(self.python) <= number(python) < number(NEWEST) and not python.endswith("t")


def number(python: str) -> tuple[int, ...]:
    """Turn 3.14t into (3, 14)."""
    return tuple(int(part) for part in python.rstrip("t").split("."))


def wheel_set() -> list[Wheel]:
    """List the wheels of a platform: up to three serve every Python there is."""
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=")
    wheels = [Wheel(NEWEST, f"cp{NEWEST.replace('.', '')}-abi3.abi3t")]
    if number(oldest) < number(NEWEST):
        # 3.14 without the GIL has no stable ABI, so it needs a wheel of its own.
        wheels.insert(0, Wheel("3.14t", "cp314-cp314t"))
        wheels.insert(0, Wheel(oldest, f"cp{oldest.replace('.', '')}-abi3"))
    return wheels


def run(
    *command: str | Path, cwd: Path = ROOT, environment: Mapping[str, str] = os.environ
) -> None:
    """Run a command, and stop if it fails."""
    print("$", *command, flush=True)
    code = subprocess.run(command, cwd=cwd, env=environment, check=False).returncode
    if code:
        sys.exit(f"{command[0]} failed with exit code {code}, see above.")


def capture(*command: str) -> str:
    """Give what a command prints, or nothing if it fails."""
    if not shutil.which(command[0]):
        return ""
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return result.stdout.strip() if result.returncode == 0 else ""


def private_paths() -> list[Path]:
    """List the folders of this machine whose names must not get into a wheel."""
    cargo = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    return [ROOT, cargo, Path(capture("rustc", "--print", "sysroot") or "/nowhere"), Path.home()]


def build_environment(source: Path) -> dict[str, str]:
    """Make builds reproducible: the same source gives the same bytes in any folder, at any time."""
    flags = os.environ.get("CARGO_ENCODED_RUSTFLAGS", "").split("\x1f")
    flags += os.environ.get("RUSTFLAGS", "").split()
    # The last prefix that fits wins, so the widest comes first.
    for path in [*reversed(private_paths()), source]:
        flags.append(f"--remap-path-prefix={path}=.")
    commit_time = capture("git", "log", "-1", "--format=%ct")
    return {
        **os.environ,
        # Unlike RUSTFLAGS, this form allows blanks in a path.
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flag for flag in flags if flag),
        "CARGO_TARGET_DIR": os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target")),
        "SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", commit_time or "315532800"),
    }


def refuse_strays() -> None:
    """Stop at a compiled module in the source tree that `uv run` did not put there."""
    for path in sorted((ROOT / PROJECT["tool"]["maturin"]["python-source"]).rglob("*")):
        own = path.parent.name == PACKAGE and path.name in (f"{MODULE}.abi3.so", f"{MODULE}.pyd")
        if path.suffix in NATIVE and not own:
            sys.exit(f"{path.relative_to(ROOT)} is not from this build: delete it.")


def build(wheels: list[Wheel]) -> None:
    """Build the sdist, and from what it holds each wheel, in a call of its own.

    One call of maturin yields at most one stable-ABI wheel.
    """
    refuse_strays()
    shutil.rmtree(DIST, ignore_errors=True)
    run("maturin", "sdist", "--out", DIST, environment=build_environment(ROOT))
    with tempfile.TemporaryDirectory() as scratch:
        with tarfile.open(sdist()) as archive:
            archive.extractall(scratch, filter="data")
        source = Path(scratch).resolve() / sdist().name.removesuffix(".tar.gz")
        for path in source.rglob("*.rs"):
            path.touch()  # cargo compares times, and an sdist's are all the same
        for wheel in wheels:
            command = ["maturin", "build", "--release", "--locked", "--compatibility", "pypi"]
            command += ["--interpreter", wheel.python, "--out", str(DIST)]
            run(*command, cwd=source, environment=build_environment(source))
            forget_folder(wheel.path, source)


def forget_folder(wheel: Path, source: Path) -> None:
    """Take the build folder out of the SBOM, where maturin names crates by their full path."""
    with zipfile.ZipFile(wheel) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    lines = {}
    with zipfile.ZipFile(wheel, "w") as archive:
        for info, content in members:
            if "/sboms/" in info.filename:
                content = content.replace(source.as_uri().encode(), b"file://")
                lines[info.filename] = f"{info.filename},{sha256(content)},{len(content)}"
            elif info.filename.endswith(".dist-info/RECORD"):  # the last member of a wheel
                rows = content.decode().splitlines()
                content = "".join(f"{lines.get(row.split(',')[0], row)}\n" for row in rows).encode()
            archive.writestr(info, content)


def sha256(content: bytes) -> str:
    """Write a checksum as RECORD has it."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return f"sha256={digest.decode().rstrip('=')}"


def sdist() -> Path:
    """Say where the sdist is."""
    return DIST / f"{NAME}-{VERSION}.tar.gz"


def verify(wheels: list[Wheel]) -> None:
    """Stop unless dist/ holds exactly the set, and each wheel exactly what it should."""
    found = {path.name for path in DIST.iterdir() if path.name != ".gitignore"} - {sdist().name}
    for wheel in wheels:
        name = rf"{re.escape(f'{NAME}-{VERSION}-{wheel.tag}')}-{PLATFORMS[sys.platform]}\.whl"
        matching = [file for file in found if re.fullmatch(name, file)]
        if len(matching) != 1:
            sys.exit(f"dist/ holds {len(matching)} wheels {wheel.tag}, not 1: {sorted(found)}")
        found -= set(matching)
    if found:
        sys.exit(f"dist/ holds what does not belong to the set: {', '.join(sorted(found))}")
    for wheel in wheels:
        look_inside(wheel)


def look_inside(wheel: Wheel) -> None:
    """Stop unless a wheel holds exactly the package, one compiled module and its metadata."""
    with zipfile.ZipFile(wheel.path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    info = f"{NAME}-{VERSION}.dist-info"
    modules = [name for name in members if name.endswith(NATIVE)]
    if len(modules) != 1 or not modules[0].startswith(f"{PACKAGE}/{MODULE}."):
        sys.exit(f"{wheel.path.name} holds {modules or 'no compiled module'}, not one {MODULE}.")
    expected = package_files() | {f"{info}/{name}" for name in ("METADATA", "RECORD", "WHEEL")}
    expected |= {f"{info}/licenses/{path.name}" for path in ROOT.glob("LICENSE*")}
    expected |= {name for name in members if name.startswith(f"{info}/sboms/")} or {f"{info}/sboms"}
    expected |= set(modules)
    for name in sorted(expected - set(members)):
        sys.exit(f"{wheel.path.name} lacks {name}")
    for name in sorted(set(members) - expected):
        sys.exit(f"{wheel.path.name} holds {name}, which does not belong there")
    check_record(wheel, members, members[f"{info}/RECORD"].decode())
    check_metadata(wheel, parse(members[f"{info}/METADATA"]), parse(members[f"{info}/WHEEL"]))
    for name, content in members.items():
        for path in private_paths():
            if len(path.parts) > 1 and os.fsencode(path) in content:
                sys.exit(f"{wheel.path.name}: {name} holds {path}, a folder of this machine")


def check_record(wheel: Wheel, members: Mapping[str, bytes], record: str) -> None:
    """Stop unless RECORD has the checksum of each other member, as installers expect."""
    for row in record.splitlines():
        name, checksum, _ = row.rsplit(",", 2)
        if checksum and checksum != sha256(members[name]):
            sys.exit(f"{wheel.path.name}: RECORD does not fit {name}")


def package_files() -> set[str]:
    """List what the source tree has for the package, without what was compiled."""
    source = ROOT / PROJECT["tool"]["maturin"]["python-source"]
    files = {path.relative_to(source) for path in (source / PACKAGE).rglob("*") if path.is_file()}
    kept = {path for path in files if path.suffix not in NATIVE and "__pycache__" not in path.parts}
    kept |= {Path(PACKAGE, "py.typed"), Path(PACKAGE, f"{MODULE}.pyi")}
    return {path.as_posix() for path in kept}


def parse(text: bytes) -> Message:
    """Read a file of headers."""
    return HeaderParser().parsestr(text.decode())


def check_metadata(wheel: Wheel, metadata: Message, tags: Message) -> None:
    """Stop unless the metadata says what pyproject.toml and the name say."""
    project = PROJECT["project"]
    for header, value in {
        "Name": project["name"],
        "Version": VERSION,
        "License-Expression": project["license"],
        "Requires-Python": project["requires-python"],
    }.items():
        if metadata[header] != value:
            sys.exit(f"{wheel.path.name}: {header} is {metadata[header]}, not {value}")
    python, abi, platforms = wheel.path.stem.split("-")[-3:]
    named = {f"{python}-{a}-{p}" for a in abi.split(".") for p in platforms.split(".")}
    if set(tags.get_all("Tag", [])) != named:
        sys.exit(f"{wheel.path.name}: its tags are {tags.get_all('Tag')}")


def audit(wheels: list[Wheel]) -> None:
    """Check that what claims the stable ABI uses nothing else."""
    for wheel in wheels:
        # abi3audit 0.0.26 does not know the entry point of abi3t modules on Linux.
        if "abi3" in wheel.tag and not (wheel.tag.endswith("abi3t") and sys.platform == "linux"):
            run("abi3audit", "--strict", wheel.path)


def interpreters() -> dict[str, str]:
    """Find an interpreter of each version on this machine: {"3.14t": "/path/to/python"}."""
    listing = capture("uv", "python", "list", "--only-installed", "--output-format", "json")
    found: dict[str, str] = {}
    for python in json.loads(listing or "[]"):
        parts = python["version_parts"]
        free_threaded = "t" if python["variant"] == "freethreaded" else ""
        if python["implementation"] == "cpython":
            found.setdefault(f"{parts['major']}.{parts['minor']}{free_threaded}", python["path"])
    return found


def test(wheels: list[Wheel]) -> None:
    """Install each wheel into a clean environment, outside the checkout, and run the tests there."""
    for python, path in sorted(interpreters().items(), key=lambda item: number(item[0])):
        for wheel in wheels:
            if wheel.serves(python):
                test_on(path)
                wheel.tested.append(python)


def test_on(python: str) -> None:
    """Install from dist/, with no index, and run the tests."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        shutil.copytree(ROOT / "tests", folder / "tests")
        for name in ("README.md", "pyproject.toml"):
            shutil.copy(ROOT / name, folder)
        run("uv", "venv", "--quiet", "--python", python, folder / ".venv")
        install = ("uv", "pip", "install", "--quiet", "--python", folder / ".venv")
        # No configuration: `exclude-newer` leaves out files without an upload date, as these are.
        only_these = ("--no-config", "--no-index", "--find-links", DIST)
        run(*install, *only_these, f"{NAME}=={VERSION}", cwd=folder)
        test_group = ("--group", f"{folder / 'pyproject.toml'}:test")
        run(*install, "--only-binary", ":all:", *test_group, cwd=folder)
        scripts = folder / ".venv" / ("Scripts" if sys.platform == "win32" else "bin")
        run(scripts / "python", "-m", "pytest", "--quiet", cwd=folder)


def proof_card(wheels: list[Wheel]) -> str:
    """Say of each wheel on which interpreters it was tested, and on which it was not."""
    lines = ["| wheel | kB | tested here | not run |", "| --- | --: | --- | --- |"]
    every = [f"3.{minor}" for minor in range(11, number(NEWEST)[1] + 1)] + ["3.14t", f"{NEWEST}t"]
    for wheel in wheels:
        missing = [one for one in every if wheel.serves(one) and one not in wheel.tested]
        cells = [wheel.path.name, str(wheel.path.stat().st_size // 1000)]
        cells += [", ".join(wheel.tested) or "nowhere", ", ".join(missing) or "-"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Build, look inside, test, and say what was proved."""
    wheels = wheel_set()
    build(wheels)
    verify(wheels)
    audit(wheels)
    test(wheels)
    print(f"\n{proof_card(wheels)}")


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(__doc__)
    main()
