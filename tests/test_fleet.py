"""docs/fleet.py reports on many repositories, whatever state they are in, and changes none."""

import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from project import ROOT, Project, commit, git, posix
from versions import NOW, copy_at, edit, every_file, history, version_of

pytestmark = pytest.mark.slow
FLEET = (sys.executable, str(ROOT / "docs/fleet.py"))
NEWEST = version_of(every_file)
ANSWERS_FILE = ".copier-answers.yml"


@pytest.fixture(scope="module")
def template_clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clone the template with the version of now and a newer one that changes every file."""
    return history(tmp_path_factory.mktemp("fleet") / "template", [every_file])


@pytest.fixture(scope="module")
def rendered(template_clone: Path) -> dict[str, Project]:
    """Render a repository of each of the two versions."""
    folder = template_clone.parent
    return {
        version: copy_at(template_clone, version, folder / version, {}) for version in (NOW, NEWEST)
    }


@pytest.fixture
def behind(rendered: dict[str, Project], tmp_path: Path) -> Project:
    """Copy the repository that is a version behind."""
    return rendered[NOW].copy(tmp_path / "behind")


@pytest.fixture
def current(rendered: dict[str, Project], tmp_path: Path) -> Project:
    """Copy the repository that has the newest version."""
    return rendered[NEWEST].copy(tmp_path / "current")


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Listen as a server that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def fleet(*arguments: str | Path, code: int) -> str:
    """Return what the script prints, after a check of its exit code."""
    command = [*FLEET, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == code, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    return result.stdout


def rows(*arguments: str | Path, code: int) -> list[dict[str, Any]]:
    """Return the rows that the script prints as JSON."""
    loaded: list[dict[str, Any]] = json.loads(fleet("--format", "json", *arguments, code=code))
    return loaded


def answers_file(project: Project, pattern: str, replacement: str) -> Project:
    """Edit the answers file, and commit it."""
    edit(project / ANSWERS_FILE, pattern, replacement)
    commit(project.path)
    return project


def with_source(project: Project, server: socket.socket) -> Project:
    """Take the template from a server."""
    address = f"git://127.0.0.1:{server.getsockname()[1]}/template"
    return answers_file(project, "^_src_path: .*", f"_src_path: {address}")


def snapshot(project: Project) -> dict[Path, tuple[bytes, int]]:
    """Read each file of a repository, Git's own included, and its time."""
    paths = map(project.path.joinpath, project.files())
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def test_an_odd_folder_loses_no_other_row(current: Project, tmp_path: Path) -> None:
    odd = {name: current.copy(tmp_path / name) for name in ("yaml", "bytes", "value", "deleted")}
    (odd["yaml"] / ANSWERS_FILE).write_text("a: b: c\n", "utf-8")
    (odd["bytes"] / ANSWERS_FILE).write_bytes(b"_commit: \xff\n")
    (odd["value"] / ANSWERS_FILE).write_text("_commit: !!bool odd\n", "utf-8")
    (odd["deleted"] / ANSWERS_FILE).unlink()
    no_commit = answers_file(current.copy(tmp_path / "no-version"), "^_commit: .*\n", "")
    no_source = answers_file(current.copy(tmp_path / "no-source"), "^_src_path: .*", "_src_path: 1")
    no_git = current.copy(tmp_path / "no-git", ".git")
    (tmp_path / "other").mkdir()
    projects = [project.path for project in (*odd.values(), no_commit, no_source, no_git, current)]
    skipped = [tmp_path / "other", ROOT / "README.md"]
    listed = {
        row["repository"]: " ".join(row["refuses"])
        for row in rows(tmp_path / "missing", *skipped, *projects, code=1)
    }
    assert list(listed) == ["missing", *(path.name for path in projects)]
    assert listed["missing"] == "The folder does not exist."
    assert "mapping values are not allowed" in listed["yaml"]
    assert "can't decode byte 0xff" in listed["bytes"]
    assert "KeyError" in listed["value"]
    assert "No such file" in listed["deleted"]
    assert listed["no-version"] == ".copier-answers.yml must have _commit, as a string."
    assert listed["no-source"] == ".copier-answers.yml must have _src_path, as a string."
    assert "not a git repository" in listed["no-git"]
    assert listed["current"] == ""


