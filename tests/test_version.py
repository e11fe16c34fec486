"""`just release` sets one version in every file, and the gate opens once for it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from project import Project, commit, git, render, skip_without

pytestmark = pytest.mark.slow


@pytest.fixture
def unreleased(tmp_path: Path) -> Project:
    """Render a project that was committed with its locks."""
    project = render(tmp_path / "new", crate_to="[crates-io]")
    project.commit_with_locks()
    return project


def test_the_first_release_may_have_the_version_that_stands_there(unreleased: Project) -> None:
    assert "Committed version 0.1.0." in unreleased.just("release", "0.1.0")
    changed = git(unreleased.path, "show", "--name-only", "--format=", "HEAD").splitlines()
    assert changed == ["CHANGELOG.md"]
    path = unreleased / "CHANGELOG.md"
    path.write_text(
        path.read_text("utf-8").replace("## Unreleased\n", "## Unreleased\n\n- More.\n")
    )
    commit(unreleased.path)
    again = unreleased.just("release", "0.1.0", code=1)
    assert "0.1.0 is not higher than 0.1.0: type a higher one, or minor." in again


def test_a_release_that_git_refuses_changes_nothing(unreleased: Project) -> None:
    git(unreleased.path, "config", "status.showUntrackedFiles", "no")
    (unreleased / "notes.txt").write_text("mine", "utf-8")
    assert "?? notes.txt" in unreleased.just("release", "minor", code=1)
    (unreleased / "notes.txt").unlink()
    git(unreleased.path, "rm", "--quiet", "Cargo.lock")
    git(unreleased.path, "commit", "--quiet", "--message", "Without a lock")
    hook = unreleased / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n", "utf-8")
    hook.chmod(0o755)
    assert "Nothing was changed." in unreleased.just("release", "minor", code=1)
    assert git(unreleased.path, "status", "--porcelain", "--untracked-files=all") == ""


def test_a_changelog_may_be_kept_as_others_are(unreleased: Project) -> None:
    """As in https://keepachangelog.com, with brackets."""
    unreleased.replace("CHANGELOG.md", "## Unreleased\n", "## [Unreleased]\n\n- More.\n")
    commit(unreleased.path)
    assert "Committed version 0.2.0." in unreleased.just("release", "minor")
    text = (unreleased / "CHANGELOG.md").read_text("utf-8")
    assert re.search(r"## \[Unreleased\]\n\n## 0.2.0 \(20\d\d-\d\d-\d\d\)\n\n- More", text)
    unreleased.replace("CHANGELOG.md", "## [Unreleased]\n", "")
    commit(unreleased.path)
    refused = unreleased.just("release", "minor", code=1)
    assert 'CHANGELOG.md says nothing new: write a line under "## Unreleased".' in refused


@pytest.mark.parametrize(("word", "version"), [("minor", "0.2.0"), ("1.10.0", "1.10.0")])
def test_a_release_sets_one_version_in_every_file(
    unreleased: Project, word: str, version: str
) -> None:
    assert f"Committed version {version}." in unreleased.just("release", word)
    assert git(unreleased.path, "log", "-1", "--format=%s") == f"Release {version}"
    assert git(unreleased.path, "status", "--porcelain") == ""
    changed = git(unreleased.path, "show", "--name-only", "--format=", "HEAD").splitlines()
    assert changed == ["CHANGELOG.md", "Cargo.lock", "Cargo.toml", "pyproject.toml", "uv.lock"]
    unreleased.run("uv", "lock", "--check")
    unreleased.run("cargo", "metadata", "--locked", "--format-version=1")
    text = (unreleased / "CHANGELOG.md").read_text("utf-8")
    assert re.search(rf"## Unreleased\n\n## {version} \(20\d\d-\d\d-\d\d\)\n\n- The first", text)
    again = unreleased.just("release", "patch", code=1)
    assert 'CHANGELOG.md says nothing new: write a line under "## Unreleased".' in again


@pytest.fixture
def breaking(unreleased: Project) -> Project:
    """Tag a release, then drop a parameter in Python and a constant in Rust, of a crate that is not published."""
    publish = 'publish = ["crates-io"] # nowhere else'
    unreleased.replace("crates/core/Cargo.toml", publish, "publish = false")
    core = unreleased / "crates/core/src/lib.rs"
    before = core.read_text("utf-8")
    core.write_text(f"{before}\n/// Seven.\npub const SEVEN: u8 = 7;\n", "utf-8")
    commit(unreleased.path)
    git(unreleased.path, "tag", "v0.1.0")
    core.write_text(before, "utf-8")
    stub = "python/new/_rust.pyi"
    unreleased.replace(stub, "*, threads: SupportsIndex = ...", "")
    commit(unreleased.path)
    return unreleased


