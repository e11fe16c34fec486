"""What docs/bots.md offers to copy works: Renovate's settings, and a workflow that updates."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from contracts import unknown_uses
from project import ROOT, Project, commit, git, posix, render, skip_without, tool
from releases import RELEASES
from servers import TOKEN, serve_git
from test_docs import blocks
from versions import NOW, copy_at, every_file, history, version_of

BOTS = ROOT / "docs/bots.md"
# Renovate asks for a newer node than most machines have, so that comes from npm too.
RENOVATE = ("npx", "--yes", "--package=node@24.21.0", "--package=renovate@44.121.2", "renovate")

# Stands for GitHub's client, which cannot reach GitHub here: https://cli.github.com/manual/
GH = """#!/bin/sh
case "$*" in
"auth setup-git") git config --global credential.helper '!gh auth git-credential' ;;
"auth git-credential get") printf 'username=x-access-token\\npassword=%s\\n' "$GH_TOKEN" ;;
"auth git-credential "*) ;;
*) echo "gh $*" ;;
esac
"""


def settings() -> str:
    """Return the renovate.json of the page."""
    (text,) = (text for kind, _, text in blocks(BOTS, "Renovate instead") if kind == "json")
    return text


def workflow() -> str:
    """Return the update.yml of the page."""
    ((_, _, text),) = blocks(BOTS, "Updates of the template, without Renovate")
    return text


def steps() -> list[dict[str, Any]]:
    """Return the steps of the page's update.yml."""
    listed: list[dict[str, Any]] = yaml.safe_load(workflow())["jobs"]["update"]["steps"]
    return listed


# Renovate


def test_the_settings_of_renovate_are_valid(tmp_path: Path) -> None:
    (tmp_path / "renovate.json").write_text(settings())
    schema = [tool("check-jsonschema"), "--builtin-schema", "vendor.renovate"]
    subprocess.run([*schema, str(tmp_path / "renovate.json")], check=True)
    assert json.loads(settings())["enabledManagers"] == ["cargo", "pep621", "copier"]


def test_only_updates_of_the_template_do_not_wait_for_seven_days() -> None:
    read = json.loads(settings())
    ages = [rule for rule in read["packageRules"] if "minimumReleaseAge" in rule]
    assert read["minimumReleaseAge"] == "7 days"
    assert ages == [{"matchManagers": ["copier"], "minimumReleaseAge": None}]


@pytest.mark.parametrize("path", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))])
def test_the_guides_copy_from_an_address_that_renovate_can_look_up(path: Path) -> None:
    commands = re.findall(r"^uvx copier copy .*", path.read_text("utf-8"), re.MULTILINE)
    assert [command for command in commands if "https://github.com/OWNER/" not in command] == []


def lookups(project: Project, scratch: Path, **settings: str) -> dict[str, Any]:
    """Return what each manager of Renovate finds, with the updates."""
    env = {"LOG_FORMAT": "json", "LOG_LEVEL": "debug", "RENOVATE_BASE_DIR": str(scratch)}
    output = project.run(*RENOVATE, "--platform=local", "--dry-run=lookup", env=env | settings)
    entries = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    (entry,) = (entry for entry in entries if entry["msg"] == "packageFiles with updates")
    found: dict[str, Any] = entry["config"]
    return found


def proposals(project: Project, scratch: Path) -> list[dict[str, Any]]:
    """Return the updates of the template that Renovate finds."""
    ((dependency,),) = (file["deps"] for file in lookups(project, scratch)["copier"])
    updates: list[dict[str, Any]] = dependency["updates"]
    return updates


@pytest.mark.nightly
@pytest.mark.slow
def test_renovate_proposes_the_newest_version_of_the_template(tmp_path: Path) -> None:
    if not shutil.which("npm"):
        skip_without("npm", "apt-get install npm")
    clone = history(tmp_path / "served/template", [])
    rendered = copy_at(clone, [*RELEASES][-1], tmp_path / "new", {})
    # No other file, or Renovate would look up each crate and package as well.
    project = Project(tmp_path / "project")
    project.path.mkdir()
    shutil.copy(rendered / ".copier-answers.yml", project.path)
    (project / "renovate.json").write_text(settings())
    with serve_git(tmp_path / "served", private=False) as address:
        project.replace(".copier-answers.yml", str(clone), f"{address}/template")
        git(project.path, "init", "--quiet")
        commit(project.path)
        (update,) = proposals(project, tmp_path / "scratch")
        assert (update["newValue"], update.get("pendingChecks", False)) == (NOW, False)
        # Without the rule for Copier, it waits for a date that never comes.
        project.replace("renovate.json", '"minimumReleaseAge": null', '"enabled": true')
        (update,) = proposals(project, tmp_path / "scratch")
        assert update["pendingChecks"]
        project.replace(".copier-answers.yml", f"{address}/template", "gh:OWNER/copier-pyo3")
        assert proposals(project, tmp_path / "scratch") == []


