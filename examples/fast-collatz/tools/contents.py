"""Check that files of a release are exactly the ones that belong to it, and hold exactly what they should."""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from urllib.parse import unquote_to_bytes

from platforms import NAME, PROJECT, ROOT, VERSION, Platform, Wheel

PACKAGE, MODULE = PROJECT["tool"]["maturin"]["module-name"].split(".")
SOURCE = ROOT / PROJECT["tool"]["maturin"]["python-source"]
NATIVE = (".so", ".pyd", ".dylib")
SDIST = f"{NAME}-{VERSION}.tar.gz"
NOTES = re.compile(r"proof-.*\.(json|md)")  # what tools/wheels.py writes beside the wheels
# Libraries that cibuildwheel puts beside the module, and maturin's folder of data.
BESIDE = (f"{NAME}.libs/", f"{PACKAGE}/.dylibs/", f"{NAME}-{VERSION}.data/")
# A compiler or a home may lie there, and anybody's text may name these.
SHARED = ("/", "/opt", "/tmp", "/usr", "/usr/local", "/var")
# What PEP 639 takes for licences where nothing is said.
LICENSES = ("LICEN[CS]E*", "COPYING*", "NOTICE*", "AUTHORS*")
TARGET = Path(ROOT, os.environ.get("CARGO_TARGET_DIR") or "target").resolve()
# Libraries in C that a build script compiles, such as OpenSSL, may keep the folder it was given.
OUT_DIR = re.compile(
    re.escape(os.fsencode(TARGET)) + rb"[^\0\s\"]*?[/\\]build[/\\][^/\\\0]+[/\\]out"
)