def test_a_patch_that_breaks_code_says_so_in_the_changelog_or_is_refused(
    breaking: Project,
) -> None:
    output = breaking.just("release", "patch", code=1)
    assert re.search(
        r"python/new/_rust\.pyi:\d+: longest_chain\(threads\): Parameter was removed", output
    )
    assert (
        'A patch must not break code: release a minor version (from 1.0 on, a major one), or write "### Breaking"'
        in output
    )
    assert git(breaking.path, "status", "--porcelain") == ""
    breaking.replace(
        "CHANGELOG.md",
        "## Unreleased\n\n",
        "## Unreleased\n\n### Breaking\n\n- It counts alone.\n\n",
    )
    commit(breaking.path)
    assert "Committed version 0.1.1." in breaking.just("release", "patch")


def test_a_minor_version_may_break_code(breaking: Project) -> None:
    assert "Parameter was removed" in breaking.just("api", code=1)
    assert "Committed version 0.2.0." in breaking.just("release", "minor")


def test_a_crate_that_breaks_code_is_named(breaking: Project) -> None:
    if not shutil.which("cargo-semver-checks"):
        skip_without("cargo-semver-checks", "cargo install --locked cargo-semver-checks")
    git(breaking.path, "checkout", "--quiet", "HEAD~", "--", "python")
    breaking.replace("crates/core/Cargo.toml", "publish = false", 'publish = ["crates-io"]')
    commit(breaking.path)
    output = breaking.just("api", code=1)
    assert "SEVEN" in output
    assert "crates/core/src/lib.rs" in output
    refused = breaking.just("release", "patch", code=1)
    assert 'or write "### Breaking" below Unreleased.' in refused


def test_a_crate_cannot_be_released_unchecked(breaking: Project) -> None:
    breaking.replace("crates/core/Cargo.toml", "publish = false", 'publish = ["crates-io"]')
    commit(breaking.path)
    folders = os.environ["PATH"].split(os.pathsep)
    without = [name for name in folders if not (Path(name) / "cargo-semver-checks").exists()]
    env = {"PATH": os.pathsep.join(without)}
    output = breaking.just("release", "patch", code=1, env=env)
    assert "type `cargo install --locked cargo-semver-checks`." in output
    assert "### Breaking" not in output


def test_before_the_first_release_nothing_breaks(unreleased: Project) -> None:
    assert "No tag v* can be reached, so nothing breaks." in unreleased.just("api")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("0.0.9", "0.0.9 is not higher than 0.1.0"),
        ("v1.0.0", '"v1.0.0" is no version: type one such as 1.2.0, or major, minor or patch.'),
        ("huge", '"huge" is no version'),
    ],
)
def test_a_version_that_cannot_be_is_refused(unreleased: Project, word: str, message: str) -> None:
    assert message in unreleased.just("release", word, code=1)
    assert git(unreleased.path, "status", "--porcelain") == ""


def test_a_dirty_tree_is_refused_and_kept(unreleased: Project) -> None:
    (unreleased / "README.md").write_text("changed\n")
    output = unreleased.just("release", "minor", code=1)
    assert "Commit these changes first, or `git stash` them:\nM README.md" in output
    assert (unreleased / "README.md").read_text() == "changed\n"


def test_a_release_that_fails_half_way_changes_nothing(unreleased: Project) -> None:
    unreleased.replace("Cargo.toml", '"0.1.0" # the same as', '"0.1.0" # as')
    commit(unreleased.path)
    output = unreleased.just("release", "minor", code=1)
    assert "Nothing was changed." in output
    assert git(unreleased.path, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("refs/heads/topic", "refs/heads/topic is not refs/heads/main: releases come from main"),
        ("refs/tags/main", "refs/tags/main is not refs/heads/main"),
        ("refs/heads/main", "CHANGELOG.md has no heading for 0.1.0: type `just release VERSION`."),
    ],
)
def test_the_gate_names_what_may_not_be_released(
    unreleased: Project, reference: str, message: str
) -> None:
    assert message in unreleased.just("gate", reference, "main", code=1)


def test_the_gate_opens_once_for_a_version(unreleased: Project) -> None:
    unreleased.just("release", "minor")
    opened = unreleased.just("gate", "refs/heads/main", "main")
    assert "Version 0.2.0 may be released." in opened
    git(unreleased.path, "tag", "v0.2.0")
    refused = unreleased.just("gate", "refs/heads/main", "main", code=1)
    assert "v0.2.0 was released already" in refused


