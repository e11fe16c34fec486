"""Build the wheels and the sdist into dist/, look inside, and test them as installed.

Usage: python tools/wheels.py build [all | ID…]     for this machine, or cross-compiled
       python tools/wheels.py cibuildwheel ID       with cibuildwheel, on the system of that platform
       python tools/wheels.py test ID DIR           test finished wheels, emulated where they are foreign
       python tools/wheels.py verify DIR [all | slice | ID…]   the sdist and all wheels of a release

maturin and cibuildwheel build, uv and pip install; this program arranges their calls and checks
what came out. ID is that of a row in tools/platforms.toml.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from contents import (
    MODULE,
    NATIVE,
    PACKAGE,
    SDIST,
    SOURCE,
    TARGET,
    capture,
    check,
    check_sdist,
    find,
    inner_tags,
    listing,
    private_paths,
    sha256,
)
from platforms import (
    NAME,
    PROJECT,
    ROOT,
    THIS_MACHINE,
    VERSION,
    Platform,
    Wheel,
    here,
    number,
    select,
)

DIST = ROOT / "dist"
UNPACKED = ROOT / "target/unpacked"  # not in TARGET, which other projects may share
MINGW = {
    "x86_64-pc-windows-gnu": "x86_64-w64-mingw32-gcc",
    "i686-pc-windows-gnu": "i686-w64-mingw32-gcc",
}
OCI_ARCHITECTURES = {"x86_64": "amd64", "i686": "386", "aarch64": "arm64", "armv7l": "arm/v7"}

# Asks each Python in a container for its version and its path.
LIST_PYTHONS = """
for python in /opt/python/*/bin/python $(ls /usr/local/bin/python3.* /usr/bin/python3.* 2>/dev/null); do
    "$python" -c 'import platform, sys, sysconfig
kind = "pypy" if platform.python_implementation() == "PyPy" else ""
suffix = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
print(kind + "%d.%d" % sys.version_info[:2] + suffix, sys.argv[1])' "$python" 2>/dev/null || true
done
"""

# Tells whether the Python that runs it installs a wheel of this name, with what pip asks as well.
ACCEPTS = """
import sys
from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename
tags = parse_wheel_filename(sys.argv[1])[3]
sys.exit(None if tags & set(sys_tags()) else f"{sys.argv[1]} is not for this Python.")
"""

# Prints the tags of an installed wheel.
TAGS = """
import importlib.metadata, sys
wheel = importlib.metadata.distribution(sys.argv[1]).read_text("WHEEL")
print(*(line.removeprefix("Tag: ") for line in wheel.splitlines() if line.startswith("Tag: ")))
"""


def run(
    *command: str | Path, cwd: Path = ROOT, environment: Mapping[str, str] = os.environ
) -> None:
    """Run a command, and stop if it fails."""
    print("$", *command, flush=True)
    code = subprocess.run(command, cwd=cwd, env=environment, check=False).returncode
    if code:
        sys.exit(f"{command[0]} failed with exit code {code}, see above.")


# Building


def source_date_epoch() -> str:
    """Give the time of the commit or, without Git, a fixed one."""
    commit_time = capture("git", "log", "-1", "--no-show-signature", "--format=%ct")
    return os.environ.get("SOURCE_DATE_EPOCH") or commit_time or "315532800"


def configured_flags(target: str) -> list[str]:
    """Read the flags for rustc in .cargo/config.toml, which Cargo forgets where a variable has some.

    https://doc.rust-lang.org/cargo/reference/config.html#buildrustflags
    """
    path = ROOT / ".cargo/config.toml"
    config = tomllib.loads(path.read_text("utf-8") if path.exists() else "")
    tables = config.get("target", {})
    for name, table in tables.items():
        if name.startswith("cfg(") and "rustflags" in table:
            sys.exit(
                f"The wheels would be built without the rustflags of [target.'{name}'] in"
                f" .cargo/config.toml: name a target triple there, such as {target}."
            )
    flags = tables.get(target, {}).get("rustflags") or config.get("build", {}).get("rustflags", [])
    return flags.split() if isinstance(flags, str) else list(flags)


def build_environment(source: Path, target: str = "") -> dict[str, str]:
    """Make builds reproducible: the same source gives the same bytes in any folder, at any time."""
    flags = os.environ.get("CARGO_ENCODED_RUSTFLAGS", "").split("\x1f")
    flags += os.environ.get("RUSTFLAGS", "").split()
    if not any(flags):  # as Cargo has it: a variable counts for more than the file
        flags = configured_flags(target or capture("rustc", "--print", "host-tuple"))
    # The last prefix that fits wins, so the widest comes first.
    for path in [*reversed(private_paths()), source]:
        flags.append(f"--remap-path-prefix={path}=.")
    return {
        **os.environ,
        # Unlike RUSTFLAGS, this form allows blanks in a path.
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flag for flag in flags if flag),
        # Of its own: maturin's notes on the interpreter would make the next `uv run` compile PyO3 anew.
        "CARGO_TARGET_DIR": str(TARGET / "dist"),
        "SOURCE_DATE_EPOCH": source_date_epoch(),
    }


def refuse_strays() -> None:
    """Stop at a compiled module in the source tree that `uv run` did not put there."""
    own = re.compile(rf"{MODULE}\.((abi3t?|(cpython-|cp)3\d\dt?|pypy3\d\d)(-[\w-]+)?\.)?(so|pyd)")
    for path in sorted(SOURCE.rglob("*")):
        mine = path.parent.name == PACKAGE and own.fullmatch(path.name)
        if path.suffix in NATIVE and not mine:
            sys.exit(f"{path.relative_to(ROOT)} is not from this build: delete it.")


def unpacked(archive: tarfile.TarFile) -> Path:
    """Unpack the folder that an archive holds, always to the same place.

    Cargo would compile each dependency anew in another one, or take what it compiled there before
    for new: https://doc.rust-lang.org/nightly/nightly-rustc/cargo/core/compiler/fingerprint/
    """
    if UNPACKED.exists():
        shutil.rmtree(UNPACKED)
    archive.extractall(UNPACKED, filter="data")
    (top,) = UNPACKED.iterdir()
    for path in top.rglob("*"):
        path.touch()  # cargo and build scripts compare times, and those in an archive are old
    return top.rename(UNPACKED / "source")


def sdist() -> Path:
    """Build the sdist, and give a folder with what it holds."""
    refuse_strays()
    shutil.rmtree(DIST, ignore_errors=True)
    run("maturin", "sdist", "--out", DIST, environment=build_environment(ROOT))
    with tarfile.open(DIST / SDIST) as archive:
        source = unpacked(archive)
    # An sdist does not say where private registries are.
    if (ROOT / ".cargo").exists():
        shutil.copytree(ROOT / ".cargo", source / ".cargo", dirs_exist_ok=True)
    prune_lock(source)
    return source


def prune_lock(source: Path) -> None:
    """Take out of the sdist's lock what only crates need that are not in it; no version may change."""
    command = ["cargo", "metadata", "--quiet", "--format-version=1"]
    subprocess.run(command, cwd=source, stdout=subprocess.DEVNULL, check=False)
    for name, version in sorted(locked(source) - locked(ROOT)):
        sys.exit(f"Cargo.lock lacks {name} {version}: type `just setup`, and commit it.")


def locked(folder: Path) -> set[tuple[str, str]]:
    """Read the name and the version of each crate in a lock."""
    lock = tomllib.loads((folder / "Cargo.lock").read_text("utf-8"))
    return {(crate["name"], crate["version"]) for crate in lock["package"]}


def build_wheels(row: Platform, source: Path) -> None:
    """Build each wheel of a platform in a call of its own.

    One call of maturin yields at most one stable-ABI wheel.
    """
    before = set(DIST.glob("*.whl"))
    environment = build_environment(source, row.target)
    if row.os == "macos" and row.id != THIS_MACHINE:
        environment["MACOSX_DEPLOYMENT_TARGET"] = row.floor
    for wheel in row.wheels():
        command = ["maturin", "build", "--release", "--locked", "--out", str(DIST)]
        command += ["--features", "abi3"]
        command += ["--interpreter", wheel.python, *target_options(row)]
        run(*command, cwd=source, environment=environment)
    for path in set(DIST.glob("*.whl")) - before:
        forget_folder(path, source)


def target_options(row: Platform) -> list[str]:
    """Tell maturin what it builds for."""
    if row.id == THIS_MACHINE:
        return ["--compatibility", "pypi"]
    options = ["--target", row.target]
    if row.os == "linux":
        return [*options, "--zig", "--compatibility", row.tag.removesuffix(f"_{row.arch}"), "pypi"]
    return [*options, "--zig"] if row.os == "macos" and sys.platform != "darwin" else options


def forget_folder(wheel: Path, source: Path) -> None:
    """Take the build folder out of the SBOM, where maturin names crates by their full path."""
    with zipfile.ZipFile(wheel) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    lines = {}
    for index, (info, content) in enumerate(members):
        if "/sboms/" in info.filename:
            content = re.sub(rb'file://[^"#]*', partial(relative, source), content)
            lines[info.filename] = f"{info.filename},{sha256(content)},{len(content)}"
            members[index] = (info, content)
    with zipfile.ZipFile(wheel, "w") as archive:
        for info, content in members:
            if info.filename.endswith(".dist-info/RECORD"):
                rows = content.decode().splitlines()
                content = "".join(f"{lines.get(row.split(',')[0], row)}\n" for row in rows).encode()
            archive.writestr(info, content)


def relative(source: Path, uri: re.Match[bytes]) -> bytes:
    """Take a folder out of an address of a file; cargo quotes other characters than Python does."""
    folder, address = unquote_to_bytes(source.as_uri()), unquote_to_bytes(uri[0])
    rest = address.removeprefix(folder)
    return uri[0] if rest == address else b"file://" + quote(rest).encode()


def obstacle(row: Platform) -> str:
    """Say why this machine cannot build for a platform, and what to type; nothing if it can."""
    if row.os == "macos" and sys.platform == "win32":
        return "it needs Linux or macOS: leave it to CI."
    if row.os == "windows" and sys.platform != "win32":
        if row.target not in MINGW:
            gnu = row.target.replace("msvc", "gnu")
            other = f', or give the row target = "{gnu}"' if gnu in MINGW else ""
            return f"it needs Windows: leave it to CI{other}."
        if not shutil.which(MINGW[row.target]):
            return f"it needs MinGW: on Debian, type `apt install {_package(MINGW[row.target])}`."
    folder = capture("rustc", "--print", "target-libdir", "--target", row.target)
    if not folder:
        return f"rustc has no target {row.target}: mend it in tools/platforms.toml."
    if not Path(folder).is_dir():
        return f"Rust's library for it is not there: type `rustup target add {row.target}`."
    return ""


def _package(compiler: str) -> str:
    return f"gcc-mingw-w64-{compiler.split('-')[0].replace('_', '-')}"


# Testing


def interpreters() -> dict[str, str]:
    """Find an interpreter of each version on this machine: {"3.14t": "/path/to/python"}."""
    listing = capture("uv", "python", "list", "--only-installed", "--output-format", "json")
    machine = here().split("-")[1]
    machine = {"amd64": "x86_64", "arm64": "aarch64", "i686": "x86"}.get(machine, machine)
    foreign = {"aarch64", "x86", "x86_64"} - {machine}  # a Mac or Windows may run these as well
    found: dict[str, str] = {}
    for python in json.loads(listing or "[]"):
        parts = python["version_parts"]
        kind = "pypy" if python["implementation"] == "pypy" else ""
        free_threaded = "t" if python["variant"] == "freethreaded" else ""
        if python["implementation"] in ("cpython", "pypy") and python["arch"] not in foreign:
            name = f"{kind}{parts['major']}.{parts['minor']}{free_threaded}"
            found.setdefault(name, python["path"])
    return found


@dataclass
class Container:
    """A container of the architecture of a platform, in which its Pythons run."""

    engine: str
    row: Platform

    def run(self, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a folder of this machine."""
        architecture = OCI_ARCHITECTURES.get(self.row.arch, self.row.arch)
        options = ["--rm", "--platform", f"linux/{architecture}", "--volume", f"{folder}:{folder}"]
        # Hypothesis knows by CI that machines may be slow.
        options += ["--workdir", str(folder), "--env", "CI=true"]
        if self.row.arch == "aarch64":  # QEMU before 10 signs pointers very slowly otherwise
            options += ["--env", "QEMU_CPU=max,pauth-impdef=on"]
        arguments = [self.engine, "run", *options, self.row.image, *command]
        return subprocess.run(arguments, check=False, text=True, capture_output=True)

    def interpreters(self) -> dict[str, str]:
        """Find an interpreter of each version in it."""
        with tempfile.TemporaryDirectory() as scratch:
            result = self.run(Path(scratch).resolve(), "sh", "-c", LIST_PYTHONS)
        found = dict(line.split() for line in reversed(result.stdout.splitlines()))
        if not found:
            print(result.stderr)
            sys.exit(
                f"{self.row.image} does not run as {self.row.arch}, or has no Python, see above. Is"
                " QEMU registered? Type `docker run --privileged --rm tonistiigi/binfmt --install"
                f" all`, or name another image for {self.row.id} in tools/platforms.toml."
            )
        return found


def container_engine() -> str:
    """Find docker or podman, whichever works."""
    return next((name for name in ("docker", "podman") if capture(name, "info")), "")


def untested(row: Platform) -> str:
    """Say why this machine cannot test the wheels of a platform; nothing if it can."""
    if row.native:
        return ""
    if row.os != "linux":
        return f"they run on {row.id} only"
    if not row.image:
        return f"{row.id} has no image in tools/platforms.toml"
    return "" if container_engine() else "they run in a container: install docker or podman"


def test(row: Platform, wheels: Sequence[Wheel], folder: Path) -> None:
    """Install each wheel into a clean environment, outside the checkout, and run the tests there."""
    container = None if row.native else Container(container_engine(), row)
    found = container.interpreters() if container else interpreters()
    chosen = [
        (python, path, wheel)
        for python, path in sorted(found.items(), key=lambda item: (number(item[0]), item[0]))
        for wheel in wheels
        if wheel.serves(python)
    ]
    if not chosen:
        sys.exit(f"{row.id}: no Python here installs its wheels, so none was tested.")
    with test_folder() as scratch:
        if container:
            # What the tests need comes as pure Python: nothing is compiled under emulation.
            pure = ("--implementation", "py", "--abi", "none", "--platform", "any")
            pip_install(scratch / "needs", *pure, "--group", f"{scratch / 'pyproject.toml'}:test")
        for python, path, wheel in chosen:
            if container:
                test_emulated(container, python, path, wheel, scratch)
            else:
                test_native(path, wheel, folder, scratch)
            wheel.tested[python] = "emulated" if container else "native"


@contextmanager
def test_folder() -> Iterator[Path]:
    """Give a folder outside the checkout that holds the tests and no source."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve()
        # Editors leave links that lead nowhere.
        shutil.copytree(ROOT / "tests", folder / "tests", ignore_dangling_symlinks=True)
        for name in ("README.md", "conftest.py", "pyproject.toml"):
            if (ROOT / name).exists():
                shutil.copy(ROOT / name, folder)
        yield folder


def test_native(python: str, wheel: Wheel, wheels: Path, scratch: Path) -> None:
    """Install from a folder of wheels, with no index, then what they and the tests need; run these.

    Which of the wheels it is, is the installer's choice, and must be this one.
    """
    run("uv", "venv", "--quiet", "--clear", "--python", python, scratch / ".venv")
    install = ("uv", "pip", "install", "--quiet", "--python", scratch / ".venv")
    # No configuration: `exclude-newer` leaves out files without an upload date, as these are.
    # Refresh: uv would install the wheel of the same name that it remembers from an earlier build.
    only_these = ("--no-config", "--no-index", "--no-deps", "--refresh", "--find-links", wheels)
    run(*install, *only_these, f"{NAME}=={VERSION}", cwd=scratch)
    scripts = scratch / ".venv" / ("Scripts" if sys.platform == "win32" else "bin")
    installed = capture(str(scripts / "python"), "-I", "-c", TAGS, NAME)
    if set(installed.split()) != inner_tags(wheel.path):
        sys.exit(f"{python} does not install {wheel.path.name}, but one for {installed}.")
    project = scratch / "pyproject.toml"
    needed = ("--requirements", project, "--group", f"{project}:test")
    run(*install, "--only-binary", ":all:", *needed, cwd=scratch)
    # A path of a person's own could lead to the sources, and an option could leave out all tests.
    own = ("PYTHONHOME", "PYTHONPATH", "PYTEST_ADDOPTS")
    environment = {name: value for name, value in os.environ.items() if name not in own}
    command = (scripts / "python", "-m", "pytest", "--quiet")
    run(*command, cwd=scratch, environment=environment)


def pip_install(folder: Path, *arguments: str | Path) -> None:
    """Install for another machine into a folder: pip's code would take a minute under emulation."""
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--only-binary", ":all:", "--target", folder, *arguments)


def served_by(row: Platform, python: str) -> list[str]:
    """Give pip the options for wheels that a Python, such as 3.14t, of another platform installs."""
    major, minor = map(int, row.floor.split("."))
    options = ["--implementation", "cp", "--python-version", python.removesuffix("t")]
    for abi in (f"cp{python.replace('.', '')}", "none" if python.endswith("t") else "abi3"):
        options += ["--abi", abi]
    for older in range(minor, -1, -1):
        options += ["--platform", f"{row.kind}_{major}_{older}_{row.arch}"]
    return options


def test_emulated(
    container: Container, version: str, python: str, wheel: Wheel, scratch: Path
) -> None:
    """Ask the container's Python whether it accepts the wheel's tags, and run the tests there."""
    print(f"{wheel.path.name}: {python} in {container.row.image}", flush=True)
    site = Path(tempfile.mkdtemp(dir=scratch))
    oldest, abi, platform = wheel.path.stem.split("-")[-3:]
    tags = [option for tag in abi.split(".") for option in ("--abi", tag)]
    tags += [option for tag in platform.split(".") for option in ("--platform", tag)]
    tags += ["--implementation", oldest[:2], "--python-version", oldest[2:]]
    pip_install(site, *tags, "--no-index", "--no-deps", wheel.path)
    if needed := PROJECT["project"].get("dependencies"):
        pip_install(site, *served_by(container.row, version), *needed)
    (scratch / "accepts.py").write_text(ACCEPTS, "utf-8")
    script = (
        f"export PYTHONPATH=needs:{site.name}; {python} accepts.py {wheel.path.name}"
        f" && {python} -m pytest --quiet -p no:cacheprovider"
    )
    result = container.run(scratch, "sh", "-c", script)
    print(result.stdout, result.stderr, flush=True)
    if result.returncode:
        sys.exit(f"{wheel.path.name} failed with {python} in {container.row.image}, see above.")


# What was proved


def save_proof(row: Platform, wheels: Sequence[Wheel], folder: Path) -> None:
    """Note beside the wheels where each was tested, for the job that sees all of them."""
    proof = {wheel.path.name: wheel.tested for wheel in wheels}
    (folder / f"proof-{row.id}.json").write_text(f"{json.dumps(proof, indent=2)}\n", "utf-8")


def read_proofs(wheels: Sequence[Wheel], folder: Path) -> None:
    """Read where the jobs that built the wheels have tested them."""
    for path in sorted(folder.glob("proof-*.json")):
        proof = json.loads(path.read_text("utf-8"))
        for wheel in wheels:
            wheel.tested = {**proof.get(wheel.path.name, {}), **wheel.tested}


def proof_card(wheels: Sequence[Wheel], sdist: Path | None = None) -> str:
    """Say of each wheel on which interpreters it was tested, and on which it was not."""
    titles = ("file", "kB", "native", "emulated", "not run", "SHA-256")
    lines = [f"| {' | '.join(titles)} |", "| --- | --: | --- | --- | --- | --- |"]
    for wheel in wheels:
        cells = [
            ", ".join(p for p in wheel.tested if wheel.tested[p] == how) or "-"
            for how in ("native", "emulated")
        ]
        cells.append(", ".join(p for p in wheel.served() if p not in wheel.tested) or "-")
        lines.append(f"| {' | '.join([*_file(wheel.path), *cells, _digest(wheel.path)])} |")
    if sdist:
        lines.append(f"| {' | '.join([*_file(sdist), '-', '-', '-', _digest(sdist)])} |")
    return "\n".join(lines)


def _file(path: Path) -> list[str]:
    return [path.name, str(path.stat().st_size // 1000)]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def show(card: str) -> None:
    """Print the proof card, and put it into the summary of a CI job."""
    print(f"\n{card}")
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(f"{card}\n")


# The verbs


def build(words: Sequence[str]) -> None:
    """Build for this machine, or for each platform that is asked for; look inside; test."""
    rows = choose(words) if words else [Platform.of_this_machine()]
    reasons = {row.id: untested(row) for row in rows}
    for row in rows:
        if reasons[row.id] and os.environ.get("CI"):
            sys.exit(f"{row.id} cannot be tested here: {reasons[row.id]}. Nothing was built.")
    source = sdist()
    for row in rows:
        build_wheels(row, source)
    wheels = find(rows, DIST, [SDIST])
    check_sdist(DIST / SDIST)
    check(wheels)
    for row in rows:
        own = [wheel for wheel in wheels if wheel.platform is row]
        if not reasons[row.id]:
            test(row, own, DIST)
        if row.id != THIS_MACHINE:
            save_proof(row, own, DIST)
    show(proof_card(wheels, DIST / SDIST))
    here = [wheel for wheel in wheels if wheel.platform.id == THIS_MACHINE]
    if missing := sorted(
        {name for wheel in here for name in wheel.served() if name not in wheel.tested}
    ):
        print(f"Not tested on {', '.join(missing)}: `just pythons` installs what is missing here.")


def choose(words: Sequence[str]) -> list[Platform]:
    """Say what will be built, tested and left out; stop if what was asked for by id cannot be."""
    # Whatever a row says of CI, this is the other engine: it has no PyPy, for example.
    rows = [replace(row, engine="cross") for row in select(words)]
    obstacles = {row.id: obstacle(row) for row in rows}
    for row in rows:
        if obstacles[row.id]:
            print(f"{row.id}: cannot be built here; {obstacles[row.id]}")
        else:
            where = "here" if row.native else f"under emulation in {row.image}"
            reason = untested(row)
            tested = f"not tested: {reason}" if reason else f"tested {where}"
            print(f"{row.id}: {len(row.wheels())} wheels, {tested}")
    able = [row for row in rows if not obstacles[row.id]]
    if (list(words) != ["all"] and len(able) < len(rows)) or not able:
        sys.exit("Nothing was built.")
    return able


def one(word: str) -> Platform:
    """Give the row of a platform; `all` and `slice` may be several."""
    rows = select([word])
    if len(rows) > 1:
        sys.exit(f"{word} is {len(rows)} platforms: name one of them, such as {rows[0].id}.")
    return rows[0]


def container_flags(row: Platform) -> None:
    """Stop at flags for rustc that would not reach cibuildwheel's container."""
    settings = str(PROJECT["tool"]["cibuildwheel"].get("linux", {}).get("environment", ""))
    lost = [flag for flag in configured_flags(row.target) if flag not in settings]
    if row.os == "linux" and lost:
        sys.exit(
            f"cibuildwheel's container would not get {' '.join(lost)} from .cargo/config.toml: add"
            " this to RUSTFLAGS under [tool.cibuildwheel.linux] in pyproject.toml."
        )


def cibuildwheel(word: str) -> None:
    """Let cibuildwheel build and test the wheels of a platform; look inside."""
    row = one(word)
    container_flags(row)
    refuse_strays()
    shutil.rmtree(DIST, ignore_errors=True)
    tested = []
    for identifiers in row.identifiers():
        # On macOS and Windows no container hides the folders of this machine.
        environment = build_environment(ROOT, row.target) | row.cibuildwheel(
            list(identifiers.values())
        )
        run("cibuildwheel", "--output-dir", DIST, environment=environment)
        tested += [python for python, name in identifiers.items() if not test_skipped(name)]
    for path in DIST.glob("*.whl"):
        forget_folder(path, ROOT)
    wheels = find([row], DIST)
    check(wheels)
    for wheel in wheels:  # cibuildwheel would have stopped at a test that fails
        wheel.tested = {python: "native" for python in tested if wheel.serves(python)}
    save_proof(row, wheels, DIST)
    show(proof_card(wheels))


def test_skipped(identifier: str) -> bool:
    """Tell whether cibuildwheel was told to leave out a build, or its tests."""
    from cibuildwheel.selector import selector_matches  # only the group `native` has it

    patterns: list[str] = []
    for key in ("skip", "test-skip"):
        configured = PROJECT["tool"]["cibuildwheel"].get(key, [])
        patterns += configured.split() if isinstance(configured, str) else configured
        patterns += os.environ.get(f"CIBW_{key.upper().replace('-', '_')}", "").split()
    return any(selector_matches(pattern, identifier) for pattern in patterns)


def test_finished(word: str, folder: Path) -> None:
    """Test the wheels of a platform in a folder, which may hold other wheels as well."""
    row = one(word)
    if reason := untested(row):
        sys.exit(f"{word} cannot be tested here: {reason}.")
    names = [path.name for path in listing(folder) if path.suffix == ".whl"]
    wheels = [wheel for wheel in row.wheels() if any(wheel.named(name) for name in names)]
    for wheel in wheels:
        wheel.path = next(folder / name for name in names if wheel.named(name))
    if not wheels:
        sys.exit(f"{folder.name}/ has no wheels of {word}: build or fetch them into it.")
    test(row, wheels, folder)
    show(proof_card(wheels))


def verify(folder: Path, words: Sequence[str]) -> None:
    """Stop unless a folder holds exactly the files of a release; test those of this machine."""
    rows = select(words)
    wheels = find(rows, folder, [SDIST])
    check_sdist(folder / SDIST)
    check(wheels)
    for row in rows:
        if row.native:
            test(row, [wheel for wheel in wheels if wheel.platform is row], folder)
    read_proofs(wheels, folder)
    for wheel in wheels:
        if not wheel.tested and os.environ.get("CI"):
            sys.exit(
                f"{wheel.path.name} was tested nowhere: the job of {wheel.platform.id} left no proof."
            )
    card = proof_card(wheels, folder / SDIST)
    (folder / "proof-card.md").write_text(f"{card}\n", "utf-8")
    show(card)


def main(words: Sequence[str]) -> None:
    """Do what the words say."""
    match words:
        case ["build", *rest]:
            build(rest)
        case ["cibuildwheel", word]:
            cibuildwheel(word)
        case ["test", word, folder]:
            test_finished(word, Path(folder).resolve())
        case ["verify", folder, *rest]:
            verify(Path(folder).resolve(), rest)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
