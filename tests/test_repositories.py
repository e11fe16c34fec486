"""`just answer` and `just update` work in repositories as people have them, or say what to type."""

import shutil
from pathlib import Path

import pytest
from project import Project, commit, git
from versions import NOW, UNDONE, copy_at, every_file, mine, renamed_file, take, tool, version_of

pytestmark = pytest.mark.slow


@pytest.fixture
def project(clone: Path, tmp_path: Path) -> Project:
    """A project in a repository of its own."""
    return copy_at(clone, NOW, tmp_path / "new", {})


def sparse(project: Project) -> None:
    git(project.path, "sparse-checkout", "set", "tools", "crates", "python")


def detached(project: Project) -> None:
    git(project.path, "checkout", "--quiet", "--detach")


def failing_hook(project: Project) -> None:
    hook = project / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\nexit 1\n", "utf-8")
    hook.chmod(0o755)


def submodule(project: Project) -> None:
    git(project.path.parent, "init", "--quiet", "inner")
    inner = Project(project.path.parent / "inner")
    (inner / "data.txt").write_text("1\n", "utf-8")
    commit(inner.path)
    allow = ("-c", "protocol.file.allow=always")
    git(project.path, *allow, "submodule", "--quiet", "add", str(inner.path), "vendor")
    commit(project.path)


def linked(project: Project) -> None:
    (project / "elsewhere.toml").write_bytes((project / "deny.toml").read_bytes())
    (project / "deny.toml").unlink()
    (project / "deny.toml").symlink_to("elsewhere.toml")
    commit(project.path)


@pytest.mark.parametrize(
    "arrange",
    [sparse, detached, failing_hook, submodule],
    ids=lambda arrange: str(arrange.__name__),
)
def test_it_works_in_repositories_of_many_kinds(project: Project, arrange: object) -> None:
    mine(project, "justfile", "_list:\n    @just --list --unsorted\n")
    assert callable(arrange)
    arrange(project)
    take(project, version_of(every_file))
    text = git(project.path, "show", "HEAD:justfile")
    assert "# MINE" in text
    assert "# planted" in text
    assert f"_commit: {version_of(every_file)}" in git(
        project.path, "show", "HEAD:.copier-answers.yml"
    )


def test_a_file_that_is_a_link_now_is_a_conflict(project: Project) -> None:
    linked(project)
    output = tool(project, "update", version_of(every_file), code=1)
    assert "Conflicts, in these files:\n  deny.toml\n" in output


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("status.showUntrackedFiles", "no"),
        ("apply.whitespace", "error"),
        ("core.autocrlf", "input"),
        ("core.fileMode", "false"),
        ("merge.conflictStyle", "zdiff3"),
        ("diff.noprefix", "true"),
        ("diff.mnemonicPrefix", "true"),
        ("color.ui", "always"),
        ("core.quotePath", "false"),
    ],
)
def test_settings_of_a_persons_own_lose_no_edit(project: Project, key: str, value: str) -> None:
    mine(project, "justfile", "_list:\n    @just --list --unsorted\n")
    git(project.path, "config", key, value)
    take(project, version_of(every_file))
    assert "# MINE" in (project / "justfile").read_text("utf-8")
    assert "# planted" in (project / "justfile").read_text("utf-8")


def test_variables_that_a_git_hook_sets_lead_nowhere(project: Project, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "other")
    index = tmp_path / "other/.git/index"
    settings = {"GIT_DIR": str(tmp_path / "other/.git"), "GIT_INDEX_FILE": str(index)}
    output = tool(project, "update", version_of(every_file), code=1, env=settings)
    assert UNDONE in output, output
    assert git(project.path, "status", "--porcelain") == ""
    assert not index.exists()


def test_it_works_with_sha_256_and_in_a_second_worktree(project: Project, tmp_path: Path) -> None:
    shutil.rmtree(project / ".git")
    git(project.path, "init", "--quiet", "--object-format=sha256")
    commit(project.path)
    git(project.path, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    take(Project(tmp_path / "side"), version_of(every_file))
    take(project, version_of(every_file))


def test_it_works_in_a_shallow_clone(project: Project, tmp_path: Path) -> None:
    mine(project, "justfile", "_list:\n    @just --list --unsorted\n")
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{project.path}", "shallow")
    take(Project(tmp_path / "shallow"), version_of(every_file))


def test_it_works_in_a_folder_of_a_larger_repository(project: Project, tmp_path: Path) -> None:
    shutil.rmtree(project / ".git")
    around = tmp_path / "around"
    shutil.copytree(project.path, around / "deep/new")
    git(around, "init", "--quiet")
    commit(around)
    (around / "dirt.txt").write_text("not committed\n", "utf-8")
    inner = Project(around / "deep/new")
    assert tool(inner, "drift") == "No file of the template's was changed.\n"
    output = tool(inner, "answer", code=1, platforms="wide", wheels_to="[]")
    assert "publish-pypi.yml is deleted." in output
    mine(inner, "deny.toml", "[graph]\n")
    (around / "staged.txt").write_text("mine\n", "utf-8")
    git(around, "add", "staged.txt")
    refused = tool(inner, "update", version_of(renamed_file), code=1)
    assert "Commit these staged changes first, or unstage them:\nstaged.txt" in refused
    git(around, "reset", "--quiet")
    (around / "staged.txt").unlink()
    assert UNDONE in tool(inner, "update", version_of(renamed_file), code=1)
    assert "# MINE" in (inner / "cargo-deny.toml").read_text("utf-8")
    assert git(around, "ls-files", "--", ":!deep") == "dirt.txt"


def test_nothing_is_amended_when_git_does_not_take_the_change(project: Project) -> None:
    head = git(project.path, "rev-parse", "HEAD")
    (project / ".git/index.lock").touch()
    output = tool(project, "update", version_of(every_file), code=1)
    assert "Git did not take the change, and nothing was changed: " in output
    (project / ".git/index.lock").unlink()
    assert git(project.path, "rev-parse", "HEAD") == head
    assert git(project.path, "status", "--porcelain") == ""


def test_a_rename_does_not_overwrite_an_ignored_file(project: Project) -> None:
    with (project / ".gitignore").open("a", encoding="utf-8") as file:
        file.write("/cargo-deny.toml\n")
    commit(project.path)
    (project / "cargo-deny.toml").write_text("mine\n", "utf-8")
    output = tool(project, "update", version_of(renamed_file), code=1)
    assert "cargo-deny.toml is new in the template, and Git ignores cargo-deny.toml" in output
    assert (project / "cargo-deny.toml").read_text("utf-8") == "mine\n"


def test_the_template_may_move(project: Project, tmp_path: Path) -> None:
    source = Path(project.answers()["_src_path"])
    git(tmp_path, "clone", "--quiet", str(source), "moved")
    project.replace(".copier-answers.yml", str(source), str(tmp_path / "moved"))
    commit(project.path)
    take(project, version_of(every_file))
    assert project.answers()["_src_path"] == str(tmp_path / "moved")


def test_an_answer_that_was_reverted_can_be_given_again(project: Project) -> None:
    git(project.path, "config", "grep.patternType", "fixed")
    take(project, platforms="wide")
    git(project.path, "revert", "--no-edit", "HEAD")
    mine(
        project,
        "tools/platforms.toml",
        "cibuildwheel builds, and where foreign wheels are tested).\n",
    )
    take(project, platforms="wide")
    assert project.answers()["platforms"] == "wide"
