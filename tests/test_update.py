"""An update brings what is new, and no line of a person is lost in silence."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pathspec import PathSpec
from project import Project, commit, git, render
from test_questions import documents
from versions import (
    ANSWERS,
    CHANGES,
    NOW,
    OLDER,
    OWNERSHIP,
    RELEASES,
    Change,
    conflicts,
    copy_at,
    every_file,
    forgotten_removal,
    history,
    new_file,
    new_question,
    newer_pyo3,
    owner,
    removed_file,
    renamed_file,
    renamed_question,
    update,
    version_of,
)

VERSIONS = [*RELEASES, NOW]
Make = Callable[..., Project]


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return history(tmp_path_factory.mktemp("history") / "template")


@pytest.fixture(scope="session")
def born(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Projects of each version and set of answers, as they were when they were new."""
    made: dict[tuple[str, str], Project] = {}

    def project(version: str, answers: str) -> Project:
        if (version, answers) not in made:
            folder = tmp_path_factory.mktemp("born") / "new"
            made[version, answers] = copy_at(clone, version, folder, ANSWERS[answers])
        return made[version, answers]

    return project


@pytest.fixture
def make(born: Make, tmp_path: Path) -> Make:
    """Give a project of a version, a copy of its own for the test."""

    def project(version: str = NOW, answers: str = "defaults") -> Project:
        folder = tmp_path / f"{len([*tmp_path.iterdir()])}" / "new"
        shutil.copytree(born(version, answers).path, folder)
        return Project(folder)

    return project


def content(project: Project, whose: str = "template") -> dict[str, bytes]:
    """Read all files that belong to the template, or to the user."""
    names = [path.as_posix() for path in project.files() if path.parts[0] != ".git"]
    return {name: (project / name).read_bytes() for name in names if owner(f"/{name}") == whose}


# Whose a file is


def test_yours_is_what_the_design_says() -> None:
    """Paths of a later release may join; none may ever leave."""
    gone = [one["path"] for one in OWNERSHIP["gone"]]
    excluded = documents()[0]["_exclude"]
    update_only = "{% if _copier_operation == 'update' %}\n" + "\n".join(OWNERSHIP["yours"])
    assert excluded[: 1 + len(gone)] == [f"{update_only}\n{{% endif %}}\n", *gone]
    assert OWNERSHIP["yours"] == [
        "/crates/*/src",
        "/crates/*/tests",
        "/crates/*/benches",
        "/crates/*/LICENSE*",
        "/crates/py/overloads.pyi",
        "/python",
        "/tests",
        "/docs",
        "/CHANGELOG.md",
        "/CONTRIBUTING.md",
        "/LICENSE*",
        "/README.md",
        "/SECURITY.md",
    ]


@pytest.mark.parametrize("answers", ANSWERS)
def test_each_file_has_one_owner(born: Make, answers: str) -> None:
    project = born(NOW, answers)
    names = [path.as_posix() for path in project.files() if path.parts[0] != ".git"]
    assert {owner(f"/{name}") for name in names} == {"template", "yours"}


def test_no_pattern_of_ownership_is_idle(born: Make) -> None:
    names = {f"/{path.as_posix()}" for answers in ANSWERS for path in born(NOW, answers).files()}
    later = {"/crates/*/tests", "/crates/*/benches", "/docs"}  # a person's, or of a later release
    for pattern in {*OWNERSHIP["yours"], *OWNERSHIP["template"]} - later:
        assert any(PathSpec.from_lines("gitignore", [pattern]).match_files(names)), pattern


@pytest.mark.parametrize("answers", ANSWERS)
def test_nothing_is_rendered_that_an_update_could_lose(born: Make, answers: str) -> None:
    """Copier overwrites edits in ignored and in binary files."""
    project = born(NOW, answers)
    tracked = git(project.path, "ls-files").splitlines()
    assert sorted(tracked) == sorted(p.as_posix() for p in project.files() if p.parts[0] != ".git")
    for name in tracked:
        text = (project / name).read_bytes().decode("utf-8")
        assert "\r" not in text
        assert "\0" not in text


# What an update brings


@pytest.mark.parametrize("answers", ANSWERS)
@pytest.mark.parametrize("version", VERSIONS)
def test_an_update_gives_what_a_fresh_copy_gives(
    make: Make, clone: Path, tmp_path: Path, version: str, answers: str
) -> None:
    project = make(version, answers)
    yours = content(project, "yours")
    update(project, version_of(every_file))
    fresh = render(tmp_path / "fresh" / "new", clone, version_of(every_file), **ANSWERS[answers])
    assert content(project) == content(fresh)
    assert content(project, "yours") == yours
    without = [name for name, text in content(project).items() if b"planted" not in text]
    assert without == [], "a change of the template did not arrive in these"


