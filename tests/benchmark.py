"""How fast and how small it is: medians and ratios, each pair measured in one run.

Usage: python tests/benchmark.py [copy | update | loop | code | files | versions | images | wheels [ID]…]

`versions` compares what a project does in 1.0.8, in 1.1.0 and as it would be rendered now, by turns.

`images` has cibuildwheel build in an image with Rust inside, and without; it needs what docs/testing.md lists for the tests of images.

`wheels` cross-compiles for every Linux platform that the machine can reach, or for these IDs only.

Aims in seconds were set on a machine where `copier --version` takes 0.345 s. Each stands beside the median here, and beside an
estimate of what that would be there: the median, divided by how many times as long `copier --version` takes here at the same time.
"""

import base64
import json
import re
import resource
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path

from conftest import SCRATCH
from project import FIRST_ONLY, ROOT, Project, commit, git, render, template, toolchain
from test_images import ENGINE, SETTINGS, Registry, new_project, publish, serve_registry
from test_questions import known
from versions import NOW, copy_at, every_file, history, version_of

COPIER = [sys.executable, "-m", "copier"]
START = 0.345  # seconds of `copier --version` where the aims were set
EMULATED = "localhost/aarch64-rust"  # an image with cargo and Python for 64-bit Arm
BUILD_ONLY = """
import platforms, wheels
for row in platforms.select(sys.argv[1:]):
    wheels.build_wheels(row)
"""
BUILD_FIRST = FIRST_ONLY + BUILD_ONLY

COMPARE = """
import itertools, statistics, sys, time
sys.path[:0] = [{folder!r}, {tests!r}]
import c_fizzbuzz, oracle
from new import fizzbuzz, longest_chain

def seconds(function, argument, calls):
    start = time.perf_counter()
    for _ in range(calls):
        function(argument)
    return (time.perf_counter() - start) / calls

def race(what, functions, argument, calls, rounds):
    times = {{name: [] for name in functions}}
    # Taking turns, so that a slow moment hits all of them; in every order, since whoever comes after plain Python finds its
    # memory in pieces, and takes a tenth longer.
    for order in [*itertools.permutations(functions)] * rounds:
        for name in order:
            times[name].append(seconds(functions[name], argument, calls))
    medians = {{name: statistics.median(durations) for name, durations in times.items()}}
    if "c" in medians and calls == 1:
        print(f"the yardstick: C is {{medians['python'] / medians['c']:.1f}} times as fast as plain Python, 3 makes it valid")
    base = medians["rust"]
    print(f"{{what:34}}", *(f"{{n}} {{m * 1e6:12.3f}} us ({{m / base:7.2f}} x Rust)" for n, m in medians.items()))

three = {{"rust": fizzbuzz, "c": c_fizzbuzz.fizzbuzz, "python": oracle.fizzbuzz}}
race("fizzbuzz, a slice of a million", three, slice(1_000_000), 1, 3)
race("fizzbuzz, a list of a million", three, list(range(1_000_000)), 1, 3)
race("fizzbuzz, one call", three, 7, 20_000, 3)
race("longest_chain, one thread", {{"rust": longest_chain, "python": oracle.longest_chain}}, 30_000, 1, 3)
"""


def wall(call: Callable[[], object]) -> float:
    """Time one call, in seconds."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def show(what: str, seconds: list[float], aim: float = 0, start: float = 0) -> float:
    """Print the median, and give it; beside it an aim, and what the median would be where that was set."""
    median = statistics.median(seconds)
    spread = f"{min(seconds):.3f} to {max(seconds):.3f}"
    there = (
        f"aim {aim:.3f} s, there about {median * START / (start or copier_start()):.3f} s"
        if aim
        else ""
    )
    print(f"{what:44}{median:9.3f} s  (n={len(seconds)}, {spread}) {there}")
    return median


def copier_start(runs: int = 5) -> float:
    """Time `copier --version`, the yardstick of this machine's speed."""
    version = [*COPIER, "--version"]
    run = partial(subprocess.run, version, check=True, stdout=subprocess.DEVNULL)
    return statistics.median(wall(run) for _ in range(runs))


