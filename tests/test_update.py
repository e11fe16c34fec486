"""An update brings what is new, and no line of a person is lost in silence."""

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from copier import VcsRef
from pathspec import PathSpec
from project import Answer, Project, commit, git, render, skip_without
from releases import RELEASES
from test_questions import documents
from versions import (
    ANSWERS,
    AZURE,
    CHANGES,
    GONE,
    MISTAKES,
    NEWER,
    NOW,
    OLDER,
    PRIVATE,
    YOURS,
    Change,
    all_of_these,
    conflicts,
    copy_at,
    every_file,
    forgotten_removal,
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
    """Return a project of a version, a copy of its own for the test."""

    def project(version: str = NOW, answers: str = "defaults") -> Project:
        folder = tmp_path / f"{len([*tmp_path.iterdir()])}" / "new"
        return born(version, answers).copy(folder)

    return project


def content(project: Project, whose: str = "template") -> dict[str, bytes]:
    """Read all files that belong to the template, or to the user."""
    names = [path.as_posix() for path in project.files() if path.parts[0] != ".git"]
    return {name: (project / name).read_bytes() for name in names if owner(f"/{name}") == whose}


# Whose a file is


def test_yours_is_what_the_design_says() -> None:
    """Paths of a later release may join; none may ever leave."""
    excluded = documents()[0]["_exclude"]
    update_only = "{% if _copier_operation == 'update' %}\n" + "\n".join(YOURS)
    assert excluded[: 1 + len(GONE)] == [f"{update_only}\n{{% endif %}}\n", *GONE]
    assert YOURS == [
        "/crates/*/src",
        "/crates/*/tests",
        "/crates/*/benches",
        "/crates/*/LICENSE*",
        "/crates/*/README.md",
        "/crates/py/overloads.pyi",
        "/python",
        "/tests",
        "/docs",
        "/benches",
        "/CHANGELOG.md",
        "/CITATION.cff",
        "/CONTRIBUTING.md",
        "/LICENSE*",
        "/README.md",
        "/SECURITY.md",
    ]


@pytest.mark.slow
def test_no_pattern_of_yours_is_idle(born: Make) -> None:
    names = {f"/{path.as_posix()}" for answers in ANSWERS for path in born(NOW, answers).files()}
    others = {"/crates/*/tests", "/crates/*/benches"}  # a person's, or of an answer that adds them
    later = others | {"/CITATION.cff", "/benches", "/docs"}
    for pattern in {*YOURS} - later:
        assert any(PathSpec.from_lines("gitignore", [pattern]).match_files(names)), pattern


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("answers", ANSWERS)
@pytest.mark.parametrize("version", [*OLDER, NOW])
def test_an_update_gives_what_a_fresh_copy_gives(
    make: Make, clone: Path, tmp_path: Path, version: str, answers: str
) -> None:
    project = make(version, answers)
    yours = content(project, "yours")
    update(project, version_of(every_file))
    own = {
        key: project.answers()[key]
        for key in (
            "coverage",
            "description",
            "extras",
            "library_name",
            *(key for key, _, _ in NEWER),
        )
    }
    answered = {**ANSWERS[answers], **own}
    fresh = render(tmp_path / "fresh" / "new", clone, version_of(every_file), **answered)
    left = {"tools/publish.py", *(path[1:] for path in GONE)} - set(
        content(fresh)
    )  # given up, and left to those who have it
    assert {k: v for k, v in content(project).items() if k not in left} == content(fresh)
    assert content(project, "yours") == yours
    without = {name for name, text in content(project).items() if b"planted" not in text}
    assert without <= left, "a change of the template did not arrive in these"


@pytest.mark.slow
def test_an_older_project_gets_neither_a_site_nor_a_limit_of_coverage(make: Make) -> None:
    project = make("2.1.0", "defaults")
    update(project, NOW)
    answers = project.answers()
    assert (answers["extras"], answers["coverage"]) == ([], 0)
    assert "fail_under" not in (project / "pyproject.toml").read_text("utf-8")
    assert not (project / "mkdocs.yml").exists()


@pytest.mark.slow
@pytest.mark.parametrize("version", OLDER)
def test_a_second_update_changes_nothing(make: Make, version: str) -> None:
    project = make(version)
    update(project, version_of(every_file))
    commit(project.path)
    update(project, version_of(every_file))
    assert git(project.path, "status", "--porcelain") == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    "answers",
    [pytest.param(n, marks=() if n == "everything" else pytest.mark.nightly) for n in ANSWERS],
)
def test_step_by_step_is_the_same_as_at_once(make: Make, answers: str) -> None:
    slow, quick = make(VERSIONS[0], answers), make(VERSIONS[0], answers)
    for version in [*VERSIONS[1:], version_of(every_file)]:
        update(slow, version)
        commit(slow.path)
    update(quick, version_of(every_file))
    given_up = {path[1:] for path in GONE}
    assert all(content(slow)[name] == content(quick)[name] for name in {*content(quick)} - given_up)
    # A step may have rendered such a file, which then stays.
    assert {*content(slow)} - given_up == {*content(quick)} - given_up


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