@pytest.mark.parametrize("version", OLDER)
def test_a_second_update_changes_nothing(make: Make, version: str) -> None:
    project = make(version)
    update(project, NOW)
    commit(project.path)
    update(project, NOW)
    assert git(project.path, "status", "--porcelain") == ""


@pytest.mark.parametrize("answers", ANSWERS)
def test_step_by_step_is_the_same_as_at_once(make: Make, answers: str) -> None:
    slow, quick = make(VERSIONS[0], answers), make(VERSIONS[0], answers)
    for version in [*VERSIONS[1:], version_of(every_file)]:
        update(slow, version)
        commit(slow.path)
    update(quick, version_of(every_file))
    assert content(slow) == content(quick)


# What people wrote


def mark(project: Project) -> dict[str, str]:
    """Write a line into the middle of each file, and give the lines.

    Not into Copier's own one, whose first line says that it is written anew: `just update` refuses notes in there.
    """
    markers = {}
    for name in git(project.path, "ls-files", ":!.copier-answers.yml").splitlines():
        lines = (project / name).read_text("utf-8").splitlines(keepends=True)
        markers[name] = f"# a person was here: {name}"
        lines.insert(len(lines) // 2, f"{markers[name]}\n")
        (project / name).write_text("".join(lines), "utf-8")
    commit(project.path)
    return markers


def lost(project: Project, markers: dict[str, str]) -> list[str]:
    """List the files whose marker is nowhere, not even in a conflict."""
    return [
        name
        for name, marker in markers.items()
        if not (project / name).exists() or marker not in (project / name).read_text("utf-8")
    ]


@pytest.mark.parametrize("answers", ANSWERS)
@pytest.mark.parametrize("version", OLDER)
def test_no_line_of_a_person_is_lost(
    make: Make, version: str, answers: str, record_property: Callable[[str, Any], None]
) -> None:
    for change in CHANGES:
        project = make(version, answers)
        markers = mark(project)
        update(project, version_of(change))
        gone, unmerged = lost(project, markers), conflicts(project)
        row = (version, answers, change.__name__, len(markers), len(unmerged), len(gone))
        record_property("update", row)
        assert gone == []
        assert unmerged <= set(content(project))


@pytest.mark.parametrize("mistake", [forgotten_removal, renamed_file])
def test_a_lost_line_would_be_noticed(make: Make, mistake: Change) -> None:
    project = make()
    markers = mark(project)
    update(project, version_of(mistake))
    assert lost(project, markers) == [
        ".editorconfig" if mistake is forgotten_removal else "deny.toml"
    ]


def test_an_overlapping_edit_is_a_conflict(make: Make) -> None:
    project = make()
    first = (project / "justfile").read_text("utf-8").splitlines()[0]
    project.replace("justfile", first, "# mine")
    commit(project.path)
    update(project, version_of(every_file))
    text = (project / "justfile").read_text("utf-8")
    assert conflicts(project) == {"justfile"}
    assert "<<<<<<< before updating\n# mine\n=======\n# planted\n" in text


def test_a_file_that_the_template_gives_up_stays(make: Make) -> None:
    project = make()
    project.replace(".editorconfig", "root = true", "root = true # mine")
    commit(project.path)
    update(project, version_of(removed_file))
    assert "root = true # mine" in (project / ".editorconfig").read_text("utf-8")


def test_a_new_file_arrives_and_a_new_starter_does_not(make: Make) -> None:
    project = make()
    update(project, version_of(new_file))
    assert (project / "tools/later.py").exists()
    assert not (project / "tests/test_later.py").exists()


def test_a_new_question_takes_its_default(make: Make) -> None:
    project = make()
    update(project, version_of(new_question))
    assert not (project / "greeting.toml").exists()
    assert project.answers()["greeting"] == "hello"
    assert "\n# hello\n" in (project / "deny.toml").read_text("utf-8")


def test_a_renamed_question_keeps_its_answer(make: Make) -> None:
    project = make(NOW, "everything")
    update(project, version_of(renamed_question))
    assert project.answers()["author_email"] == "ada@example.org"
    assert "user_email" not in project.answers()
    assert 'email = "ada@example.org"' in (project / "pyproject.toml").read_text("utf-8")


def test_pyo3_stays_as_the_project_has_it(make: Make) -> None:
    project = make()
    update(project, version_of(newer_pyo3))
    assert project.answers()["pyo3_version"] == "0.30.1"
    assert 'pyo3 = "0.30.1"' in (project / "Cargo.toml").read_text("utf-8")


def test_a_rewritten_and_a_deleted_starter_are_left_alone(make: Make) -> None:
    project = make()
    (project / "crates/core/src/collatz.rs").write_text("// mine\n", "utf-8")
    (project / "tests/test_collatz.py").unlink()
    commit(project.path)
    update(project, version_of(every_file))
    assert (project / "crates/core/src/collatz.rs").read_text("utf-8") == "// mine\n"
    assert not (project / "tests/test_collatz.py").exists()
