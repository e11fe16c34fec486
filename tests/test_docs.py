"""The how-tos work when they are typed as they stand."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt
from project import ROOT, Project, commit, git, render
from test_platforms import card, edit_row, image, tool
from versions import NOW, copy_at, every_file, history, version_of


def blocks(path: Path, heading: str) -> Iterator[tuple[str, str, str]]:
    """Give each block of code below a heading: its language, the file named before it, its text."""
    section, file = "", ""
    tokens = MarkdownIt("commonmark").parse(path.read_text("utf-8"))
    for before, token in zip([tokens[0], *tokens], tokens, strict=False):
        if token.type == "inline" and before.type == "heading_open":
            section = token.content
        elif token.type == "inline":
            names = re.findall(r"`([\w/]+\.\w+)`", token.content)
            file = names[-1] if names else ""
        elif token.type == "fence" and section == heading:
            yield token.info, file, token.content


def type_it(
    project: Project,
    guide: str,
    heading: str,
    env: Mapping[str, str] = os.environ,
    cross: Mapping[str, str] = os.environ,
) -> str:
    """Do what a section of a guide says, and give what its lines print.

    `just wheels` gets `cross` on top: a toolchain for foreign targets need not have rustfmt.
    """
    output = ""
    for language, file, text in blocks(ROOT / "docs" / guide, heading):
        if language == "sh":
            lines = re.sub(r"^just ", "uvx --from rust-just just ", text, flags=re.MULTILINE)
            # The template as it stands here.
            lines = lines.replace("gh:OWNER/copier-pyo3", f"--vcs-ref {NOW} ${{TEMPLATE-}}")
            for line in lines.splitlines():
                on_top = cross if "just wheels" in line else {}
                output += project.run("bash", "-euc", line, env={**env, **on_top})
        elif language in ("rust", "python"):
            (project / file).write_text(text, "utf-8")
    return output


@pytest.mark.nightly
@pytest.mark.slow
def test_the_readmes_first_command_needs_no_cache(tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(ROOT), "copier-pyo3")
    readme = (ROOT / "README.md").read_text("utf-8")
    (line,) = re.findall("^python3 -m venv .* demo$", readme, re.MULTILINE)
    caches = ("CARGO_HOME", "PIP_CACHE_DIR", "UV_CACHE_DIR")
    empty = {name: str(tmp_path / name) for name in caches}
    command = ("env", "-u", "CARGO_TARGET_DIR", "CI=true", "bash", "-euc", line)
    output = Project(tmp_path / "copier-pyo3").run(*command, env=empty)
    assert "All checks passed." in output
    assert len(re.findall(r"^\| my_package-0.1.0-cp3\S+\.whl \|", output, re.MULTILINE)) == 3


@pytest.mark.slow
def test_ring_is_cross_compiled_and_runs_under_emulation(
    tmp_path: Path, cross: dict[str, str]
) -> None:
    project = render(tmp_path / "my-package", platforms="wide", starter="none")
    edit_row(project, "manylinux-s390x", "image", f'"{image("s390x-3.11")}"')
    built = card(type_it(project, "c-dependencies.md", "ring", cross=cross))
    assert built["cp311-abi3-manylinux_2_28_s390x"]["emulated"] == "3.11"


@pytest.mark.nightly
@pytest.mark.slow
def test_vendored_openssl_is_cross_compiled(
    tmp_path: Path, cross: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CARGO_TARGET_DIR")  # OpenSSL keeps its folder, below the project's
    project = render(tmp_path / "my-package", platforms="wide")
    edit_row(project, "manylinux-aarch64", "image", f'"{image("aarch64-3.11")}"')
    type_it(project, "c-dependencies.md", "openssl", cross=cross)
    core = "crates/core/src/collatz.rs"
    project.replace(core, "let mut length = 1;", "openssl::init();\n    let mut length = 1;")
    built = card(project.just("wheels", "manylinux-aarch64", env=cross))
    assert built["cp311-abi3-manylinux_2_28_aarch64"]["emulated"] == "3.11"


def test_the_settings_of_renovate_are_valid(tmp_path: Path) -> None:
    ((_, _, text),) = [
        b for b in blocks(ROOT / "docs/bots.md", "Renovate instead") if b[0] == "json"
    ]
    (tmp_path / "renovate.json").write_text(text)
    schema = [tool("check-jsonschema"), "--builtin-schema", "vendor.renovate"]
    subprocess.run([*schema, str(tmp_path / "renovate.json")], check=True)
    assert json.loads(text)["enabledManagers"] == ["cargo", "pep621", "copier"]


def test_the_place_for_a_before_all_is_marked(tmp_path: Path) -> None:
    marked = "before-all = [\n  # What your crate needs beside Rust comes here"
    assert marked in (render(tmp_path) / "pyproject.toml").read_text("utf-8")


@pytest.mark.slow
def test_the_workflow_that_updates_passes_every_linter(tmp_path: Path) -> None:
    ((_, _, text),) = blocks(ROOT / "docs/bots.md", "Updates of the template, without Renovate")
    workflow = render(tmp_path) / ".github/workflows/update.yml"
    workflow.write_text(text, "utf-8")
    Project(tmp_path).just("lint-workflows")
    # By its version, actionlint knows which inputs an action has.
    workflow.write_text(re.sub(r"@[0-9a-f]{40} # (v\d+)\S*", r"@\1", text), "utf-8")
    Project(tmp_path).run("git", "init", "--quiet")
    Project(tmp_path).run(tool("actionlint"), str(workflow))


@pytest.mark.slow
def test_the_script_of_the_workflow_tells_conflicts(make_conflict: Project) -> None:
    ((_, _, text),) = blocks(ROOT / "docs/bots.md", "Updates of the template, without Renovate")
    script = yaml.safe_load(text)["jobs"]["update"]["steps"][-1]["run"]
    project = make_conflict
    (project.path.parent / "bin").mkdir()
    for name in ("gh", "uvx"):
        stand_in = project.path.parent / "bin" / name
        what = f'"{sys.executable}" -m "$@"' if name == "uvx" else 'echo "gh $*"'
        stand_in.write_text(f"#!/bin/sh\n{what}\n", "utf-8")
        stand_in.chmod(0o755)
    remote = project.path.parent / "remote.git"
    project.run("git", "init", "--quiet", "--bare", str(remote))
    project.run("git", "remote", "add", "origin", str(remote))
    path = f"{project.path.parent / 'bin'}:{os.environ['PATH']}"
    bash = ("bash", "-euo", "pipefail", "-c", script)
    assert "gh pr create --fill --draft" in project.run(*bash, env={"PATH": path})
    branch = f"template-{version_of(every_file)}"
    assert git(remote, "log", "-1", "--format=%s", branch) == "Update with conflicts"
    # Next week, when somebody has mended it.
    project.replace("deny.toml", "# mine\n", "# mended\n")
    commit(project.path)
    project.run("git", "push", "--quiet", "origin", branch)
    project.run("git", "switch", "--quiet", "main")
    assert "gh pr create" not in project.run(*bash, env={"PATH": path})
    assert "# mended" in git(remote, "show", f"{branch}:deny.toml")


@pytest.mark.slow
def test_the_fleet_is_listed_with_its_conflicts(make_conflict: Project, tmp_path: Path) -> None:
    other = copy_at(Path(make_conflict.answers()["_src_path"]), NOW, tmp_path / "fleet/other", {})
    fleet = (sys.executable, str(ROOT / "docs/fleet.py"), "--answer", "python_min")
    output = other.run(*fleet, str(make_conflict.path), str(other.path), str(tmp_path))
    newest = ["repository\tversion\tpython_min\tconflicts"]
    newest += [f"new\t{NOW}\t3.11\tdeny.toml ", f"other\t{NOW}\t3.11\t-"]
    assert [line.rstrip("\n") for line in output.splitlines()] == newest
    assert git(other.path, "status", "--porcelain") == ""


@pytest.fixture
def make_conflict(tmp_path: Path) -> Project:
    """A project whose next update has one conflict."""
    clone = history(tmp_path / "template", [every_file])
    project = copy_at(clone, NOW, tmp_path / "new", {})
    _, rest = (project / "deny.toml").read_text("utf-8").split("\n", 1)
    (project / "deny.toml").write_text(f"# mine\n{rest}", "utf-8")
    commit(project.path)
    return project