@pytest.mark.slow
def test_an_older_project_keeps_its_names_though_they_are_reserved_now(
    clone: Path, tmp_path: Path
) -> None:
    """Copier forgets an answer that its check refuses."""
    names = {"project_name": "my-tool", "package_name": "packaging"}
    project = copy_at(clone, "1.1.0", tmp_path / "new", names)
    update(project, NOW)
    answers = project.answers()
    assert (answers["package_name"], answers["library_name"]) == ("packaging", "_rust")


@pytest.mark.slow
@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("answers", ANSWERS)
@pytest.mark.parametrize("version", OLDER)
def test_no_line_of_a_person_is_lost(
    make: Make, version: str, answers: str, every: bool, record_property: Callable[[str, Any], None]
) -> None:
    for change in CHANGES if every or answers == "everything" else [every_file, all_of_these]:
        project = make(version, answers)
        markers = mark(project)
        update(project, version_of(change))
        gone, unmerged = lost(project, markers), conflicts(project)
        row = (version, answers, change.__name__, len(markers), len(unmerged), len(gone))
        record_property("update", row)
        assert gone == []
        assert unmerged <= set(content(project))


@pytest.mark.slow
@pytest.mark.parametrize(
    "answers", [pytest.param("defaults", marks=pytest.mark.nightly), "everything"]
)
def test_no_line_of_a_person_is_lost_where_git_merges(make: Make, answers: str) -> None:
    """By `just update`, which follows renames as well, and keeps edits of files that are dropped."""
    for change in [*CHANGES, *MISTAKES]:
        project = make(NOW, answers)
        markers = mark(project)
        command = (sys.executable, "-B", "tools/update.py", "update", version_of(change))
        output = project.run(*command, code=1, env={"JUST": "false"})
        assert "To undo the update" in output or "Conflicts, in these files" in output, output
        everything = b"".join((project / str(path)).read_bytes() for path in project.files())
        assert [name for name, line in markers.items() if line.encode() not in everything] == []


@pytest.mark.slow
@pytest.mark.parametrize("mistake", [forgotten_removal, renamed_file])
def test_a_lost_line_would_be_noticed(make: Make, mistake: Change) -> None:
    project = make()
    markers = mark(project)
    update(project, version_of(mistake))
    assert lost(project, markers) == [
        ".editorconfig" if mistake is forgotten_removal else "deny.toml"
    ]


@pytest.mark.slow
def test_an_overlapping_edit_is_a_conflict(make: Make) -> None:
    project = make()
    first = (project / "justfile").read_text("utf-8").splitlines()[0]
    project.replace("justfile", first, "# mine")
    commit(project.path)
    update(project, version_of(every_file))
    text = (project / "justfile").read_text("utf-8")
    assert conflicts(project) == {"justfile"}
    assert "<<<<<<< before updating\n# mine\n=======\n# planted\n" in text


@pytest.mark.slow
def test_a_file_that_the_template_gives_up_stays(make: Make) -> None:
    project = make()
    project.replace(".editorconfig", "root = true", "root = true # mine")
    commit(project.path)
    update(project, version_of(removed_file))
    assert "root = true # mine" in (project / ".editorconfig").read_text("utf-8")


@pytest.mark.slow
def test_a_new_file_arrives_and_a_new_starter_does_not(make: Make) -> None:
    project = make()
    update(project, version_of(new_file))
    assert (project / "tools/later.py").exists()
    assert not (project / "tests/test_later.py").exists()


@pytest.mark.slow
def test_a_new_question_takes_its_default(make: Make) -> None:
    project = make()
    update(project, version_of(new_question))
    assert not (project / "greeting.toml").exists()
    assert project.answers()["greeting"] == "hello"
    assert "\n# hello\n" in (project / "deny.toml").read_text("utf-8")


@pytest.mark.slow
def test_a_renamed_question_keeps_its_answer(make: Make) -> None:
    project = make(NOW, "everything")
    update(project, version_of(renamed_question))
    assert project.answers()["author_email"] == "ada@example.org"
    assert "user_email" not in project.answers()
    assert 'email = "ada@example.org"' in (project / "pyproject.toml").read_text("utf-8")


