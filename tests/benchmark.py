"""How fast and how small it is: medians and ratios, each pair measured in one run.

Usage: python tests/benchmark.py [copy|loop|code]
"""

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
from project import ROOT, Project, render, template

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


MEASURES = {"copy": measure_copy, "loop": measure_loop, "code": measure_code}

if __name__ == "__main__":
    for name in sys.argv[1:] or MEASURES:
        MEASURES[name]()