def measure_copy() -> None:
    """Compare a copy with Copier's own start."""
    version, copy = [], []
    for i in range(11):
        version.append(copier_start(1))
        command = [*COPIER, "copy", "-q", "--defaults", str(template()), str(SCRATCH / f"copy{i}")]
        copy.append(wall(partial(subprocess.run, command, check=True)))
    files = len(list(Project(SCRATCH / "copy0").files()))
    start = show("copier --version", version)
    print(f"allowed here, by 1.4 times that and 6 ms a file: {1.4 * start + 0.006 * files:.3f} s")
    show(f"copier copy, {files} files", copy, 1.4 * START + 0.006 * files, start)


def processor(command: list[str], folder: Path) -> float:
    """Run a command, and give the processor time of it and of all that it starts, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure_update() -> None:
    """Time an update of the default project to a version that changes every file."""
    folder = Path(tempfile.mkdtemp())
    clone = history(folder / "template", [every_file])
    start, update = [], []
    for i in range(7):
        start.append(processor([*COPIER, "--version"], folder))
        project = copy_at(clone, NOW, folder / f"new{i}", {})
        command = [*COPIER, "update", "--quiet", "--defaults", "--vcs-ref", version_of(every_file)]
        update.append(processor(command, project.path))
    base = show("copier --version, processor", start)
    median = show("copier update, processor", update, 2.5, base)
    print(f"{median / base:.1f} times copier's own start")


def measure_loop() -> None:
    """Time a new project's first steps, and the loop of edit and test."""
    copies = [render(Path(tempfile.mkdtemp()) / "new") for _ in range(3)]
    first = [wall(partial(copy.run, "uv", "run", "pytest")) for copy in copies]
    show("first uv run pytest", first, 15)
    project = copies[0]
    core = "crates/core/src/collatz.rs"

    def edits(count: int) -> list[float]:
        times = []
        for i in range(count):
            with (project / core).open("a", encoding="utf-8") as file:
                file.write(f"// edit {i}\n")
            times.append(wall(lambda: project.run("uv", "run", "pytest", "-q")))
        return times

    idle = [wall(lambda: project.run("uv", "run", "pytest", "-q")) for _ in range(5)]
    show("uv run pytest, nothing edited", idle)
    show("uv run pytest after an edit in the core", edits(7), 1.2)
    fresh = [render(Path(tempfile.mkdtemp()) / "new") for _ in range(3)]
    show("first just check", [wall(partial(copy.just, "check")) for copy in fresh], 60)
    show(
        "just check again",
        [wall(lambda: project.just("check")), wall(lambda: project.just("check"))][1:],
    )
    after = []
    for _ in range(5):
        project.just("check")
        after += edits(1)
    show("uv run pytest after an edit, after just check", after, 1.2)
    show("first just wheels", [wall(partial(copy.just, "wheels")) for copy in fresh], 120)
    for path in sorted((fresh[0] / "dist").glob("*.whl")):
        print(f"{path.name:60}{path.stat().st_size / 1000:9.1f} kB  aim: 250 kB")


