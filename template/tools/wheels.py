"""Build the wheels and the sdist into dist/, look inside, and test them as installed.

maturin and cibuildwheel build, uv and pip install, check-wheel-contents, pydistcheck and abi3audit inspect.
"""

import hashlib
import importlib
import os
import re
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from platforms import THIS_MACHINE, Platform, Wheel, select
from project import MODULE, NAME, PROJECT, ROOT, VERSION, capture, main, read, run, show
from release import SUMS, sums

DIST = ROOT / "dist"
SETTINGS = PROJECT["tool"]["cibuildwheel"]
# For other platforms than this machine's. Projects with the usual platforms have no such module.
CROSS: Any = importlib.import_module("cross") if (ROOT / "tools/cross.py").exists() else None
SDIST = f"{NAME}-{VERSION}.tar.gz"
TARGET = Path(ROOT, os.environ.get("CARGO_TARGET_DIR") or "target").resolve()
# The number of a processor in the header of a compiled module: in ELF, Mach-O and PE files.
PROCESSORS = {
    "linux": "x86_64=62 i686=3 aarch64=183 armv7l=40 ppc64le=21 s390x=22 riscv64=243",
    "macos": "x86_64=16777223 arm64=16777228",
    "windows": "amd64=34404 x86=332 arm64=43620",
}


def rustflags() -> list[str]:
    """Return a person's flags for rustc: those of the variable or, without it, of .cargo/config.toml."""
    config = read(".cargo/config.toml")
    if "rustflags" in str(config.get("target")):
        sys.exit(
            "The wheels would lack the rustflags that .cargo/config.toml has for a target, since flags of the"
            " build replace them: move them to [build] there."
        )
    flags = os.environ.get("RUSTFLAGS") or config.get("build", {}).get("rustflags", [])
    return flags.split() if isinstance(flags, str) else list(flags)


def private_paths() -> list[Path]:
    """Return the folders of this machine whose names must not get into a wheel, the widest last."""
    cargo = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    sysroot = Path(capture("rustc", "--print", "sysroot") or "/nowhere")
    return [TARGET, ROOT, cargo, sysroot, Path.home()]


def build_wheels(row: Platform) -> None:
    """Build each wheel of a platform; one call of maturin yields at most one stable-ABI wheel."""
    # The last prefix that fits wins, so the widest comes first.
    prefixes = [f"--remap-path-prefix={path}=." for path in reversed(private_paths())]
    environment = {
        "SOURCE_DATE_EPOCH": SETTINGS["linux"]["environment"]["SOURCE_DATE_EPOCH"],
        **os.environ,
        # Unlike RUSTFLAGS, this form allows blanks in a path.
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join([*rustflags(), *prefixes]),
        # Of its own: maturin's notes on the interpreter would make the next `uv run` compile PyO3 anew.
        "CARGO_TARGET_DIR": str(TARGET / "dist"),
    }
    options = ["--compatibility", "pypi"]
    if row.id != THIS_MACHINE:
        options = CROSS.options(row)
        environment["MACOSX_DEPLOYMENT_TARGET"] = row.floor  # other systems do not read it
    with tempfile.TemporaryDirectory() as scratch:
        command = ["maturin", "build", "--release", "--locked", "--features", "abi3"]
        for wheel in row.wheels():
            python = ["--interpreter", wheel.python, "--out", scratch]
            run(*command, *options, *python, environment=environment)
        for path in Path(scratch).iterdir():
            forget_folder(path, environment)


def forget_folder(wheel: Path, environment: dict[str, str]) -> None:
    """Copy a wheel to dist/ without this folder in its SBOM, where maturin names crates by full path."""
    with tempfile.TemporaryDirectory() as scratch:
        run("wheel", "unpack", "--dest", scratch, wheel)
        (folder,) = Path(scratch).iterdir()
        for sbom in folder.glob("*.dist-info/sboms/*"):
            text = re.sub(r'file://[^"#]*(?=/crates/)', "file://", sbom.read_text("utf-8"))
            sbom.write_text(text, "utf-8", newline="")
        run("wheel", "pack", "--dest-dir", DIST, folder, environment=environment)