def sha256(content: bytes) -> str:
    """Write a checksum as RECORD has it."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return f"sha256={digest.decode().rstrip('=')}"


def capture(*command: str) -> str:
    """Give what a command prints, or nothing if it fails."""
    if not shutil.which(command[0]):
        return ""
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return result.stdout.strip() if result.returncode == 0 else ""


def private_paths() -> list[Path]:
    """List the folders of this machine whose names must not get into a wheel, the widest last."""
    cargo = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    sysroot = Path(capture("rustc", "--print", "sysroot") or "/nowhere")
    return [TARGET, ROOT, cargo, sysroot, Path.home()]


def listing(folder: Path) -> list[Path]:
    """List a folder, and stop if it is not there."""
    if not folder.is_dir():
        sys.exit(f"There is no folder {folder}: build or fetch the files into it.")
    return sorted(folder.iterdir())


def find(rows: Sequence[Platform], folder: Path, others: Sequence[str] = ()) -> list[Wheel]:
    """Find the wheels of these platforms, and stop unless the folder holds exactly them.

    `others` are the names of further files that must be there, such as the sdist's.
    """
    names = {path.name for path in listing(folder)}
    names = {name for name in names if not NOTES.fullmatch(name) and name[0] != "."}
    for name in others:
        if name not in names:
            sys.exit(f"{folder.name}/ lacks {name}")
    names -= set(others)
    wheels = [wheel for row in rows for wheel in row.wheels()]
    for wheel in wheels:
        matching = [name for name in names if wheel.named(name)]
        if len(matching) != 1:
            wanted = f"{wheel.tag} of {wheel.platform.id}, which ends in {wheel.platform.tag}.whl"
            there = ", ".join(sorted(names)) or "none"
            sys.exit(
                f"{folder.name}/ has {len(matching)} wheels {wanted}, not 1; left: {there}. `just wheels"
                f" {wheel.platform.id}` builds those of one platform, and `just verify {folder.name} ID`"
                " checks them; `just wheels` alone builds for this machine, and has checked its wheels."
            )
        wheel.path = folder / matching[0]
        names -= set(matching)
    if names:
        sys.exit(f"{folder.name}/ holds what does not belong there: {', '.join(sorted(names))}")
    return wheels


def look_inside(wheel: Wheel) -> None:
    """Stop unless a wheel holds exactly the package, one compiled module and its metadata."""
    with zipfile.ZipFile(wheel.path) as archive:
        # auditwheel and delocate list folders as well.
        files = [name for name in archive.namelist() if not name.endswith("/")]
        members = {name: archive.read(name) for name in files}
    info = f"{NAME}-{VERSION}.dist-info"
    modules = [name for name in members if name.endswith(NATIVE) and not name.startswith(BESIDE)]
    if len(modules) != 1 or not modules[0].startswith(f"{PACKAGE}/{MODULE}."):
        sys.exit(f"{wheel.path.name} holds {modules or 'no compiled module'}, not one {MODULE}.")
    expected = package_files() | {f"{info}/{name}" for name in metadata_files()} | set(modules)
    expected |= {name for name in members if name.startswith(f"{info}/sboms/")} or {f"{info}/sboms"}
    for name in sorted(expected - set(members)):
        sys.exit(f"{wheel.path.name} lacks {name}")
    for name in sorted(set(members) - expected):
        if not name.startswith(BESIDE):
            sys.exit(f"{wheel.path.name} holds {name}, which does not belong there")
    check_record(wheel, members, members[f"{info}/RECORD"].decode())
    check_metadata(wheel.path.name, parse(members[f"{info}/METADATA"]))
    check_tags(wheel, parse(members[f"{info}/WHEEL"]))
    for name, content in members.items():
        rest = OUT_DIR.sub(b"", content)
        texts = (rest, unquote_to_bytes(rest))  # the SBOM has addresses of files
        for path in private_paths():
            if path.as_posix() not in SHARED and any(holds(text, path) for text in texts):
                sys.exit(f"{wheel.path.name}: {name} holds {path}, a folder of this machine")
    for name in sorted(package_files()):
        source = SOURCE / name
        if not source.is_file() or source.read_bytes() != members[name]:
            sys.exit(f"{wheel.path.name}: {name} is not the one of this folder: build it again")


def holds(text: bytes, path: Path) -> bool:
    """Tell whether a text has a path. A short one, such as /src, stands in the midst of others too."""
    start = rb"(?<![\w.-])" if len(path.parts) < 3 else b""
    return re.search(start + re.escape(os.fsencode(path)), text) is not None


def check_sdist(path: Path) -> None:
    """Stop unless an sdist is of this version, and of these sources."""
    top, members = f"{NAME}-{VERSION}/", {}
    with tarfile.open(path) as archive:
        for info in archive:
            if file := archive.extractfile(info):
                members[info.name.removeprefix(top)] = file.read()
    package = {f"{SOURCE.relative_to(ROOT).as_posix()}/{name}" for name in package_files()}
    for name in sorted({"Cargo.lock", "Cargo.toml", "PKG-INFO", "pyproject.toml", *package}):
        if name not in members:
            sys.exit(f"{path.name} lacks {name}: does a .gitignore name it?")
    check_metadata(path.name, parse(members["PKG-INFO"]))
    for name, content in members.items():
        source = ROOT / name  # maturin writes manifests anew, and nothing else
        copied = source.suffix in (".py", ".pyi", ".rs") and source.is_file()
        if copied and source.read_bytes() != content:
            sys.exit(f"{path.name}: {name} is not the one of this folder: build it again")


def check_record(wheel: Wheel, members: Mapping[str, bytes], record: str) -> None:
    """Stop unless RECORD has the checksum of each other member, as installers expect."""
    rows = [row.rsplit(",", 2)[:2] for row in record.splitlines()]
    recorded = {name.strip('"'): checksum for name, checksum in rows}
    for name in sorted({*members, *recorded}):
        fits = name in members and recorded.get(name) == sha256(members[name])
        if not fits and not name.endswith("/RECORD"):  # it cannot hold its own checksum
            sys.exit(f"{wheel.path.name}: RECORD does not fit {name}")


def package_files() -> set[str]:
    """List what the source tree has for the package, without what was compiled."""
    found = {path.relative_to(SOURCE): path for path in (SOURCE / PACKAGE).rglob("*")}
    for name, path in found.items():
        if path.is_symlink() and path.is_dir():
            sys.exit(
                f"{name} is a link to a folder, which maturin leaves out: put its files there."
            )
    files = {name for name, path in found.items() if path.is_file()}
    files = {name for name in files if not any(part.startswith(".") for part in name.parts)}
    kept = {name for name in files if name.suffix not in NATIVE and "__pycache__" not in name.parts}
    nested = (SOURCE / PACKAGE / MODULE).is_dir()  # where a #[pymodule] holds others
    stub = Path(PACKAGE, MODULE, "__init__.pyi") if nested else Path(PACKAGE, f"{MODULE}.pyi")
    kept |= {Path(PACKAGE, "py.typed"), stub}
    return {path.as_posix() for path in kept}


def metadata_files() -> set[str]:
    """List what the project's table in pyproject.toml asks for."""
    project = PROJECT["project"]
    files = set()
    patterns = project.get("license-files")
    for pattern in LICENSES if patterns is None else patterns:
        paths = [path for path in ROOT.glob(pattern) if path.is_file()]
        found = {f"licenses/{path.relative_to(ROOT).as_posix()}" for path in paths}
        if patterns and not found:
            sys.exit(f'pyproject.toml: license-files has "{pattern}", and no file is called so.')
        files |= found
    if project.keys() & {"entry-points", "gui-scripts", "scripts"}:
        files.add("entry_points.txt")
    return files | {"METADATA", "RECORD", "WHEEL"}


