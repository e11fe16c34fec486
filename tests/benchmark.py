"""How fast and how small it is: medians and ratios, each pair measured in one run.

Usage: python tests/benchmark.py [copy|loop|code|wheels]
"""

import re
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from conftest import SCRATCH
from project import ROOT, Project, render, template, toolchain
from test_questions import hidden

EMULATED = "localhost/aarch64-rust"  # an image with cargo and Python for 64-bit Arm
BUILD_ONLY = """
import sys; sys.path.insert(0, "tools")
import platforms, wheels
with wheels.sdist() as source:
    for row in platforms.select(sys.argv[1:]):
        wheels.build_wheels(row, source)
"""
BUILD_FIRST = BUILD_ONLY.replace(
    "with wheels",
    "every = platforms.Platform.wheels\nplatforms.Platform.wheels = lambda row: every(row)[:1]\nwith wheels",
)

COMPARE = """
import statistics, sys, time
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
    for _ in range(rounds):  # taking turns, so that a slow moment hits all of them
        for name, function in functions.items():
            times[name].append(seconds(function, argument, calls))
    medians = {{name: statistics.median(several) for name, several in times.items()}}
    base = medians["rust"]
    print(f"{{what:34}}", *(f"{{n}} {{m * 1e6:12.3f}} us ({{m / base:7.2f}} x Rust)" for n, m in medians.items()))

three = {{"rust": fizzbuzz, "c": c_fizzbuzz.fizzbuzz, "python": oracle.fizzbuzz}}
race("fizzbuzz, a slice of a million", three, slice(1_000_000), 1, 9)
race("fizzbuzz, a list of a million", three, list(range(1_000_000)), 1, 9)
race("fizzbuzz, one call", three, 7, 20_000, 15)
race("longest_chain, one thread", {{"rust": longest_chain, "python": oracle.longest_chain}}, 30_000, 1, 5)
"""


def wall(call: Callable[[], object]) -> float:
    """Time one call, in seconds."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def show(what: str, seconds: list[float], note: str = "") -> float:
    """Print the median, and give it."""
    median = statistics.median(seconds)
    spread = f"{min(seconds):.3f} to {max(seconds):.3f}"
    print(f"{what:44}{median:9.3f} s  (n={len(seconds)}, {spread}) {note}")
    return median


def measure_copy() -> None:
    """Compare a copy with Copier's own start."""
    copier = [sys.executable, "-m", "copier"]
    version, copy = [], []
    for i in range(11):
        version.append(
            wall(
                partial(
                    subprocess.run, [*copier, "--version"], check=True, stdout=subprocess.DEVNULL
                )
            )
        )
        command = [*copier, "copy", "-q", "--defaults", str(template()), str(SCRATCH / f"copy{i}")]
        copy.append(wall(partial(subprocess.run, command, check=True)))
    files = len(list(Project(SCRATCH / "copy0").files()))
    start = show("copier --version", version)
    allowed = 1.4 * start + 0.006 * files
    show(f"copier copy, {files} files", copy, f"allowed: {allowed:.3f} s")


def measure_loop() -> None:
    """Time a new project's first steps, and the loop of edit and test."""
    project = render(Path(tempfile.mkdtemp()) / "new")
    show("first uv run pytest", [wall(lambda: project.run("uv", "run", "pytest"))])
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
    show("uv run pytest after an edit in the core", edits(7))
    fresh = render(Path(tempfile.mkdtemp()) / "new")
    show("first just check", [wall(lambda: fresh.just("check"))])
    show(
        "just check again",
        [wall(lambda: project.just("check")), wall(lambda: project.just("check"))][1:],
    )
    show("uv run pytest after an edit, after just check", edits(1))
    show("first just wheels", [wall(lambda: project.just("wheels"))])
    for path in sorted((project / "dist").glob("*.whl")):
        print(f"{path.name:60}{path.stat().st_size / 1000:9.1f} kB")


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


def measure_wheels() -> None:
    """Cross-compile every Linux platform, cold and warm; beside it one wheel compiled under emulation."""
    toolchain("cross")
    project = render(Path(tempfile.mkdtemp()) / "new", platforms="wide")
    table = project / "tools/platforms.toml"
    table.write_text(
        re.sub(r"^image = .*\n", "", table.read_text("utf-8"), flags=re.MULTILINE), "utf-8"
    )
    project.just("setup")
    target = tempfile.mkdtemp()
    env = {"RUSTUP_TOOLCHAIN": "cross", "CARGO_TARGET_DIR": target}
    total = []
    for row in hidden("platform_rows", "platforms"):
        library = ("rustc", "+cross", "--print", "target-libdir", "--target", row["target"])
        if row["os"] != "linux" or not Path(project.run(*library).strip()).is_dir():
            continue
        build = ("uv", "run", "--only-group=cross", "python", "-c", BUILD_ONLY, row["id"])
        cold = wall(partial(project.run, *build, env=env))
        warm = wall(partial(project.run, *build, env=env))
        print(f"{row['id']:24}{cold:9.1f} s cold{warm:9.1f} s warm, three wheels")
        total.append(cold)
    print(f"{len(total)} platforms, {3 * len(total)} wheels{sum(total):9.1f} s")
    one = tempfile.mkdtemp()
    first = ("uv", "run", "--only-group=cross", "python", "-c", BUILD_FIRST, "manylinux-aarch64")
    crossed = wall(lambda: project.run(*first, env={**env, "CARGO_TARGET_DIR": one}))
    print(f"one wheel for aarch64, cross-compiled, nothing compiled before{crossed:9.1f} s")
    if not subprocess.run(["podman", "image", "exists", EMULATED], check=False).returncode:
        project.run("cargo", "vendor", "vendor")
        config = subprocess.check_output(
            ["cargo", "vendor", "vendor"], cwd=project.path, stderr=subprocess.DEVNULL, text=True
        )
        (project / ".cargo/config.toml").write_text(config)
        pip = (
            "uv",
            "pip",
            "install",
            "--target",
            "maturin",
            "--python-platform",
            "aarch64-manylinux_2_28",
            "maturin",
        )
        project.run(*pip)
        inside = "PATH=$PWD/maturin/bin:$PATH CARGO_TARGET_DIR=/tmp/t maturin build --release --offline -i python3 --out /tmp"
        podman = [
            "podman",
            "run",
            "--rm",
            "--platform=linux/arm64",
            f"--volume={project.path}:/p",
            "--workdir=/p",
            EMULATED,
        ]
        emulated = wall(lambda: project.run(*podman, "sh", "-c", inside))
        print(
            f"one wheel for aarch64, compiled under emulation{emulated:9.1f} s, {emulated / crossed:.1f} times as long"
        )


MEASURES = {
    "wheels": measure_wheels,
    "copy": measure_copy,
    "loop": measure_loop,
    "code": measure_code,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or MEASURES:
        MEASURES[name]()
