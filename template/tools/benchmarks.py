"""Measure the core crate by criterion, and the calls of RACES in tests/oracle.py, alone or beside another commit."""

import functools
import importlib
import json
import os
import platform
import re
import reprlib
import shutil
import statistics
import sys
import timeit
from collections.abc import Sequence
from pathlib import Path

from project import PACKAGE, ROOT, capture, checkout, main, run, show

FOLDER = ROOT / "target/benchmarks"
ROUNDS = 10  # by chance, all agree in 1 of 512 comparisons
LEAST = 1.03  # the same code, compiled in another folder, differs by less

Build = tuple[list[Path], Path]  # criterion's programs, and a folder with the package
Times = dict[str, float]  # seconds, by benchmark


def bench(commit: str = "") -> None:
    """Print the median and the spread of each benchmark, and how it compares with another commit."""
    builds = [build(ROOT, FOLDER / "build-here"), *([build_commit(commit)] if commit else [])]
    rounds = [measure(builds, backwards=bool(number % 2)) for number in range(ROUNDS)]
    if not rounds[0][0]:
        sys.exit("There is no benchmark: add one to benches/benchmarks.rs, or a row to RACES in tests/oracle.py.")
    show(f"{machine()}\n\n{table(rounds, commit)}", FOLDER / "benchmarks.md")
    if shutil.which("valgrind"):
        show(instructions([programs for programs, _ in builds], commit), FOLDER / "instructions.md")
    else:
        print("Instructions were not counted: valgrind is missing. On Debian, type `apt install valgrind`.")


def build_commit(commit: str) -> Build:
    """Compile the package as of a commit, with the benchmarks of today."""
    with checkout(commit, FOLDER / "commit") as folder:
        shutil.rmtree(folder / "benches", ignore_errors=True)
        shutil.copytree(ROOT / "benches", folder / "benches", ignore=shutil.ignore_patterns("target"))
        return build(folder, FOLDER / "build-commit")


def build(folder: Path, target: Path) -> Build:
    """Compile the benchmarks and the package as they stand in a folder."""
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target)}
    options = (
        "--no-run",
        "--message-format=json-render-diagnostics",
        "--manifest-path",
        str(folder / "benches/Cargo.toml"),
    )
    messages = run("cargo", "bench", *options, environment=environment, quiet=True)
    built = [json.loads(line) for line in messages.splitlines() if '"kind":["bench"]' in line]
    package(folder, target, "--release")
    return [Path(message["executable"]) for message in built], target / "package"


def package(folder: Path, target: Path, *profile: str) -> None:
    """Install the package of a folder into a folder of its own."""
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target)}
    shutil.rmtree(target / "wheels", ignore_errors=True)
    options = (
        "--quiet",
        *profile,
        "--features",
        "abi3",
        "--interpreter",
        sys.executable,
        "--out",
        str(target / "wheels"),
    )
    run("maturin", "build", *options, cwd=folder, environment=environment)
    shutil.rmtree(target / "package", ignore_errors=True)
    wheels = (target / "wheels").glob("*.whl")
    run("uv", "pip", "install", "--quiet", "--no-deps", "--target", target / "package", *wheels)


def measure(builds: list[Build], backwards: bool) -> list[Times]:
    """Run all benchmarks of each build once, in turns, so that a slow moment of the machine meets both."""
    order = builds[::-1] if backwards else builds
    times = [{**rust(programs), **python(folder)} for programs, folder in order]
    return times[::-1] if backwards else times


def rust(programs: list[Path]) -> Times:
    """Return the median that criterion finds for each benchmark of the core crate."""
    results = FOLDER / "criterion"
    shutil.rmtree(results, ignore_errors=True)
    options = (
        "--bench",
        "--quiet",
        "--noplot",
        "--sample-size",
        "20",
        "--warm-up-time",
        "0.2",
        "--measurement-time",
        "1",
    )
    for program in programs:
        run(program, *options, environment={**os.environ, "CRITERION_HOME": str(results)}, quiet=True)
    times = {}
    for path in results.glob("**/new/estimates.json"):
        name = json.loads(path.with_name("benchmark.json").read_text("utf-8"))["full_id"]
        times[f"Rust: {name}"] = json.loads(path.read_text("utf-8"))["median"]["point_estimate"] / 1e9
    return times


def python(folder: Path) -> Times:
    """Return the time of each call through the boundary, with the package of a folder."""
    printed = run(sys.executable, __file__, "calls", environment={**os.environ, "PYTHONPATH": str(folder)}, quiet=True)
    times: Times = json.loads(printed.splitlines()[-1])
    return times