def parse(text: bytes) -> Message:
    """Read a file of headers."""
    return HeaderParser().parsestr(text.decode())


def check_metadata(file: str, metadata: Message) -> None:
    """Stop unless the metadata says what pyproject.toml says."""
    project = PROJECT["project"]
    for header, value in {
        "Name": project["name"],
        "Version": VERSION,
        "License-Expression": project.get("license"),
    }.items():
        if metadata[header] != value:
            sys.exit(f"{file}: {header} is {metadata[header]}, not {value}")
    needed = {named(one) for one in metadata.get_all("Requires-Dist", []) if "extra ==" not in one}
    for name in sorted(needed ^ {*map(named, project.get("dependencies", []))}):
        sys.exit(f"{file}: it and pyproject.toml do not agree about {name}: build it again")
    if bounds(metadata["Requires-Python"]) != bounds(project["requires-python"]):
        sys.exit(f"{file}: it requires Python {metadata['Requires-Python']}")


def named(requirement: str) -> str:
    """Give the name in a requirement, spelt in the one way that counts.

    https://packaging.python.org/en/latest/specifications/name-normalization/
    """
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0]).lower()


def check_tags(wheel: Wheel, tags: Message) -> None:
    """Stop unless the tags inside are those of the name."""
    inside, named = set(tags.get_all("Tag", [])), inner_tags(wheel.path)
    if inside != named:
        sys.exit(
            f"{wheel.path.name}: the tags inside are {sorted(inside)}, not {sorted(named)}: build"
            f" {wheel.platform.id} again, and never rename a wheel."
        )


def inner_tags(path: Path) -> set[str]:
    """Spell out the tags that the name of a wheel puts together."""
    python, abi, systems = path.stem.split("-")[-3:]
    return {f"{python}-{one}-{system}" for one in abi.split(".") for system in systems.split(".")}


def bounds(specifier: str) -> set[str]:
    """Split a specifier of versions, whose order and blanks mean nothing."""
    return set(specifier.replace(" ", "").split(","))


def audit(wheel: Wheel) -> None:
    """Check that what claims the stable ABI uses nothing else."""
    # abi3audit 0.0.26 does not know the entry point of abi3t modules in ELF files.
    known = not (wheel.tag.endswith("abi3t") and wheel.platform.os == "linux")
    if re.search("abi3t?$", wheel.tag) and known:
        subprocess.run(["abi3audit", "--strict", wheel.path], check=True)


def check(wheels: Sequence[Wheel]) -> None:
    """Look at each wheel, and stop at the first that is not as it should be."""
    for wheel in wheels:
        look_inside(wheel)
        audit(wheel)
