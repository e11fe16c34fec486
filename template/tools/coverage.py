"""Measure which lines the tests of both languages run, those of Rust under pytest as well.

cargo-llvm-cov and coverage measure. Cargo's folder and the environment are their own, so that other builds stay as they are.
"""

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

from project import PACKAGE, PROJECT, ROOT, main, need, run, show

FOLDER = ROOT / "target/coverage"
UNIT_TESTS = r"\n#\[cfg\(test\)\]\n(?:#\[.*\n)*mod \w+ \{"


def instrumented() -> dict[str, str]:
    """Return the variables with which compilers count what runs, or exit without cargo-llvm-cov."""
    need("cargo-llvm-cov")
    own = {"CARGO_TARGET_DIR": str(FOLDER), "COVERAGE_FILE": str(FOLDER / ".coverage")}
    variables = {**os.environ, **own}
    printed = run("cargo", "llvm-cov", "show-env", "--sh", environment=variables, quiet=True)
    return variables | dict(word.split("=", 1) for word in shlex.split(printed) if word != "export")


def measure() -> None:
    """Run all tests, write the reports, and exit if fewer lines ran than pyproject.toml asks for."""
    environment = instrumented()
    run_tests(environment)
    counts = report(environment)
    text, percent = table(counts)
    show(text, FOLDER / "coverage.md")
    print("target/coverage/html shows the lines in colour; editors and services read target/coverage/lcov.info.")
    least = PROJECT["tool"].get("coverage", {}).get("report", {}).get("fail_under", 0)
    if percent < least:
        sys.exit(
            f"{percent:.1f} % of the lines ran, not {least} %: test the others, or lower fail_under in pyproject.toml."
        )


def run_tests(environment: dict[str, str]) -> None:
    """Run the tests of both languages, Python's against a build that counts what runs."""
    wheels, coverage = FOLDER / "wheels", (sys.executable, "-m", "coverage")
    shutil.rmtree(wheels, ignore_errors=True)
    run("cargo", "llvm-cov", "clean", "--workspace", environment=environment)
    run("cargo", "test", "--workspace", "--quiet", environment=environment)
    run("maturin", "build", "--quiet", "--profile", "dev", "--out", wheels, environment=environment)
    run("uv", "sync", "--quiet", "--no-install-project", "--no-default-groups", "--group", "coverage")
    run("uv", "pip", "install", "--quiet", "--no-deps", "--reinstall", *wheels.glob("*.whl"))
    run(*coverage, "run", f"--source={PACKAGE}", "-m", "pytest", "--quiet", environment=environment)


def report(environment: dict[str, str]) -> dict[str, dict[int, int]]:
    """Write the reports, and return how often each line of each file ran."""
    rust, python = ("cargo", "llvm-cov", "report"), (sys.executable, "-m", "coverage")
    for command in (
        (*rust, "--lcov", "--output-path", FOLDER / "rust.lcov"),
        (*rust, "--html", "--output-dir", FOLDER / "html/rust"),
        (*python, "lcov", "--fail-under=0", "-o", FOLDER / "python.lcov"),
        (*python, "html", "--fail-under=0", "--quiet", "-d", FOLDER / "html/python"),
    ):
        run(*command, environment=environment)
    counts = {**lines(FOLDER / "rust.lcov"), **lines(FOLDER / "python.lcov")}
    records = [
        "\n".join([f"SF:{name}", *(f"DA:{number},{count}" for number, count in file.items()), "end_of_record\n"])
        for name, file in counts.items()
    ]
    (FOLDER / "lcov.info").write_text("".join(records), "utf-8")
    return counts


def lines(lcov: Path) -> dict[str, dict[int, int]]:
    """Return how often the lines of a report ran, without the unit tests at the end of a Rust file."""
    counts: dict[str, dict[int, int]] = {}
    for record in lcov.read_text("utf-8").split("end_of_record")[:-1]:
        path = Path(re.findall("^SF:(.*)", record, re.MULTILINE)[0])
        code, *tests = re.split(UNIT_TESTS, path.read_text("utf-8"), maxsplit=1)
        _, installed, inside = path.as_posix().rpartition("/site-packages/")
        end = len(code.splitlines()) if tests else sys.maxsize
        pairs = [(int(number), int(count)) for number, count in re.findall(r"^DA:(\d+),(\d+)", record, re.MULTILINE)]
        name = f"python/{inside}" if installed else path.relative_to(ROOT).as_posix()
        counts[name] = {number: count for number, count in pairs if number <= end}
    return counts


def table(counts: dict[str, dict[int, int]]) -> tuple[str, float]:
    """Return a table with a row for each file, and the percentage of all lines that ran."""
    rows = ["| file | lines | missed | % | not run |", "| --- | --: | --: | --: | --- |"]
    missed = {name: [number for number, count in file.items() if not count] for name, file in counts.items()}
    cells = [(name, len(counts[name]), len(missed[name]), ", ".join(map(str, missed[name]))) for name in sorted(counts)]
    cells.append(("all", sum(map(len, counts.values())), sum(map(len, missed.values())), ""))
    for name, lines, without, numbers in cells:
        percent = 100 * (lines - without) / max(lines, 1)
        rows.append(f"| {name} | {lines} | {without} | {percent:.1f} | {numbers} |")
    return "\n".join([*rows, ""]), percent


if __name__ == "__main__":
    main(measure)
