"""A project in a folder of a larger repository, by the lines of docs/monorepo.md."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from project import ROOT, Project, commit, git, posix, render, tool

pytestmark = pytest.mark.slow
DOCUMENT = (ROOT / "docs/monorepo.md").read_text("utf-8")


@pytest.fixture
def around(tmp_path: Path) -> Project:
    """A repository with a project in packages/my-package."""
    root = Project(tmp_path / "around")
    render(root / "packages/my-package", wheels_to="[pypi]", crate_to="[crates-io]")
    git(root.path, "init", "--quiet")
    commit(root.path)
    return root


@posix
def test_the_workflows_of_the_root_find_the_project(around: Project, tmp_path: Path) -> None:
    lines = DOCUMENT.split("```sh\n")[1].split("```")[0]
    around.run("bash", "-euc", lines)
    steps = yaml.safe_load((around / ".github/actions/setup/action.yml").read_text("utf-8"))
    variables = tmp_path / "variables"
    step = steps["runs"]["steps"][-1]["run"]
    around.run("bash", "-euc", step, env={"GITHUB_ENV": str(variables)})
    name, _, value = variables.read_text("utf-8").strip().partition("=")
    shutil.rmtree(around / "packages/my-package/.github")  # what runs below is the root's
    assert '"manylinux-x86_64"' in around.run("just", "plan", "slice", env={name: value})
    texts = {path.name: path.read_text("utf-8") for path in around.path.glob(".github/**/*.yml")}
    workflows = "".join(texts.values())
    folders = r"^ +((path|subject-path|packages-dir): )?(dist|target)/"
    assert not re.search(folders, workflows, re.MULTILINE)
    assert workflows.count("packages/my-package/target/") == 2
    assert workflows.count("packages/my-package/dist/") > 15
    assert texts["dependabot.yml"].count("    directory: /packages/my-package\n") == 2
    strict = ("--persona", "auditor", "--offline", "--no-ignores", "--quiet")
    around.run(tool("zizmor"), *strict, ".github")
    around.run(
        tool("actionlint"),
        *sorted(str(path) for path in around.path.glob(".github/workflows/*")),
    )


@pytest.mark.parametrize(
    ("manifest", "text"),
    [
        ("Cargo.toml", '[workspace]\nmembers = ["packages/*"]\n'),
        (
            "pyproject.toml",
            '[project]\nname = "outer"\nversion = "1"\n[tool.uv.workspace]\nmembers = ["packages/*"]\n',
        ),
    ],
)
def test_an_outer_workspace_leaves_the_project_out(
    around: Project, manifest: str, text: str
) -> None:
    left_out = 'exclude = ["packages/my-package"]'
    assert left_out in DOCUMENT
    (around / manifest).write_text(f"{text}{left_out}\n", "utf-8")
    project = Project(around / "packages/my-package")
    output = project.just("test-python", env={"VIRTUAL_ENV": ""})
    assert " passed" in output
    assert (project / "uv.lock").exists()
    subprocess.run(
        ["cargo", "metadata", "--quiet", "--no-deps", "--format-version=1"],
        cwd=project.path,
        check=True,
        env=os.environ,
    )


def test_a_check_says_that_github_reads_the_root_only(around: Project) -> None:
    sentence = "GitHub reads .github at the root of a repository only."
    project = Project(around / "packages/my-package")
    assert sentence in project.just("--dry-run", "check")
    git(project.path, "init", "--quiet")
    assert sentence not in project.just("--dry-run", "check")


def test_a_first_release_commits_the_project_only(around: Project) -> None:
    project = Project(around / "packages/my-package")
    project.replace("CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n- The first version.\n")
    project.run("uv", "lock")
    project.run("cargo", "generate-lockfile")
    (around / "README.md").write_text("Before.\n", "utf-8")
    commit(around.path)
    (around / "README.md").write_text("After.\n", "utf-8")
    project.just("release", "0.1.0")
    committed = git(around.path, "show", "--format=", "--name-only", "HEAD")
    assert committed == "packages/my-package/CHANGELOG.md"
    assert git(around.path, "status", "--porcelain") == "M README.md"
