"""`just answer`, `just update` and `just drift`: an update is a commit that Git merges, and nothing is lost."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from project import Project, commit, git, posix, render
from releases import RELEASES
from versions import (
    ANSWERS,
    NEWER,
    NOW,
    all_of_these,
    copy_at,
    edit,
    every_file,
    forgotten_removal,
    history,
    mine,
    new_file,
    new_question,
    newer_pyo3,
    renamed_file,
    take,
    tool,
    version_of,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def project(clone: Path, tmp_path: Path) -> Project:
    """A project in a repository of its own."""
    return copy_at(clone, NOW, tmp_path / "new", {})


# It stops before anything changes


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ("package_name=other", "package_name is asked only once, since it names the folder"),
        (
            "crate_name=other",
            "crate_name is asked only once, since your Rust code uses it: it stays new",
        ),
        ("license=Apache-2.0", "license is asked only once, since its text is yours"),
        ("starter=none", "starter is asked only once, since its code is yours"),
        ("platform=wide", "platform is not a question of these answers. Questions: coverage, c"),
        ("azure_feed=feed", "azure_feed is not a question of these answers."),
        ("", "'' is no answer: type it as"),
        ("python_min+=3.12", "'python_min+=3.12' is no answer"),
        ("platforms", "'platforms' is no answer: type it as `just answer platforms=wide`."),
        ("wide platforms=wide", "'wide' is no answer"),
        ("python_min=3.8", "Copier refuses: "),
        ("platforms=all", "Nothing was changed."),
        ("edition=banana", 'Try 2024: edition "banana" is no edition of Rust.'),
        ("wheels_to=azure", 'Question "azure_organization" is required'),
    ],
)
def test_a_wrong_answer_is_refused(project: Project, answers: str, message: str) -> None:
    head = git(project.path, "rev-parse", "HEAD")
    assert message in tool(project, "answer", code=1, env={"ANSWERS": answers})
    assert git(project.path, "status", "--porcelain") == ""
    assert git(project.path, "rev-parse", "HEAD") == head


def test_it_needs_a_clean_tree_and_a_commit(project: Project) -> None:
    (project / "mine.txt").write_text("mine\n", "utf-8")
    output = tool(project, "update", code=1)
    assert "Commit or stash these changes first:\n?? mine.txt" in output
    git(project.path, "add", "--intent-to-add", "mine.txt")
    assert "Commit or stash these changes first:\n A mine.txt" in tool(project, "update", code=1)
    git(project.path, "checkout", "--quiet", "--orphan", "empty")
    assert "no commit yet: type `git init`" in tool(project, "update", code=1)


def test_the_lock_that_the_recipe_has_just_made_is_no_hindrance(project: Project) -> None:
    (project / "uv.lock").write_text("version = 1\n", "utf-8")
    take(project, version_of(every_file))


def test_a_file_that_git_ignores_is_not_overwritten(project: Project) -> None:
    with (project / ".gitignore").open("a", encoding="utf-8") as file:
        file.write("/tools/later.py\n")
    commit(project.path)
    (project / "tools/later.py").write_text("mine\n", "utf-8")
    output = tool(project, "update", version_of(new_file), code=1)
    assert (
        "tools/later.py is new in the template, and Git ignores tools/later.py: move yours away"
        in output
    )
    assert (project / "tools/later.py").read_text("utf-8") == "mine\n"
    assert git(project.path, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        ("package_name", "new", "other"),
        ("crate_name", "new", "other"),
        ("license", "MIT", "Apache-2.0"),
        ("starter", "minimal", "fizzbuzz"),
    ],
)
def test_what_is_asked_once_may_not_be_changed_by_hand(
    project: Project, key: str, old: str, new: str
) -> None:
    project.replace(".copier-answers.yml", f"{key}: {old}\n", f"{key}: {new}\n")
    commit(project.path)
    message = f": it stays {old}, also in .copier-answers.yml."
    assert message in tool(project, "update", code=1)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("_src_path:", "path:", "is damaged ('_src_path')"),
        ("license: MIT", "license: [MIT", "is damaged ("),
    ],
)
def test_a_damaged_answers_file_is_named(
    project: Project, old: str, new: str, message: str
) -> None:
    project.replace(".copier-answers.yml", old, new)
    commit(project.path)
    output = tool(project, "update", code=1)
    assert message in output
    assert "Traceback" not in output
    git(project.path, "rm", "--quiet", "--force", ".copier-answers.yml")
    commit(project.path)
    assert ".copier-answers.yml is missing: restore it" in tool(project, "update", code=1)


def test_a_version_that_does_not_exist_is_named(project: Project) -> None:
    output = tool(project, "update", "nonsense", code=1)
    assert "Copier refuses: Unknown revision: 'nonsense'. Nothing was changed." in output


@posix
@pytest.mark.parametrize("step", ["clone", "write-tree", "commit-tree", "cherry-pick"])
def test_nothing_is_left_when_it_is_killed(project: Project, tmp_path: Path, step: str) -> None:
    killer = tmp_path / "git"
    killer.write_text(
        f'#!/bin/sh\ncase " $* " in *" {step} "*) kill -9 0 ;; esac\nexec "{shutil.which("git")}" "$@"\n'
    )
    killer.chmod(0o755)
    head = git(project.path, "rev-parse", "HEAD")
    result = subprocess.run(
        [sys.executable, "-B", "tools/update.py", "update", version_of(every_file)],
        cwd=project.path,
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        start_new_session=True,
        check=False,
    )
    assert result.returncode == -signal.SIGKILL
    assert git(project.path, "status", "--porcelain") == ""
    assert git(project.path, "rev-parse", "HEAD") == head


# Git merges


def test_an_overlap_is_a_conflict_that_can_be_ended_or_undone(project: Project) -> None:
    _, rest = (project / "deny.toml").read_text("utf-8").split("\n", 1)
    (project / "deny.toml").write_text(f"# MINE\n{rest}", "utf-8")
    commit(project.path)
    head = git(project.path, "rev-parse", "HEAD")
    output = tool(project, "update", version_of(every_file), code=1)
    assert "Conflicts, in these files:\n  deny.toml\nChoose between the lines" in output
    unfinished = tool(project, "update", code=1)
    assert (
        "A cherry-pick is not finished: type `git cherry-pick --continue`, or `--abort`."
        in unfinished
    )
    git(project.path, "cherry-pick", "--abort")
    assert git(project.path, "status", "--porcelain") == ""
    assert git(project.path, "rev-parse", "HEAD") == head
    tool(project, "update", version_of(every_file), code=1)
    (project / "deny.toml").write_text(f"# MINE\n# planted\n{rest}", "utf-8")
    git(project.path, "add", "deny.toml")
    git(project.path, "-c", "core.editor=true", "cherry-pick", "--continue")
    assert git(project.path, "log", "-1", "--format=%s") == f"Template {version_of(every_file)}"
    output = tool(project, "update", version_of(every_file))
    assert "Nothing changes: the project has this version, and these answers." in output


def test_a_rename_carries_edits_along(project: Project) -> None:
    mine(project, "deny.toml", "[graph]\n")
    take(project, version_of(renamed_file))
    assert not (project / "deny.toml").exists()
    assert "# MINE" in (project / "cargo-deny.toml").read_text("utf-8")


def test_a_file_that_the_template_drops_is_deleted_or_in_conflict(project: Project) -> None:
    output = take(project, version_of(forgotten_removal))
    assert ".editorconfig is deleted. To have it back: git checkout HEAD~ -- .editorco" in output
    git(project.path, "reset", "--quiet", "--hard", "HEAD~")
    mine(project, ".editorconfig", "[*]\n")
    output = tool(project, "update", version_of(forgotten_removal), code=1)
    assert "Conflicts, in these files:\n  .editorconfig\n" in output
    assert "# MINE" in (project / ".editorconfig").read_text("utf-8")


def test_an_edit_stays_in_its_job(tmp_path: Path) -> None:
    """The steps of most jobs are alike, and a new job moves them all."""
    clone = history(tmp_path / "template", [])
    steps = "\n".join(f"      - run: echo {number}" for number in range(20))
    job = f"  docs:\n    runs-on: ubuntu-24.04\n    steps:\n{steps}\n\n"
    edit(clone / "template/.github/workflows/ci.yml", "^  lint:$", rf"{job}\g<0>")
    commit(clone, "90.1.0")
    project = copy_at(clone, NOW, tmp_path / "new", {})
    ci = ".github/workflows/ci.yml"
    before, rust = (project / ci).read_text("utf-8").split("  rust:\n")
    place = "      - uses: $/.github/actions/setup\n"
    rust = rust.replace(place, f"{place}        with:\n          ref: mine # MINE\n", 1)
    (project / ci).write_text(f"{before}  rust:\n{rust}", "utf-8")
    commit(project.path)
    take(project, "90.1.0")
    jobs = yaml.safe_load((project / ci).read_text("utf-8"))["jobs"]
    assert "docs" in jobs
    assert [name for name, job in jobs.items() if "'ref'" in str(job)] == ["rust"]


def test_git_revert_takes_it_back(project: Project) -> None:
    before = git(project.path, "rev-parse", "HEAD^{tree}")
    take(project, platforms="wide")
    git(project.path, "revert", "--no-edit", "HEAD")
    assert git(project.path, "rev-parse", "HEAD^{tree}") == before


def test_what_is_yours_is_never_touched(project: Project) -> None:
    (project / "tests/test_package.py").unlink()
    (project / "README.md").write_text("# Mine\n", "utf-8")
    commit(project.path)
    take(project, version_of(all_of_these))
    assert (project / "README.md").read_text("utf-8") == "# Mine\n"
    assert not (project / "tests/test_package.py").exists()
    assert not (project / "tests/test_later.py").exists()
    assert (project / "tools/later.py").exists()


def test_an_answer_that_was_edited_by_hand_is_rendered(project: Project) -> None:
    project.replace(".copier-answers.yml", "platforms: usual\n", "platforms: wide\n")
    commit(project.path)
    output = take(project, version_of(every_file))
    assert "s390x" in (project / "tools/platforms.toml").read_text("utf-8")
    assert f"The version of the template was {NOW}, and is {version_of(every_file)} now." in output


def test_an_edited_row_survives_answers_and_updates(project: Project) -> None:
    take(project, platforms="wide")
    project.replace("tools/platforms.toml", '-riscv64"', '-riscv64" # MINE')
    commit(project.path)
    take(project, version_of(every_file))
    take(project, wheels_to="[]")
    assert '-riscv64" # MINE' in (project / "tools/platforms.toml").read_text("utf-8")


# It says what it did


def test_it_names_versions_new_questions_and_newer_dependencies(project: Project) -> None:
    output = take(project, version_of(new_question))
    version = version_of(new_question)
    assert f"The version of the template was {NOW}, and is {version} now.\n" in output
    assert "greeting is new; its default was taken: hello\n" in output
    git(project.path, "reset", "--quiet", "--hard", "HEAD~")
    output = take(project, version_of(newer_pyo3))
    for key, old, new in NEWER:
        line = f"- {key} is {old} here, and {new} in new projects. When your code is ready: "
        assert f"{line}just answer {key}={new}\n" in output
        assert project.answers()[key] == old


def test_it_names_what_an_answer_deletes(project: Project) -> None:
    output = take(project, wheels_to="[]")
    name = ".github/workflows/publish-pypi.yml"
    assert f"{name} is deleted. To have it back: git checkout HEAD~ -- {name}" in output
    assert "wheels_to was ['pypi'], and is [] now." in output
    assert git(project.path, "log", "-1", "--format=%s") == "Answer wheels_to=[]"


def test_answers_are_typed_as_people_type_them(project: Project) -> None:
    take(project, wheels_to="pypi, azure", azure_organization="contoso", azure_feed="feed")
    assert project.answers()["wheels_to"] == ["pypi", "azure"]
    take(project, description="Solve x=1", platforms="wide")
    assert project.answers()["description"] == "Solve x=1"
    take(project, msrv="1.90", description="[beta] What it does: no")
    assert project.answers()["msrv"] == "1.90"
    assert project.answers()["description"] == "[beta] What it does: no"
    take(project, description="")
    assert project.answers()["description"] == ""
    assert project.answers()["platforms"] == "wide"


def test_locks_that_become_stale_are_in_the_same_commit(project: Project) -> None:
    project.commit_with_locks()
    output = take(project, project_name="renamed")  # needs no other Python
    assert "uv.lock was brought up to date." in output
    assert "uv.lock" in git(project.path, "show", "--name-only", "--format=", "HEAD").split("\n")
    project.run("uv", "lock", "--check")
    project.run("cargo", "metadata", "--locked", "--format-version=1")


def test_drift_shows_edits_of_the_templates_files_only(project: Project) -> None:
    assert tool(project, "drift") == "No file of the template's was changed.\n"
    (project / "RELEASING.md").unlink()
    project.replace("deny.toml", "all-features = true", "all-features = false")
    (project / "README.md").write_text("mine\n", "utf-8")
    commit(project.path)
    output = tool(project, "drift")
    assert "deleted file mode 100644" in output
    assert "-all-features = true\n+all-features = false\n" in output
    assert output.count("diff --git") == 2


def test_two_updates_that_were_merged_are_named(tmp_path: Path) -> None:
    clone = history(tmp_path / "template", [])
    rows = clone / "extensions/platforms.json"
    edit(rows, r'("manylinux-riscv64"(?s:.*?)"floor": )"2.31"', r'\1"2.35"')
    commit(clone, "90.1.0")
    project = copy_at(clone, NOW, tmp_path / "new", {})
    git(project.path, "switch", "--quiet", "--create", "wide")
    take(project, platforms="wide")
    git(project.path, "switch", "--quiet", "main")
    take(project, "90.1.0")
    git(project.path, "merge", "--quiet", "--no-edit", "wide")
    output = tool(project, "drift")
    assert '-floor = "2.35"\n+floor = "2.31"\n' in output
    assert "tools/platforms.toml differs, though no commit of yours changed it" in output


def test_no_recipe_renders_anew_over_edits(project: Project) -> None:
    assert "recopy" not in (project / "justfile").read_text("utf-8")


# The wheels


def changed(project: Project) -> str:
    """Return what the last commit changes in the wheels."""
    python = ("uv", "run", "--quiet", "--only-group=template", "python")
    return project.tools("import update; print(update.compare_wheels())", python=python)


def test_what_changes_in_the_wheels_is_named(project: Project) -> None:
    project.replace("justfile", "_list:\n", "# MINE\n_list:\n")
    commit(project.path)
    same = "This machine's wheel stays byte for byte the same.\nThe settings of all platforms stay"
    assert same in changed(project)
    project.replace("pyproject.toml", 'description = "', 'description = "Other. ')
    project.replace("crates/core/src/collatz.rs", "let mut length = 1;", "let mut length = 2;")
    project.replace("tools/platforms.toml", 'floor = "2.28"', 'floor = "2.34"')
    commit(project.path)
    output = changed(project)
    assert "machine's wheel: new-0.1.0.dist-info/METADATA, new/_rust.abi3.so" in output
    assert "Built with other settings: manylinux-x86_64, manylinux-aarch64." in output
    project.replace("pyproject.toml", "--locked --features abi3", "--locked --features abi3 -v")
    commit(project.path)
    assert "Built with other settings: manylinux-x86_64" in changed(project)
    git(project.path, "worktree", "prune")
    assert len(git(project.path, "worktree", "list").splitlines()) == 1


@pytest.mark.nightly
def test_an_answer_that_changes_nothing_in_the_wheel_says_so(project: Project) -> None:
    project.just("setup")
    commit(project.path)
    output = project.just("answer", "platforms=wide")
    assert "All checks passed." in output
    assert "\nThis machine's wheel stays byte for byte the same.\nNew: " in output
    assert "It is committed. To undo it: git revert HEAD" in output


@pytest.mark.parametrize("version", RELEASES)
@pytest.mark.nightly
def test_each_release_comes_to_the_new_way_of_updates(
    clone: Path, tmp_path: Path, version: str
) -> None:
    """With its own program at first, and with this one from then on."""
    project = copy_at(clone, version, tmp_path / "new", ANSWERS["everything"])
    project.just("setup")
    commit(project.path)
    output = project.just("update", NOW)
    assert "All checks passed." in output
    commit(project.path)
    take(project, version_of(every_file))
    loaded = json.dumps(project.answers())
    assert version_of(every_file) in loaded
    assert render(tmp_path / "fresh", clone, version_of(every_file)).answers()


@pytest.mark.nightly
def test_the_pages_of_the_documentation_come_with_their_answer_and_stay(
    clone: Path, tmp_path: Path
) -> None:
    project = copy_at(clone, NOW, tmp_path / "new", {"extras": "[]"})
    assert not (project / "docs").exists()
    project.just("answer", "extras=pypy")
    project.just("answer", "extras+=docs crate_to=crates-io")
    assert project.answers()["extras"] == ["docs", "pypy"]
    assert (project / "crates/core/LICENSE").read_text("utf-8").startswith("MIT License")
    names = ("index.md", "reference.md", "stylesheets/site.css")
    assert all((project / "docs" / name).exists() for name in names)
    (project / "docs/index.md").write_text("# Mine\n", "utf-8")
    (project / "docs/tutorial.md").unlink()
    git(project.path, "commit", "--quiet", "--all", "--message", "My pages")
    project.just("answer", "extras=[]")
    assert not (project / "mkdocs.yml").exists()
    assert not (project / "tools/docs.just").exists()
    assert (project / "docs/reference.md").exists()
    project.just("answer", "extras=docs")
    assert (project / "docs/tutorial.md").exists()
    assert (project / "docs/index.md").read_text("utf-8") == "# Mine\n"
    assert (project / "mkdocs.yml").exists()