def test_a_table_and_csv_hold_the_same_cells(current: Project, tmp_path: Path) -> None:
    options = ("--answer", "python_min", "--answer", "wheels_to")
    folders = (current.path, tmp_path / "a,b")
    parsed = list(csv.reader(fleet("--format", "csv", *options, *folders, code=1).splitlines()))
    table = fleet(*options, *folders, code=1).splitlines()
    assert [re.split("  +", line) for line in table] == parsed
    header, *lines = ("|".join(line) for line in parsed)
    assert header == "repository|version|newest|branch|python_min|wheels_to|drift|conflicts|refuses"
    assert lines == [
        f"current|{NEWEST}|{NEWEST}|main|3.11|pypi|-|-|-",
        "a,b|?|?|?|?|?|?|?|The folder does not exist.",
    ]


def test_the_exit_code_is_0_only_if_nothing_is_to_do(current: Project, tmp_path: Path) -> None:
    fleet(current.path, code=0)
    (current / "new.py").touch()
    fleet(current.path, code=1)
    fleet(tmp_path, code=2)
    fleet("--jobs", "0", current.path, code=2)
    assert "exit code:" in fleet("--help", code=0)


def test_changed_and_deleted_files_of_the_template_are_drift(current: Project) -> None:
    current.replace("deny.toml", "# planted\n", "# mine\n")
    (current / "RELEASING.md").unlink()
    (current / "README.md").write_text("Mine.\n", "utf-8")
    (row,) = rows(current.path, code=1)
    assert row["drift"] == ["RELEASING.md", "deny.toml"]
    assert row["refuses"] == ["Uncommitted changes (3): commit or stash them."]


def test_drift_is_unknown_if_a_version_lists_no_files(template_clone: Path, tmp_path: Path) -> None:
    source = Project(template_clone).copy(tmp_path / "template").path
    (source / "template/tools/yours.txt").unlink()
    commit(source, "91.0.0")
    (row,) = rows(copy_at(source, "91.0.0", tmp_path / "later", {}).path, code=0)
    assert (row["version"], row["newest"], row["drift"]) == ("91.0.0", "91.0.0", None)


def test_files_in_conflict_are_named_and_the_repository_stays_as_it_is(behind: Project) -> None:
    edit(behind / "deny.toml", r"\A.*", "# mine")
    commit(behind.path)
    before = snapshot(behind)
    (row,) = rows(behind.path, code=1)
    assert (row["drift"], row["conflicts"]) == (["deny.toml"], ["deny.toml"])
    assert snapshot(behind) == before


def test_a_detached_head_and_a_subfolder_are_no_obstacle(behind: Project, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    inner = behind.copy(outer / "inner", ".git")
    git(outer, "init", "--quiet")
    commit(outer)
    git(outer, "checkout", "--quiet", "--detach")
    (row,) = rows(inner.path, code=1)
    assert (row["branch"], row["refuses"], row["conflicts"]) == ("(detached)", [], [])


def test_a_repository_without_a_commit_refuses(behind: Project, tmp_path: Path) -> None:
    unborn = behind.copy(tmp_path / "unborn", ".git")
    git(unborn.path, "init", "--quiet")
    (row,) = rows(unborn.path, code=1)
    assert (row["branch"], row["newest"], row["drift"]) == ("main", NEWEST, [])
    assert row["refuses"] == ["The repository has no commit yet: commit its files."]


def test_a_template_or_a_version_that_is_gone_is_named(
    behind: Project, current: Project, tmp_path: Path, silent: socket.socket
) -> None:
    slow = with_source(current.copy(tmp_path / "slow"), silent)
    answers_file(current, "^_src_path: .*", f"_src_path: {tmp_path / 'gone'}")
    answers_file(behind, "^_commit: .*", "_commit: 0.9.0")
    listed = rows(current.path, behind.path, code=1)
    listed += rows("--timeout", "2", slow.path, code=1)
    gone = f"'{tmp_path / 'gone'}' does not appear to be a git repository."
    assert [row["refuses"] for row in listed] == [
        [f"The template cannot be reached: {gone}"],
        ["Copier cannot render version 0.9.0: Unknown revision: '0.9.0'."],
        ["The template cannot be reached: no answer within 2 s."],
    ]
    assert listed[1]["newest"] == NEWEST


@posix
def test_an_interrupt_ends_it_without_a_traceback(
    current: Project, tmp_path: Path, silent: socket.socket
) -> None:
    command = [*FLEET, str(with_source(current, silent).path)]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        command,
        env=os.environ | {"TMPDIR": str(scratch)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a terminal interrupts the whole group: here, only this one
    )
    connection, _ = silent.accept()  # Git waits for an answer now
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    connection.close()
    assert (process.returncode, errors, list(scratch.iterdir())) == (130, "", [])