def find(rows: Sequence[Platform], folder: Path, *others: str) -> list[Wheel]:
    """Return the wheels of these platforms, or exit unless a folder holds exactly them, `others` and crates."""
    if not folder.is_dir():
        sys.exit(f"There is no folder {folder}: build or fetch the files into it.")
    # What we write, signatures, and what Cargo checks itself.
    notes = re.compile(rf"\..*|proof-.*\.md|{SUMS}|.*\.(crate|intoto\.jsonl)")
    names = {path.name for path in folder.iterdir() if not notes.fullmatch(path.name)}
    wheels = [wheel for row in rows for wheel in row.wheels()]
    for wheel in wheels:
        matching = [name for name in names if wheel.has_name(name)]
        if len(matching) != 1:
            sys.exit(
                f"{folder.name}/ has {len(matching)} wheels {wheel.tag} of {wheel.platform.id}, not 1."
                f" `just wheels {wheel.platform.id}` builds those of one platform. `just wheels` alone builds for this"
                " machine, and has checked its wheels."
            )
        wheel.path = folder / matching[0]
    expected = {*others, *(wheel.path.name for wheel in wheels)}
    for name in sorted(expected - names):
        sys.exit(f"{folder.name}/ lacks {name}")
    for name in sorted(names - expected):
        sys.exit(f"{folder.name}/ holds {name}, which does not belong there: delete it.")
    return wheels


def processor(module: bytes) -> int:
    """Return the number of the processor that a compiled module is for."""
    if module.startswith(b"\x7fELF"):
        return int.from_bytes(module[18:20], "big" if module[5] == 2 else "little")
    start = int.from_bytes(module[60:64], "little") + 4  # of a PE header
    size = module[start : start + 2] if module.startswith(b"MZ") else module[4:8]
    return int.from_bytes(size, "little")


def look_inside(wheel: Wheel) -> None:
    """Exit unless a wheel has the tags of its name, one module for its platform, and no path of this machine."""
    with zipfile.ZipFile(wheel.path) as archive:
        infos = archive.infolist()
        members = {info.filename: archive.read(info) for info in infos}
    odd = [info.filename for info in infos if info.external_attr >> 28 == 0o12 or ".." in info.filename.split("/")]
    if odd or len(members) < len(infos):  # a link has the type 0o12
        sys.exit(f"{wheel.path.name} holds {', '.join(odd) or 'one name twice'}: build it again.")
    name, row, start = wheel.path.name, wheel.platform, MODULE.replace(".", "/")
    tops = {path.partition("/")[0].removeprefix(f"{NAME}-{VERSION}") for path in members}
    if others := sorted(tops - {start.partition("/")[0], f"{NAME}.libs", ".dist-info"}):
        sys.exit(f"{name} holds {', '.join(top or '/' for top in others)}, which does not belong there")
    entry = re.compile(rb"Py(Init|ModExport)_")
    modules = [
        path
        for path, content in members.items()
        if path.endswith((".so", ".pyd")) and (".libs/" not in path or entry.search(content))
    ]
    if len(modules) != 1 or not modules[0].startswith(f"{start}."):
        sys.exit(f"{name} holds {modules or 'no compiled module'}, not one {start}.")
    if f"{row.arch}={processor(members[modules[0]])}" not in PROCESSORS[row.os].split():
        sys.exit(f"{name}: {modules[0]} is not for {row.arch}: see its target in tools/platforms.toml.")
    text = members[f"{NAME}-{VERSION}.dist-info/WHEEL"].decode()
    if (inside := sorted(re.findall(r"^Tag: (\S+)", text, re.MULTILINE))) != wheel.tags():
        sys.exit(f"{name}: the tags inside are {inside}: build it again, and never rename a wheel.")
    from packaging.requirements import Requirement  # publish.py runs where it is not installed

    metadata = members[f"{NAME}-{VERSION}.dist-info/METADATA"].decode()
    needs = {Requirement(line) for line in re.findall(r"^Requires-Dist: (.*)", metadata, re.MULTILINE)}
    ours = {Requirement(line) for line in PROJECT["project"].get("dependencies", [])}
    if others := [str(need) for need in needs - ours if "extra ==" not in str(need.marker)]:
        sys.exit(f"{name} needs {', '.join(others)}, which pyproject.toml does not say")
    # Libraries in C that a build script compiles, such as OpenSSL, may keep the folder they were given.
    given = re.escape(os.fsencode(TARGET)) + rb"[^\0\s\"]*?[/\\]build[/\\][^/\\\0]+[/\\]out"
    # Anybody's text may name a short path, such as /usr/local.
    paths = [path for path in private_paths() if len(path.parts) > 2 and path != Path("/usr/local")]
    for member in [member for member in members if "/sboms/" not in member]:
        content = re.sub(given, b"", members[member])
        for path in [path for path in paths if os.fsencode(path) in content]:
            sys.exit(f"{name}: {member} holds {path}, a folder of this machine")