def calls(times: str = "3") -> None:
    """Print the seconds of each call of RACES in tests/oracle.py, as JSON."""
    sys.path.insert(0, str(ROOT / "tests"))
    module, medians = importlib.import_module(PACKAGE), {}
    for plain, _, arguments in importlib.import_module("oracle").RACES:
        if function := getattr(module, plain.__name__, None):
            timer = timeit.Timer(functools.partial(function, *arguments))
            number, _ = timer.autorange()
            name = f"Python: {plain.__name__}({', '.join(map(reprlib.repr, arguments))})"
            name = re.sub(" at 0x[0-9a-fA-F]+", "", name)  # each process has its own addresses
            medians[name] = statistics.median(timer.repeat(int(times), number)) / number
    print(json.dumps(medians))


def machine() -> str:
    """Return the processor, the versions and the commit."""
    cpuinfo = Path("/proc/cpuinfo")
    model = re.findall(r"^model name\s*: (.*)", cpuinfo.read_text() if cpuinfo.exists() else "", re.MULTILINE)
    rows = [
        f"{(model or [platform.processor() or 'Unknown processor'])[0]}, {os.cpu_count()} processors, {platform.system()} {platform.machine()}",
        f"{capture('rustc', '--version')}; {platform.python_implementation()} {platform.python_version()}",
        f"Commit {capture('git', 'describe', '--always', '--dirty') or 'none'}; {ROUNDS} rounds.",
    ]
    return "\n".join(rows)


def table(rounds: list[list[Times]], commit: str) -> str:
    """Return a table with a row for each benchmark."""
    rows = [f"| benchmark | median | spread |{f' {commit} | difference |' if commit else ''}"]
    rows.append(f"| --- | --: | --: |{' --: | --- |' if commit else ''}")
    for name in rounds[0][0]:
        times, *before = zip(*([side.get(name, 0) for side in sides] for sides in rounds), strict=True)
        middle = statistics.median(times)
        cells = [name, duration(middle), f"{100 * (max(times) - min(times)) / middle:.1f} %"]
        for others in before:
            cells += [duration(statistics.median(others)), compare(times, others)] if all(others) else ["", "new"]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join([*rows, ""])


def compare(times: Sequence[float], before: Sequence[float]) -> str:
    """Return how much faster or slower a benchmark is, if every round agrees and more than chance explains it."""
    ratios = [old / new for new, old in zip(times, before, strict=True)]
    ratio = statistics.median(ratios)
    if min(ratios) > 1 and ratio > LEAST:
        return f"{ratio:.2f} times as fast"
    if max(ratios) < 1 and 1 / ratio > LEAST:
        return f"{1 / ratio:.2f} times as slow"
    return "no difference that can be told"


def duration(seconds: float) -> str:
    """Return a duration in the unit that suits it."""
    scale, unit = next((pair for pair in ((1, "s"), (1e3, "ms"), (1e6, "µs")) if seconds * pair[0] >= 1), (1e9, "ns"))
    return f"{seconds * scale:.1f} {unit}"


def instructions(sides: list[list[Path]], commit: str) -> str:
    """Return a table of the instructions that each benchmark of the core crate runs, which hardly vary."""
    rows = [f"| benchmark | instructions |{f' {commit} |' if commit else ''}", f"| --- |{' --: |' * len(sides)}"]
    for programs in zip(*sides, strict=True):
        starts = [executed(program, "no benchmark has this name") for program in programs]
        listed = run(programs[0], "--bench", "--list", quiet=True)
        for name in re.findall("^(.*): benchmark$", listed, re.MULTILINE):
            counts = [executed(program, name) - start for program, start in zip(programs, starts, strict=True)]
            rows.append(f"| Rust: {name} | {' | '.join(map('{:,}'.format, counts))} |")
    return "\n".join([*rows, ""])


def executed(program: Path, name: str) -> int:
    """Return how many instructions the program runs, with one call of a benchmark."""
    # The least of five counts, as now and then a subtraction of times, by criterion, takes an instruction more.
    return min(count(program, name) for _ in range(5))


def count(program: Path, name: str) -> int:
    """Count the instructions of a program, with one call of a benchmark."""
    results = FOLDER / "callgrind.out"
    options = ("--quiet", "--tool=callgrind", f"--callgrind-out-file={results}")
    # An empty environment, since its size moves the stack, and so changes what copies of memory take.
    valgrind = shutil.which("valgrind") or "valgrind"
    run(valgrind, *options, program, "--bench", "--test", "--exact", name, environment={}, quiet=True)
    (total,) = re.findall(r"^totals: (\d+)", results.read_text("utf-8"), re.MULTILINE)
    return int(total)


def profile() -> None:
    """Write a flame graph of the calls of RACES, with functions of Rust and of Python."""
    target, graph = FOLDER / "build-profile", FOLDER / "profile.svg"
    package(ROOT, target, "--profile", "profiling")
    options = ("--native", "--rate", "200", "--output", graph)
    environment = {**os.environ, "PYTHONPATH": str(target / "package")}
    run("py-spy", "record", *options, "--", sys.executable, __file__, "calls", "20", environment=environment)
    print(f"Open {graph.relative_to(ROOT)} in a browser.")


if __name__ == "__main__":
    main(bench, calls, profile)