def test_the_core_may_have_a_version_of_its_own(unreleased: Project) -> None:
    unreleased.replace(
        "crates/core/Cargo.toml", "\nversion.workspace = true", '\nversion = "1.4.0"'
    )
    output = unreleased.just("lint", code=1)
    assert 'failed to select a version for the requirement `new = "^0.1.0"`' in output
    assert "candidate versions found which didn't match: 1.4.0" in output
    core = 'path = "crates/core", version = '
    unreleased.replace("Cargo.toml", f'{core}"0.1.0"', f'{core}"1.4.0"')
    unreleased.run("cargo", "update", "--workspace")
    commit(unreleased.path)
    unreleased.just("release", "minor")
    unreleased.just("crates")
    assert (unreleased / "dist/new-1.4.0.crate").exists()
    assert 'version = "0.2.0" # the same' in (unreleased / "Cargo.toml").read_text("utf-8")


def test_a_release_in_a_folder_of_a_larger_repository_minds_its_own_files(
    unreleased: Project, tmp_path: Path
) -> None:
    around = tmp_path / "around"
    shutil.copytree(unreleased.path, around / "deep/new", ignore=shutil.ignore_patterns(".git"))
    (around / "theirs.txt").write_text("committed\n", "utf-8")
    git(around, "init", "--quiet")
    commit(around)
    (around / "theirs.txt").write_text("changed\n", "utf-8")
    inner = Project(around / "deep/new")
    git(around, "add", ".")
    assert "first, or `git stash` them:\ntheirs.txt" in inner.just("release", "minor", code=1)
    git(around, "reset", "--quiet")
    inner.just("release", "minor")
    changed = git(around, "show", "--name-only", "--format=%s").splitlines()
    assert changed[0] == "Release 0.2.0"
    assert {name.partition("/")[0] for name in changed[1:] if name} == {"deep"}
    assert git(around, "status", "--porcelain") == "M theirs.txt"


def test_the_wrapper_can_never_be_published(unreleased: Project) -> None:
    result = subprocess.run(
        ["cargo", "publish", "--package", "new-py", "--dry-run"],
        cwd=unreleased.path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 101
    assert "`new-py` cannot be published" in result.stderr


def test_every_crate_of_the_workspace_gets_the_version(unreleased: Project) -> None:
    helper = unreleased / "crates/helper"
    (helper / "src").mkdir(parents=True)
    (helper / "src/lib.rs").write_text("//! Helps.\n")
    core = "crates/core/Cargo.toml"
    text = (unreleased / core).read_text("utf-8").replace('name = "new"', 'name = "helper"')
    (helper / "Cargo.toml").write_text(text)
    needed = '[dependencies]\nhelper = { path = "../helper", version = "0.1.0" }\n'
    unreleased.replace(core, "[dependencies]\n", needed)
    unreleased.run("cargo", "update", "--workspace")
    commit(unreleased.path)
    unreleased.just("release", "minor")
    assert 'path = "../helper", version = "0.2.0"' in (unreleased / core).read_text("utf-8")
    unreleased.run("cargo", "metadata", "--locked", "--format-version=1")


def test_a_crate_that_does_not_say_where_it_goes_is_named(unreleased: Project) -> None:
    """As one that was there before the template."""
    unreleased.replace("crates/core/Cargo.toml", "publish = [", "# publish = [")
    message = 'new does not say where it goes: add publish = ["crates-io"] or publish = false.'
    assert message in unreleased.just("crates", code=1)


def test_a_version_of_other_parts_is_named(unreleased: Project) -> None:
    for name in ("pyproject.toml", "Cargo.toml"):
        unreleased.replace(name, '"0.1.0"', '"0.1.0-rc.1"')
    unreleased.run("cargo", "update", "--workspace")
    unreleased.run("uv", "lock")
    commit(unreleased.path)
    message = "0.1.0-rc.1 is no version of three numbers: set one such as 1.2.0 by hand first."
    assert message in unreleased.just("release", "0.2.0", code=1)


def test_a_gate_that_cannot_ask_git_does_not_open(unreleased: Project) -> None:
    unreleased.just("release", "minor")
    (unreleased / ".git").rename(unreleased / "git")
    assert "`git tag --list` failed" in unreleased.just("gate", "refs/heads/main", "main", code=1)


def test_crates_are_found_where_cargo_is_told_to_put_them(
    unreleased: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CARGO_TARGET_DIR")
    with (unreleased / ".cargo/config.toml").open("a", encoding="utf-8") as file:
        file.write('\n[build]\ntarget-dir = "elsewhere"\n')
    unreleased.just("crates")
    assert (unreleased / "dist/new-0.1.0.crate").exists()