@pytest.mark.slow
def test_pyo3_and_rust_stay_as_the_project_has_them(make: Make) -> None:
    project = make()
    manifest = (project / "Cargo.toml").read_text("utf-8")
    update(project, version_of(newer_pyo3))
    assert {key: project.answers()[key] for key, _, _ in NEWER} == {k: old for k, old, _ in NEWER}
    assert (project / "Cargo.toml").read_text("utf-8") == manifest


@pytest.mark.slow
def test_copiers_own_command_says_how_to_find_conflicts(make: Make) -> None:
    project = make()
    options = (
        "update",
        "--defaults",
        "--vcs-ref",
        version_of(every_file),
        "--data",
        "wheels_to=[]",
    )
    output = project.run(sys.executable, "-m", "copier", *options)
    assert 'git status                           # "both modified" is a conflict' in output
    assert "git diff HEAD --diff-filter=D        # what went with an answer" in output
    assert not (project / ".github/workflows/publish-pypi.yml").exists()


@pytest.mark.slow
def test_the_template_may_move(make: Make, clone: Path, tmp_path: Path) -> None:
    """The line that docs/updates.md names."""
    project = make()
    moved = tmp_path / "elsewhere"
    git(tmp_path, "clone", "--quiet", str(clone), str(moved))
    project.replace(".copier-answers.yml", f"_src_path: {clone}", f"_src_path: {moved}")
    commit(project.path)
    update(project, version_of(every_file))
    assert planted(project)
    assert project.answers()["_src_path"] == str(moved)


@pytest.mark.slow
def test_a_rewritten_and_a_deleted_starter_are_left_alone(make: Make) -> None:
    project = make()
    (project / "crates/core/src/collatz.rs").write_text("// mine\n", "utf-8")
    (project / "tests/test_collatz.py").unlink()
    commit(project.path)
    update(project, version_of(every_file))
    assert (project / "crates/core/src/collatz.rs").read_text("utf-8") == "// mine\n"
    assert not (project / "tests/test_collatz.py").exists()


# Switched off and on again

SWITCHES: dict[str, dict[str, Answer]] = {
    "wheels to PyPI": {"wheels_to": ["pypi"]},
    "wheels to Azure": {"wheels_to": ["azure"], **AZURE},
    "wheels to a private index": {"wheels_to": ["private"], **PRIVATE},
    "the crate to crates.io": {"crate_to": ["crates-io"]},
    "the crate to Azure": {"crate_to": ["azure"], **AZURE},
    "the crate to a private registry": {"crate_to": ["private"], **PRIVATE},
    "PyPy": {"extras": ["pypy"]},
}


def switch(project: Project, answers: Mapping[str, Answer]) -> None:
    """Change answers as `just answer` does, and commit."""
    update(project, VcsRef.CURRENT, **answers)
    assert conflicts(project) == set()
    commit(project.path)


@pytest.mark.slow
@pytest.mark.parametrize("name", SWITCHES)
def test_an_option_goes_on_and_off_and_on(make: Make, name: str) -> None:
    """Edits elsewhere stay. A workflow goes with its destination; `just answer` names it."""
    on = SWITCHES[name]
    project = make(answers="none")
    off = {key: value for key, value in project.answers().items() if key in on}
    for path in (".github/workflows/ci.yml", "pyproject.toml", "crates/core/Cargo.toml"):
        with (project / path).open("a", encoding="utf-8") as file:
            file.write("\n# mine\n")
    commit(project.path)
    without = content(project)
    switch(project, on)
    with_it = content(project)
    assert with_it != without
    switch(project, off)
    assert content(project) == without
    switch(project, on)
    assert content(project) == with_it


@pytest.mark.slow
def test_an_edited_row_survives_wide_and_usual(make: Make) -> None:
    project = make()
    row = 'runner = { github = "ubuntu-24.04-arm" }'
    project.replace("tools/platforms.toml", row, 'runner = { github = "ours" }')
    commit(project.path)
    edited = content(project)
    for answer in ("wide", "usual"):
        switch(project, {"platforms": answer})
        assert 'runner = { github = "ours" }' in (project / "tools/platforms.toml").read_text()
    assert content(project) == edited


@pytest.mark.slow
def test_an_edited_row_that_goes_is_a_conflict(make: Make) -> None:
    project = make()
    row = 'runner = { github = "ubuntu-24.04-arm" }'
    project.replace("tools/platforms.toml", row, 'runner = { github = "ours" }')
    commit(project.path)
    update(project, VcsRef.CURRENT, platforms="choose", platform_ids=["manylinux-x86_64"])
    assert conflicts(project) == {"tools/platforms.toml"}
    assert 'runner = { github = "ours" }' in (project / "tools/platforms.toml").read_text()


# Other tools, other places


