"""Benchmarks of the core crate and of calls from Python, alone and beside another commit."""

import re
import shutil
import sys
from pathlib import Path

import pytest
from project import Project, commit, git, render, skip_without

pytestmark = pytest.mark.slow
RUST, PYTHON = "Rust: longest_chain below 1000", "Python: longest_chain(100000)"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Render a project with benchmarks, and commit a slow-down of its core."""
    project = render(tmp_path_factory.mktemp("benchmarks") / "new", extras="[benchmarks]")
    project.replace("tools/benchmarks.py", "ROUNDS = 10", "ROUNDS = 3")
    project.commit_with_locks()
    core = "crates/core/src/collatz.rs"
    again = "    std::hint::black_box((1..limit).map(chain).max_by_key(order));\n"
    start = "    let threads = threads.get().min(256);\n"
    project.replace(core, start, again + start)
    commit(project.path)
    return project


@pytest.fixture(scope="module")
def output(project: Project) -> str:
    """Compare the slow-down with the commit before it."""
    return project.just("bench", "HEAD~")


def rows(output: str) -> dict[str, list[list[str]]]:
    """Read the tables: by benchmark, the cells of its row in each."""
    found: dict[str, list[list[str]]] = {}
    for name, cells in re.findall(r"^\| ((?:Rust|Python): .*?) \| (.*) \|$", output, re.MULTILINE):
        found.setdefault(name, []).append(cells.split(" | "))
    return found


def test_a_slower_commit_is_told_from_a_faster_one(project: Project, output: str) -> None:
    assert re.search(r"^rustc 1\.\d+\.\d+ .*; CPython 3\.\d+\.\d+$", output, re.MULTILINE)
    assert f"Commit {git(project.path, 'rev-parse', '--short', 'HEAD')}; 3 rounds." in output
    table = rows(output)
    assert table.keys() == {RUST, PYTHON}
    for name in table:
        median, spread, before, difference = table[name][0]
        assert re.fullmatch(r"[\d.]+ (ns|µs|ms)", median)
        assert re.fullmatch(r"[\d.]+ (ns|µs|ms)", before)
        assert re.fullmatch(r"[\d.]+ %", spread)
        assert re.fullmatch(r"\d\.\d\d times as slow", difference)
    assert git(project.path, "status", "--porcelain") == "?? benches/Cargo.lock"
    assert len(git(project.path, "worktree", "list").splitlines()) == 1


def test_instructions_are_the_same_number_twice(project: Project, output: str) -> None:
    if not shutil.which("valgrind"):
        skip_without("valgrind", "apt install valgrind")
    counts = rows(output)[RUST][1]
    here, there = (int(count.replace(",", "")) for count in counts)
    assert here > 1.5 * there
    assert rows(project.just("bench", "HEAD~"))[RUST][1] == counts


def test_noise_is_no_difference(project: Project) -> None:
    script = "import benchmarks; print(benchmarks.compare({}, {}))"
    for times, before, said in (
        ([1.0, 1.0, 1.0], [2.0, 2.2, 1.9], "2.00 times as fast"),
        ([2.0, 2.2, 1.9], [1.0, 1.0, 1.0], "2.00 times as slow"),
        ([1.0, 1.0, 1.0], [2.0, 2.2, 0.9], "no difference that can be told"),
        ([1.0, 1.0, 1.0], [1.01, 1.02, 1.02], "no difference that can be told"),
    ):
        assert project.tools(script.format(times, before)).strip() == said


@pytest.mark.nightly
def test_a_project_without_benchmarks_is_told_where_they_go(tmp_path: Path) -> None:
    project = render(tmp_path / "new", extras="[benchmarks]", starter="none")
    output = project.just("bench", code=1)
    assert "There is no benchmark: add one to benches/benchmarks.rs, or a row to RACES" in output


def test_check_compiles_no_criterion(project: Project) -> None:
    assert "criterion" not in project.run("cargo", "tree", "--workspace", "--target", "all")


@pytest.mark.nightly
def test_a_profile_shows_functions_of_both_languages(tmp_path: Path) -> None:
    if sys.platform != "linux":
        skip_without("Linux", "py-spy sees native functions there only")
    project = render(tmp_path / "new", extras="[benchmarks]", starter="fizzbuzz")
    project.just("profile")
    graph = (project / "target/benchmarks/profile.svg").read_text("utf-8")
    assert "calls (benchmarks.py:" in graph
    assert "fizzbuzz.rs:" in graph