def measure_versions() -> None:
    """Compare versions of the template: a copy, an update, and the first run of each recipe, by turns."""
    clone = history(Path(tempfile.mkdtemp()) / "template", [every_file])
    times: dict[str, dict[str, list[float]]] = {}
    for turn in range(3):
        for version in ("1.0.8", "1.1.0", NOW):
            folder = Path(tempfile.mkdtemp()) / f"new{turn}"
            copy = [
                *COPIER,
                "copy",
                "-q",
                "--defaults",
                "--vcs-ref",
                version,
                str(clone),
                str(folder),
            ]
            took = times.setdefault(version, {})
            took.setdefault("copy", []).append(wall(partial(subprocess.run, copy, check=True)))
            project, target = Project(folder), {"CARGO_TARGET_DIR": tempfile.mkdtemp()}
            for recipe in ("test-python", "check", "wheels"):
                run = partial(project.just, recipe, env=target)
                took.setdefault(f"first just {recipe}", []).append(wall(run))
            git(folder, "init", "--quiet")
            commit(folder)
            run = partial(project.just, "update", version_of(every_file), env=target)
            took.setdefault("just update, with its check", []).append(wall(run))
    for what in times[NOW]:
        medians = {version: statistics.median(took[what]) for version, took in times.items()}
        columns = (f"{name} {median:8.2f} s" for name, median in medians.items())
        print(f"{what:30}", *columns, f"now {medians[NOW] / medians['1.0.8']:.2f} of 1.0.8")


def measure_code() -> None:
    """Compare the starters with C and with plain Python."""
    project = render(Path(tempfile.mkdtemp()) / "new", starter="fizzbuzz")
    project.run("uv", "sync")
    project.run("uv", "run", "maturin", "develop", "--release", "--uv")
    folder = Path(tempfile.mkdtemp())
    include = sysconfig.get_paths()["include"]
    output = folder / "c_fizzbuzz.abi3.so"
    source = ROOT / "tests/benchmark_c/fizzbuzz.c"
    command = ["cc", "-O3", "-shared", "-fPIC", "-I", include, str(source), "-o", str(output)]
    subprocess.run(command, check=True)
    script = COMPARE.format(folder=str(folder), tests=str(project / "tests"))
    print(project.run("uv", "run", "--no-sync", "python", "-c", script))


def wide_project() -> Project:
    """Render a project with every platform, whose wheels are built and not tested."""
    project = render(Path(tempfile.mkdtemp()) / "new", platforms="wide")
    table = project / "tools/platforms.toml"
    text = re.sub(r"^image = .*\n", "", table.read_text("utf-8"), flags=re.MULTILINE)
    table.write_text(text, "utf-8")
    project.just("setup")
    return project


def cross_build(project: Project, script: str, name: str, target: str) -> float:
    """Time a cross build that runs this script."""
    python = ("uv", "run", "--only-group=cross", "python")
    env = {"RUSTUP_TOOLCHAIN": "cross", "CARGO_TARGET_DIR": target}
    return wall(lambda: project.tools(script, name, python=python, env=env))


def measure_wheels(*names: str) -> None:
    """Cross-compile for Linux platforms, cold and warm; beside it one wheel under emulation."""
    toolchain("cross")
    project, target, total = wide_project(), tempfile.mkdtemp(), []
    for row in known("platforms.json"):
        library = ("rustc", "+cross", "--print", "target-libdir", "--target", row["target"])
        if row["os"] != "linux" or not Path(project.run(*library).strip()).is_dir():
            continue
        if row["id"] in (names or [row["id"]]):
            cold, warm = (cross_build(project, BUILD_ONLY, row["id"], target) for _ in range(2))
            print(f"{row['id']:24}{cold:9.1f} s cold{warm:9.1f} s warm, three wheels", flush=True)
            total.append(cold)
    print(f"{len(total)} platforms, {3 * len(total)} wheels{sum(total):9.1f} s")
    crossed = cross_build(project, BUILD_FIRST, "manylinux-aarch64", tempfile.mkdtemp())
    print(f"one wheel for aarch64, cross-compiled from nothing{crossed:9.1f} s", flush=True)
    if subprocess.run(["podman", "image", "exists", EMULATED], check=False).returncode:
        print(f"there is no image {EMULATED}: nothing was compiled under emulation")
        return
    emulated = emulated_build(project)
    ratio = f"{emulated / crossed:.1f} times as long"
    print(f"one wheel for aarch64, compiled under emulation{emulated:9.1f} s, {ratio}")