def update_with(project: Project, *command: str, **environment: str) -> str:
    """Update with a program of its own, without trust."""
    options = ("update", "--defaults", "--quiet", "--vcs-ref", version_of(every_file))
    return project.run(*command, *options, env=environment)


def planted(project: Project) -> bool:
    """Return whether the newer version has arrived, without a conflict."""
    return "planted" in (project / "deny.toml").read_text("utf-8") and not conflicts(project)


@pytest.mark.slow
@pytest.mark.parametrize("copier", [f"copier=={documents()[0]['_min_copier_version']}", "copier"])
def test_the_oldest_and_the_newest_copier_do(make: Make, copier: str) -> None:
    project = make()
    update_with(project, "uvx", "--from", copier, "copier")
    assert planted(project)


@pytest.mark.slow
def test_an_older_copier_is_refused_with_a_reason(make: Make) -> None:
    command = ("uvx", "--from", "copier==9.18.2", "copier", "update", "--defaults")
    assert "This template requires Copier version >= 9.19.1" in make().run(*command, code=1)


@pytest.mark.slow
def test_an_old_git_does(make: Make) -> None:
    if not (older := os.environ.get("OLDER_GIT")):
        skip_without("Git 2.30", "export OLDER_GIT=FOLDER, which has it as `git`")
    project = make()
    environment = {"PATH": f"{older}:{os.environ['PATH']}"}
    assert "git version 2.30." in project.run("git", "--version", env=environment)
    update_with(project, sys.executable, "-m", "copier", **environment)
    assert planted(project)


@pytest.mark.slow
def test_a_git_that_is_newer_than_copier_expects_does(make: Make, tmp_path: Path) -> None:
    """Git 2.55 rejects this option: https://github.com/copier-org/copier/issues/2759."""
    wrapper = tmp_path / "bin/git"
    wrapper.parent.mkdir()
    refuse = 'for word; do [ "$word" = "--inter-hunk-context=-1" ] && exit 129; done'
    wrapper.write_text(f'#!/bin/sh\n{refuse}\nexec {shutil.which("git")} "$@"\n', "utf-8")
    wrapper.chmod(0o755)
    project = make()
    path = f"{wrapper.parent}:{os.environ['PATH']}"
    update_with(project, sys.executable, "-m", "copier", PATH=path)
    assert planted(project)


@pytest.mark.slow
def test_lines_may_end_as_on_windows(make: Make) -> None:
    project = make()
    project.replace("pyproject.toml", '  "B",\n', '  "B",\n  "FLY",\n')
    for path in (project / "pyproject.toml", project / "deny.toml"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    commit(project.path)
    update(project, version_of(every_file))
    assert planted(project)
    assert b'  "FLY",' in (project / "pyproject.toml").read_bytes()


@pytest.mark.slow
def test_a_project_may_stand_in_a_larger_repository(make: Make, tmp_path: Path) -> None:
    project = make()
    shutil.rmtree(project / ".git")
    around = tmp_path / "around"
    shutil.copytree(project.path, around / "deep/new")
    git(around, "init", "--quiet")
    commit(around)
    (around / "dirt.txt").write_text("not committed\n", "utf-8")
    inner = Project(around / "deep/new")
    update(inner, version_of(every_file))
    assert planted(inner)
    assert git(around, "status", "--porcelain", "dirt.txt") == "?? dirt.txt"


@pytest.mark.slow
def test_hooks_that_fail_and_signatures_are_no_hindrance(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make()
    settings = {"commit.gpgSign": "true", "gpg.program": "false", "core.autocrlf": "true"}
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(settings)))
    for i, (key, value) in enumerate(settings.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{i}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{i}", value)
    hooks = project / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("pre-commit", "post-checkout", "commit-msg"):
        (hooks / name).write_text("#!/bin/sh\nexit 1\n", "utf-8")
        (hooks / name).chmod(0o755)
    update(project, version_of(every_file))
    assert planted(project)


@pytest.mark.slow
def test_nothing_rendered_is_in_a_usual_global_ignore_file(make: Make, tmp_path: Path) -> None:
    """Copier overwrites edits in ignored files; `just update` refuses then."""
    rules = tmp_path / "ignore"
    usual = ".DS_Store .idea/ .vscode/ *.swp *~ .env .envrc Thumbs.db .direnv/ *.log *.orig .tool-versions"
    rules.write_text("\n".join(usual.split()), "utf-8")
    project = make(answers="everything")
    names = git(project.path, "ls-files")
    config = ("-c", f"core.excludesFile={rules}")
    assert (
        git(project.path, *config, "ls-files", "--cached", "--ignored", "--exclude-standard") == ""
    )
    assert len(names.splitlines()) > 40