# The workflow


@pytest.mark.slow
def test_the_workflow_that_updates_passes_every_linter(tmp_path: Path) -> None:
    project = render(tmp_path)
    path = project / ".github/workflows/update.yml"
    path.write_text(workflow(), "utf-8")
    project.just("lint-workflows")
    # By its version, actionlint knows which inputs an action has.
    path.write_text(re.sub(r"@[0-9a-f]{40} # (v\d+)\S*", r"@\1", workflow()), "utf-8")
    project.run("git", "init", "--quiet")
    project.run(tool("actionlint"), str(path))


def test_the_workflow_that_updates_has_the_pins_that_the_weekly_check_compares(
    tmp_path: Path,
) -> None:
    path = tmp_path / ".github/workflows/update.yml"
    path.parent.mkdir(parents=True)
    path.write_text(workflow(), "utf-8")
    assert unknown_uses(tmp_path) == []


def test_a_locked_copier_runs_before_the_token_of_the_app_exists() -> None:
    *before, app, last = steps()
    assert app["id"] == "app"
    assert "steps.app" not in str(before)
    assert last["env"] == {"GH_TOKEN": "${{ steps.app.outputs.token }}"}
    (copier,) = (step for step in steps() if "copier update" in step.get("run", ""))
    assert copier in before
    assert copier["run"].startswith("uv run --locked --only-group template copier update")


class Host:
    """A private repository, and the machines that run its workflow."""

    def __init__(self, folder: Path, address: str) -> None:
        """Put GitHub's client into place."""
        self.folder, self.address, self.runs = folder, address, 0
        (folder / "bin").mkdir()
        (folder / "bin/gh").write_text(GH, "utf-8")
        (folder / "bin/gh").chmod(0o755)

    def run(self) -> str:
        """Run the workflow on a new machine, each step with its own environment only."""
        self.runs += 1
        machine = self.folder / f"machine-{self.runs}"
        machine.mkdir()
        env = {
            "GIT_CONFIG_GLOBAL": str(machine / "gitconfig"),
            "GIT_TERMINAL_PROMPT": "0",
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
        }
        # As actions/checkout does, which leaves no credentials.
        project = Project(machine / "project")
        with_token = self.address.replace("://", f"://x-access-token:{TOKEN}@")
        git(machine, "clone", "--quiet", "--depth=1", with_token, "project")
        git(project.path, "remote", "set-url", "origin", self.address)
        shell = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")
        output = ""
        for step in steps():
            if "run" in step:
                given = {
                    name: value.replace("${{ steps.app.outputs.token }}", TOKEN)
                    for name, value in step.get("env", {}).items()
                }
                output += project.run(*shell, step["run"], env={**env, **given})
        return output


@pytest.fixture
def host(make_conflict: Project, tmp_path: Path) -> Iterator[Host]:
    """Serve the project from a private repository."""
    make_conflict.run("uv", "lock")
    commit(make_conflict.path)
    remote = tmp_path / "served/new"
    make_conflict.run("git", "clone", "--quiet", "--bare", ".", str(remote))
    git(make_conflict.path, "remote", "add", "origin", str(remote))
    with serve_git(tmp_path / "served", private=True) as address:
        yield Host(tmp_path, f"{address}/new")


@posix
@pytest.mark.slow
def test_the_workflow_proposes_a_version_once_and_says_where_it_conflicts(
    make_conflict: Project, host: Host
) -> None:
    project = make_conflict
    assert "gh pr create --fill --draft" in host.run()
    branch = f"template-{version_of(every_file)}"
    project.run("git", "fetch", "--quiet", "origin")
    assert git(project.path, "log", "-1", "--format=%s", f"origin/{branch}") == (
        "Update with conflicts"
    )
    # Next week, when somebody has mended it.
    project.run("git", "switch", "--quiet", branch)
    project.replace("deny.toml", "# mine\n", "# mended\n")
    commit(project.path)
    project.run("git", "push", "--quiet", "origin", branch)
    assert "gh pr create" not in host.run()
    project.run("git", "fetch", "--quiet", "origin")
    assert "# mended" in git(project.path, "show", f"origin/{branch}:deny.toml")
    # Once it is merged, nothing is left to propose.
    project.run("git", "switch", "--quiet", "main")
    project.run("git", "merge", "--quiet", branch)
    project.run("git", "push", "--quiet", "origin", "main")
    assert "gh pr create" not in host.run()


# Many repositories


@pytest.fixture
def make_conflict(tmp_path: Path) -> Project:
    """A project whose next update has one conflict."""
    clone = history(tmp_path / "template", [every_file])
    project = copy_at(clone, NOW, tmp_path / "new", {})
    _, rest = (project / "deny.toml").read_text("utf-8").split("\n", 1)
    (project / "deny.toml").write_text(f"# mine\n{rest}", "utf-8")
    commit(project.path)
    return project