def look_inside_sdist(path: Path) -> None:
    """Exit unless an sdist holds plain files of this project only."""
    with tarfile.open(path) as archive:
        for member in archive:
            top, _, name = member.name.partition("/")
            is_inside = top == f"{NAME}-{VERSION}" and not {"..", ""} & {*name.split("/")}
            if not (member.isfile() and is_inside and (name == "PKG-INFO" or (ROOT / name).is_file())):
                sys.exit(f"{path.name} holds {member.name}, which is no file of this project")


def check(wheels: Sequence[Wheel]) -> None:
    """Let the inspectors look at each wheel, and exit at the first that is not as it should be."""
    for wheel in wheels:
        look_inside(wheel)
        # abi3audit 0.0.26 does not know the entry point of abi3t modules in ELF files.
        known = not (wheel.tag.endswith("abi3t") and wheel.platform.os == "linux")
        if re.search("abi3t?$", wheel.tag) and known:
            run("abi3audit", "--strict", wheel.path)
    paths = [wheel.path for wheel in wheels]
    run("check-wheel-contents", *paths)
    # pydistcheck 0.11.3 does not read these patterns from pyproject.toml.
    licenses = [f"*/licenses/{pattern}" for pattern in PROJECT["project"].get("license-files", [])]
    expected = [f"--expected-files={pattern}" for pattern in [*licenses, "*/sboms/*.json"]]
    run("pydistcheck", *expected, *paths)


def test(row: Platform, wheels: Sequence[Wheel]) -> None:
    """Install each wheel into a clean environment, outside the checkout, and run the tests there."""
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary).resolve()
        # Editors leave links that lead nowhere.
        shutil.copytree(ROOT / "tests", scratch / "tests", ignore_dangling_symlinks=True)
        for name in ("README.md", "conftest.py", "pyproject.toml"):
            if (ROOT / name).exists():
                shutil.copy(ROOT / name, scratch)
        if not row.native:
            CROSS.test(row, wheels, scratch)
        for wheel in wheels if row.native else []:
            for name in wheel.served():
                python = capture("uv", "python", "find", "--system", "--no-python-downloads", name)
                if python:
                    wheel.tested[name] = "native", test_native(python, wheel, scratch)
    if not any(wheel.tested for wheel in wheels):
        sys.exit(f"No interpreter supports the {row.id} wheels: run `just pythons`.")


def test_native(python: str, wheel: Wheel, scratch: Path) -> int:
    """Install a wheel, and what it and the tests need as uv.lock has it; run the tests, and return how many."""
    # A path of a person's own could lead to the sources, and an option could leave out all tests.
    personal = ("PYTHONHOME", "PYTHONPATH", "PYTEST_ADDOPTS")
    environment = {name: value for name, value in os.environ.items() if name not in personal}
    environment["UV_PROJECT_ENVIRONMENT"] = str(scratch / ".venv")
    needed = ("--no-install-project", "--no-default-groups", "--group", "test", "--no-build")
    run("uv", "sync", "--quiet", "--python", python, *needed, environment=environment)
    # Refresh: uv would install the wheel of the same name that it remembers from an earlier build.
    install = ("uv", "pip", "install", "--quiet", "--python", scratch / ".venv")
    run(*install, "--no-deps", "--refresh", wheel.path, cwd=scratch)
    executable = scratch / ".venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    printed = run(executable, "-m", "pytest", "--quiet", cwd=scratch, environment=environment)
    return passed(printed) or sys.exit(f"No test ran for {wheel.path.name}: see addopts in pyproject.toml, and tests/.")


def passed(printed: str) -> int:
    """Return how many tests passed, by the last line of pytest."""
    return sum(map(int, re.findall(r"\b(\d+) passed\b", printed)[-1:]))