def measure_files() -> None:
    """Count the files of a release."""
    for answer in ("usual", "wide"):
        project = render(Path(tempfile.mkdtemp()) / "new", platforms=answer)
        script = "import platforms; print(sum(len(row.wheels()) for row in platforms.platforms()))"
        wheels = int(project.tools(script))
        print(f"platforms={answer}: {wheels} wheels and an sdist; the reference project: 99 wheels")


def layers(registry: Registry, image: str) -> int:
    """Return how many bytes an engine fetches for an image."""
    name, _, digest = image.removeprefix(f"{registry.address}/").partition("@")
    request = urllib.request.Request(
        f"http://{registry.address}/v2/{name.partition(':')[0]}/manifests/{digest}",
        headers={
            "Accept": "application/vnd.oci.image.manifest.v1+json",
            "Authorization": f"Basic {base64.b64encode(b'somebody:secret').decode()}",
        },
    )
    with urllib.request.urlopen(request) as response:
        return sum(int(layer["size"]) for layer in json.load(response)["layers"])


def measure_images() -> None:
    """Let cibuildwheel build one wheel in an image that has Rust, and in its base, by turns."""
    folder = Path(tempfile.mkdtemp())
    (folder / "registry").mkdir()
    (folder / "published").mkdir()
    with (
        serve_registry(folder / "registry") as registry,
        publish(registry, folder / "published") as published,
    ):
        environment = registry.environment | SETTINGS | ENGINE
        environment["RUSTUP_DIST_SERVER"] = published.rust
        plain = new_project(folder / "plain")
        project = plain.copy(folder / "new")
        project.just("images", f"{registry.address}/build", "manylinux-x86_64", env=environment)
        build = ("cibuildwheel", "manylinux-x86_64")
        times: dict[Project, list[float]] = {plain: [], project: []}
        for _ in range(3):
            for each, seconds in times.items():
                seconds.append(wall(partial(each.just, *build, env=environment)))
        slow = show("one wheel in the base, with Rust from a server of this machine", times[plain])
        fast = show("one wheel in an image with Rust", times[project])
        print(f"{slow / fast:.2f} times as long without Rust in the image")
        server = folder / "published/rust"
        fetched = sum(path.stat().st_size for path in server.rglob("*.tar.gz"))
        fetched += sum(path.stat().st_size for path in server.rglob("rustup-init"))
        print(f"each job without it fetches {fetched / 1e6:.0f} MB of Rust, packed by gzip")
        sizes = [layers(registry, image) for image in (published.base, published.image)]
        print(f"the base has {sizes[0] / 1e6:.0f} MB, the image {sizes[1] / 1e6:.0f} MB to fetch")


def emulated_build(project: Project) -> float:
    """Time the build of one wheel by a compiler that is emulated."""
    vendor = ("cargo", "vendor", "vendor")  # it prints what belongs into config.toml
    settings = subprocess.check_output(
        vendor, cwd=project.path, stderr=subprocess.DEVNULL, text=True
    )
    (project / ".cargo/config.toml").write_text(settings)
    platform = ("--python-platform", "aarch64-manylinux_2_28")
    project.run("uv", "pip", "install", "--target", "maturin", *platform, "maturin")
    podman = [
        "podman",
        "run",
        "--rm",
        "--platform=linux/arm64",
        "--env=QEMU_CPU=max,pauth-impdef=on",
    ]
    podman += [f"--volume={project.path}:/p", "--workdir=/p", EMULATED, "sh", "-c"]
    build = "maturin build --release --offline -i python3 --out /tmp --target-dir /tmp/target"
    command = [*podman, f"PATH=$PWD/maturin/bin:$PATH {build}"]
    return wall(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))


MEASURES = {
    "copy": measure_copy,
    "update": measure_update,
    "loop": measure_loop,
    "code": measure_code,
    "versions": measure_versions,
    "files": measure_files,
}

if __name__ == "__main__":
    match sys.argv[1:]:
        case ["wheels", *ids]:
            measure_wheels(*ids)
        case ["images"]:
            measure_images()
        case names:
            for name in names or MEASURES:
                MEASURES[name]()