def proof(path: Path, tested: dict[str, tuple[str, int]], served: Sequence[str]) -> str:
    """Return the line of the proof card that says on which interpreters a file was tested, with how many tests."""
    columns = [path.name, str(path.stat().st_size // 1000)]
    for how in ("native", "emulated"):
        columns.append(", ".join(f"{name} ({tests})" for name, (by, tests) in tested.items() if by == how) or "-")
    columns.append(", ".join(name for name in served if name not in tested) or "-")
    columns.append(hashlib.sha256(path.read_bytes()).hexdigest())
    return f"| {' | '.join(columns)} |"


def card(wheels: Sequence[Wheel], folder: Path, *, final: bool = False) -> str:
    """Return the proof card; the final one takes over what the jobs that built the wheels have proved."""
    lines = ["| file | kB | native (tests) | emulated (tests) | not run | SHA-256 |"]
    lines.append("| --- | --: | --- | --- | --- | --- |")
    proofs = "".join(path.read_text("utf-8") for path in folder.glob("proof-*-*.md")) if final else ""
    for wheel in wheels:
        line = proof(wheel.path, wheel.tested, wheel.served())
        same = [row for row in proofs.splitlines() if row[-68:] == line[-68:]]  # the checksum
        if final and os.environ.get("CI") and not (same or wheel.tested):
            sys.exit(f"{wheel.path.name} was tested nowhere: {wheel.platform.id} left no proof.")
        lines.append(line if wheel.tested or not same else same[0])
    lines += [proof(path, {}, []) for path in [folder / SDIST] if path.exists()]
    return "\n".join([*lines, ""])


def build(*ids: str) -> None:
    """Build for this machine, or for each platform that is asked for; look inside; test."""
    if ids and not CROSS:
        sys.exit("`just answer platforms=choose` adds tools/cross.py, which builds for other platforms.")
    rows = CROSS.choose(ids) if ids else [Platform(THIS_MACHINE)]
    shutil.rmtree(DIST, ignore_errors=True)
    run("maturin", "sdist", "--out", DIST)
    for row in rows:
        build_wheels(row)
    wheels = find(rows, DIST, SDIST)
    check(wheels)
    for row in rows:
        built = [wheel for wheel in wheels if wheel.platform is row]
        if not ids or not CROSS.untested(row):
            test(row, built)
        if ids:
            (DIST / f"proof-{row.id}.md").write_text(card(built, DIST), "utf-8")
    show(card(wheels, DIST), DIST / "proof-card.md")
    if missing := {name for wheel in wheels for name in {*wheel.served()} - {*wheel.tested}}:
        names = ", ".join(sorted(missing))
        print(f"Not tested on {names}: `just pythons` installs what is missing here.")


def cibuildwheel(name: str) -> None:
    """Let cibuildwheel build and test the wheels of a platform; look inside."""
    row, *others = select([name])
    if others:
        sys.exit(f"{name} is {len(others) + 1} platforms: name one of them, such as {row.id}.")
    rustflags()
    shutil.rmtree(DIST, ignore_errors=True)
    tests: dict[str, int] = {}
    for settings in row.cibuildwheel():
        printed = run("cibuildwheel", "--output-dir", DIST, environment=os.environ | settings)
        _, *parts = re.split(r"^Building (\S+) wheel$", re.sub(r"\x1b\[[\d;]*m", "", printed), flags=re.MULTILINE)
        tests |= {identifier: passed(text) for identifier, text in zip(parts[::2], parts[1::2], strict=True)}
    wheels = find([row], DIST)
    check(wheels)
    for wheel in wheels:
        counts = {name: tests.get(row.identifier(name), 0) for name in wheel.served()}
        wheel.tested = {name: ("native", count) for name, count in counts.items() if count}
    show(card(wheels, DIST), DIST / f"proof-{row.id}.md")


def verify(name: str, *ids: str) -> None:
    """Exit unless a folder holds exactly the files of a release; test those of this machine."""
    folder, rows = Path(name).resolve(), select(ids)
    wheels = find(rows, folder, SDIST)
    (folder / SUMS).write_text(listed := sums(folder), "utf-8")
    check(wheels)
    look_inside_sdist(folder / SDIST)
    for row in rows:
        if row.native:
            test(row, [wheel for wheel in wheels if wheel.platform is row])
    if sums(folder) != listed:
        sys.exit(f"The files in {folder.name}/ are others than before the tests: build them again.")
    show(card(wheels, folder, final=True), folder / "proof-card.md")


if __name__ == "__main__":
    main(build, cibuildwheel, verify)
