"""Workflows pass every linter at its strictest, and run in a local runner, failure paths included."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from contracts import (
    CONTRACTS,
    USES,
    caches,
    cancelled_releases,
    lost_artifacts,
    other_steps,
    unknown_uses,
    workflows,
)
from project import ROOT, Project, git, plan, render, skip_without, tool
from runner import ACTIONS
from test_questions import ADDRESSES, EVERYWHERE, EXTRAS

VARIANTS: dict[str, dict[str, str]] = {
    "defaults": {},
    "everything": {
        "platforms": "wide",
        "extras": "[deep, docs, pypy]",
        "starter": "fizzbuzz",
        **EVERYWHERE,
    },
    "none": {"starter": "none", "license": "proprietary", "python_min": "3.15"},
}


@pytest.fixture(scope="session")
def variants(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Project]:
    """Render each variant once."""
    folder = tmp_path_factory.mktemp("workflows")
    return {name: render(folder / name, None, **answers) for name, answers in VARIANTS.items()}


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Render a project to plant faults in."""
    folder = tmp_path_factory.mktemp("whole") / "new"
    return render(folder, None, platforms="wide", **EVERYWHERE)


@pytest.fixture
def project(whole: Project, tmp_path: Path) -> Project:
    """Copy for each test files that it may spoil."""
    return whole.copy(tmp_path / "new")


def lint(project: Project, code: int = 0) -> str:
    """Run each command of `just lint-workflows` with the tools of these tests, and return what they print."""
    shown = project.run(tool("just"), "--dry-run", "lint-workflows").replace("\\\n", " ")
    commands = re.findall(r"uv run --only-group workflows (.*)", shown)
    assert [command.split()[0] for command in commands] == [
        "zizmor",
        *["check-jsonschema"] * 2,
        "actionlint",
        "python",
    ]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = "\n".join(["red=0", *(f"{command} || red=1" for command in commands), "exit $red"])
    return project.run("sh", "-c", script, code=code, env={"PATH": path})


# Linters


def test_workflows_are_plain_files_that_no_answer_changes(variants: dict[str, Project]) -> None:
    source = {path.name: path for path in (ROOT / "template/.github/workflows").iterdir()}
    for name, project in variants.items():
        rendered = list((project / ".github/workflows").iterdir())
        assert name != "everything" or {path.name for path in rendered} == set(source)
        for path in rendered:
            assert path.read_text("utf-8") == source[path.name].read_text("utf-8")
    assert list((ROOT / "template/.github").rglob("*.jinja")) == []


@pytest.mark.slow
def test_every_linter_finds_nothing(variants: dict[str, Project]) -> None:
    for project in variants.values():
        valid = ["ok -- validation done"] * 2
        assert lint(project).splitlines() == ["No findings to report. Good job!", *valid]


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50))
def test_no_set_of_answers_has_a_finding(tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed)

    def some(*values: str) -> list[str]:
        return [value for value in values if chosen.random() < 0.5]

    answers: dict[str, Any] = {
        "project_name": chosen.choice(["my-package", "A.b_c", "x" * 64]),
        "license": chosen.choice(["MIT", "MIT OR Apache-2.0", "BSD-3-Clause", "MPL-2.0"]),
        "python_min": chosen.choice(["3.11", "3.13", "3.15"]),
        "platforms": chosen.choice(["usual", "wide"]),
        "starter": chosen.choice(["minimal", "fizzbuzz", "none"]),
        "extras": some(*EXTRAS),
        "repository_url": chosen.choice(
            ["", "https://github.com/ada/new", "https://gitlab.com/a/b/c"]
        ),
        **ADDRESSES,
        "wheels_to": some("pypi", "azure", "private"),
        "crate_to": some("crates-io", "azure", "private"),
    }
    lint(render(tmp_path / "new", None, **answers))


@pytest.mark.slow
def test_a_project_inside_another_repository_is_linted_as_its_own(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    others = tmp_path / ".github/workflows"
    others.mkdir(parents=True)
    (others / "other.yml").write_text("on: push\njobs: {}\n", "utf-8")
    project = render(tmp_path / "projects/new")
    assert lint(project).startswith("No findings to report.")
    git(project.path, "init", "--quiet")
    project.replace(
        CI, "uses: $/.github/workflows/wheels.yml", "uses: $/.github/workflows/wheel.yml"
    )
    assert "could not read reusable workflow file" in lint(project, code=1)


def test_zizmor_really_looks_at_them(variants: dict[str, Project]) -> None:
    command = [tool("zizmor"), "--offline", "--no-progress", ".github"]
    result = subprocess.run(
        command, cwd=variants["defaults"].path, capture_output=True, text=True, check=True
    )
    for name in ("ci.yml", "security.yml", "wheels.yml", "dependabot.yml"):
        assert f".github/workflows/{name}" in result.stderr or name == "dependabot.yml"
    assert "dependabot.yml" in result.stderr


@pytest.mark.slow
def test_inputs_of_actions_are_known_to_actionlint(project: Project) -> None:
    # It knows actions by their major tag only, so it gets a copy that names these.
    for path in (project / ".github/workflows").glob("*.yml"):
        text = re.sub(r"@[0-9a-f]{40} # (v\d+)\S*", r"@\1", path.read_text("utf-8"))
        path.write_text(text, "utf-8")
    files = [str(path) for path in (project / ".github/workflows").glob("*.yml")]
    subprocess.run([tool("actionlint"), *files], check=True)
    project.replace(".github/workflows/wheels.yml", "if-no-files-found", "if-no-file-found")
    result = subprocess.run(
        [tool("actionlint"), *files], capture_output=True, text=True, check=False
    )
    assert 'input "if-no-file-found" is not defined' in result.stdout


@pytest.mark.slow
def test_dependabots_and_pyprojects_schemas_hold(variants: dict[str, Project]) -> None:
    for project in variants.values():
        schema = [tool("check-jsonschema"), "--builtin-schema", "vendor.dependabot"]
        subprocess.run([*schema, str(project / ".github/dependabot.yml")], check=True)
        validate = [tool("validate-pyproject"), str(project / "pyproject.toml")]
        subprocess.run(validate, check=True, stdout=subprocess.DEVNULL)
    project.replace("pyproject.toml", "build-frontend = ", "build-frontned = ")
    refused = subprocess.run(validate, capture_output=True, text=True, check=False)
    assert "`tool.cibuildwheel` must not contain {'build-frontned'}" in refused.stderr
    project.replace("pyproject.toml", "build-frontned = ", "build-frontend = ")
    own = [tool("check-jsonschema"), "--builtin-schema", "vendor.dependabot"]
    subprocess.run([*own, str(ROOT / ".github/dependabot.yml")], check=True)


def test_dependabot_raises_what_is_the_projects(project: Project) -> None:
    for folder, systems in ((project.path, ["cargo", "uv"]), (ROOT, ["uv", "github-actions"])):
        text = (folder / ".github/dependabot.yml").read_text("utf-8")
        updates = yaml.safe_load(text)["updates"]
        assert [row["package-ecosystem"] for row in updates] == systems
        for row in updates:
            assert [group["patterns"] for group in row["groups"].values()] == [["*"]]
            assert row["cooldown"] == {"default-days": 7}
    assert "/template/.github/workflows" in updates[1]["directories"]


# Contracts that no linter knows


def test_the_contracts_hold(variants: dict[str, Project]) -> None:
    for project in variants.values():
        assert [finding for contract in CONTRACTS for finding in contract(project.path)] == []


@pytest.mark.slow
def test_the_templates_own_workflows_are_as_strict(project: Project) -> None:
    shutil.rmtree(project / ".github")
    shutil.copytree(ROOT / ".github", project / ".github")
    valid = ["ok -- validation done"] * 2
    assert lint(project).splitlines() == ["No findings to report. Good job!", *valid]
    for contract in (unknown_uses, lost_artifacts, caches, cancelled_releases):
        assert contract(project.path) == []
    assert other_steps(project.path, ROOT / "justfile") == []


def test_every_known_action_is_used_and_runs_on_todays_node() -> None:
    paths = [*(ROOT / "docs").glob("*.md")]
    for folder in ("template/.github", "images/.github", ".github"):
        paths += (ROOT / folder).glob("*s/**/*.yml")
    used = {use["name"] for path in paths for use in USES.finditer(path.read_text("utf-8"))}
    assert {row["name"] for row in ACTIONS} == used
    assert {row["runs"] for row in ACTIONS} <= {"node24", "composite", "docker"}


def test_every_job_has_a_name_of_its_own(project: Project) -> None:
    jobs = plan(project)
    for _, workflow in workflows(project.path):
        names: list[str] = []
        for job in workflow["jobs"].values():
            matrix = job.get("strategy", {}).get("matrix", {}).get("include", "")
            rows: list[dict[str, Any]] = [{}]
            for key in ("native", "cross", "tests"):
                if f".{key} " in f"{matrix} ".replace("}}", "").replace(")", " "):
                    rows = jobs[key]
            for row in rows:
                name = job["name"]
                for key, value in row.items():
                    name = name.replace(f"${{{{ matrix.{key} }}}}", str(value))
                names.append(name)
            assert "${{" not in names[-1]
        assert len(names) == len(set(names))


# Faults, planted one at a time: where, what, what instead, and who names it how.

CHECKOUT = "uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
JOB = "    runs-on: ubuntu-24.04\n    timeout-minutes: 15\n"
SETUP, CI, WHEELS, DEPENDABOT = (
    ".github/actions/setup/action.yml",
    ".github/workflows/ci.yml",
    ".github/workflows/wheels.yml",
    ".github/dependabot.yml",
)
SHIPPED = {
    "a tag instead of a commit": (SETUP, CHECKOUT, "uses: actions/checkout@v7", "unpinned-uses"),
    "a misspelt owner": (
        SETUP,
        "uses: actions/checkout@",
        "uses: action/checkout@",
        "typosquat-uses",
    ),
    "credentials that stay": (
        SETUP,
        "persist-credentials: false",
        "persist-credentials: true",
        "artipacked",
    ),
    "all permissions": (CI, "permissions: {}", "permissions: write-all", "excessive-permissions"),
    "no permissions named": (CI, "permissions: {}\n", "", "excessive-permissions"),
    "a permission without a reason": (
        CI,
        "contents: read",
        "packages: read",
        "undocumented-permissions",
    ),
    "an expression in a script": (
        CI,
        "run: just lint",
        "run: just lint ${{ github.head_ref }}",
        "template-injection",
    ),
    "somebody's title in a script": (
        CI,
        "run: just lint",
        "run: just ${{ github.event.issue.title }}",
        "template-injection",
    ),
    "a dangerous trigger": (
        CI,
        "  pull_request:\n",
        "  pull_request_target:\n",
        "dangerous-triggers",
    ),
    "a secret outside an environment": (
        CI,
        "${{ toJSON(needs) }}",
        "${{ secrets.TOKEN }}",
        "secrets-outside-env",
    ),
    "secrets for all": (
        CI,
        "    secrets:\n      IMAGES_TOKEN: ${{ secrets.IMAGES_TOKEN }}\n",
        "    secrets: inherit\n",
        "secrets-inherit",
    ),
    "a condition that is always true": (
        CI,
        "    if: always()\n",
        "    if: |\n      ${{ failure() }}\n",
        "unsound-condition",
    ),
    "a relative path to a workflow": (CI, "uses: $/.github", "uses: ./.github", "self-repository"),
    "a job without a name": (CI, "    name: Lint\n", "", "anonymous-definition"),
    "no concurrency": (
        CI,
        "concurrency:\n  group: ci-${{ github.ref }}\n  cancel-in-progress: ${{ github.event_name == 'pull_request' }}\n",
        "",
        "concurrency-limits",
    ),
    "an image without a digest": (CI, JOB, f"{JOB}    container: alpine:3\n", "unpinned-images"),
    "a package system that is none": (
        DEPENDABOT,
        "package-ecosystem: uv",
        "package-ecosystem: uvx",
        "dependabot.yml",
    ),
    "a job that waits for nobody": (CI, "needs: plan", "needs: plans", '"plans"'),
    "an output that no step has": (
        WHEELS,
        "steps.plan.outputs.native",
        "steps.plans.outputs.native",
        '"plans"',
    ),
    "an output that no job has": (
        WHEELS,
        "needs.plan.outputs.native !=",
        "needs.plan.outputs.natives !=",
        '"natives"',
    ),
    "a runner that is gone": (
        CI,
        JOB,
        JOB.replace("ubuntu-24.04", "ubuntu-20.04"),
        '"ubuntu-20.04"',
    ),
    "a misspelt key": (CI, "timeout-minutes: 15", "timeout-minute: 15", "timeout-minute"),
    "a job without a timeout": (CI, JOB, "    runs-on: ubuntu-24.04\n", "timeout-minutes"),
    "a script that is no script": (CI, "run: just lint", "run: if just lint", "shellcheck"),
    "a word that may split": (WHEELS, 'just target "$ID"', "just target $ID", "SC2086"),
    "a key twice": (CI, "    name: Lint\n", "    name: Lint\n    name: Lint\n", '"name"'),
    "a job that nobody waits for": (
        CI,
        "      - oldest-rust\n",
        "",
        "ci.yml: add oldest-rust to `needs` of all-green.",
    ),
    "a job that may fail": (
        CI,
        JOB,
        f"    continue-on-error: true\n{JOB}",
        "ci.yml hides a failure: continue-on-error: true",
    ),
    "a step that may fail": (
        WHEELS,
        "      - run: just sdist\n",
        "      - continue-on-error: true\n        run: just sdist\n",
        "wheels.yml hides a failure: continue-on-error: true",
    ),
    "a step of the own action that may fail": (
        SETUP,
        "    - uses: taiki-e",
        "    - continue-on-error: true\n      uses: taiki-e",
        "action.yml hides a failure: continue-on-error: true",
    ),
    "a failure that is swallowed": (
        CI,
        "run: just lint",
        "run: just lint || true",
        "ci.yml hides a failure: run: just lint || true",
    ),
    "a failure that is passed over": (
        CI,
        "run: just lint",
        "run: just lint; exit 0",
        "ci.yml hides a failure: run: just lint; exit 0",
    ),
}


PUBLISH_PYPI, PUBLISH_AZURE = (
    f".github/workflows/publish-{name}.yml" for name in ("pypi", "azure")
)
RELEASE = ".github/workflows/release.yml"
OURS = {
    "updates at once": (
        DEPENDABOT,
        "      default-days: 7\n    groups:\n      python",
        "      default-days: 1\n    groups:\n      python",
        "dependabot.yml: uv has no default-days of 7 or more",
    ),
    "updates without a delay": (
        DEPENDABOT,
        "    cooldown:\n      default-days: 7\n    groups:\n      python",
        "    groups:\n      python",
        "dependabot.yml: uv has no default-days of 7 or more",
    ),
    "a commit without its version": (
        SETUP,
        CHECKOUT,
        CHECKOUT.split(" #")[0],
        "action.yml: - uses: actions/checkout@",
    ),
    "half a version": (SETUP, "# v7.0.1", "# v7", "action.yml: - uses: actions/checkout@"),
    "a build in a job that can publish": (
        PUBLISH_AZURE,
        "run: just publish azure dist",
        "run: just wheels",
        "can publish and does something else",
    ),
    "a job that publishes what nobody checked": (
        PUBLISH_PYPI,
        "    needs: fetch\n",
        "    needs: []\n",
        "does not wait for what checks the files",
    ),
    "an identity that nothing uses": (
        CI,
        "      contents: read\n    steps",
        "      contents: read\n      id-token: write # for nothing\n    steps",
        "has an identity that it does not use",
    ),
    "a job without its identity": (
        PUBLISH_PYPI,
        "      id-token: write # trusted publishing: PyPI knows this workflow, and there is no password\n",
        "      contents: read\n",
        "has an identity that it does not use, or needs one",
    ),
    "a secret that anybody may read": (
        PUBLISH_AZURE,
        "    environment: azure\n",
        "",
        "publishes, or has a secret, outside an environment",
    ),
    "trusted publishing that nobody approves": (
        PUBLISH_PYPI,
        "    environment: pypi\n",
        "",
        "publishes, or has a secret, outside an environment",
    ),
    "a password for PyPI": (
        PUBLISH_PYPI,
        "          packages-dir: dist/\n",
        "          packages-dir: dist/\n          password: ${{ secrets.PYPI }}\n",
        "publish-pypi.yml: publish sets password",
    ),
    "submodules that nobody checks out": (
        SETUP,
        "        submodules: recursive",
        "        submodules: false",
        "setup checks out no submodules",
    ),
    "a tag that may be a branch": (
        ".github/workflows/publish-crates-io.yml",
        "ref: refs/tags/${{ env.TAG }}",
        "ref: ${{ env.TAG }}",
        "publish checks out ${{ env.TAG }}, which may be a branch",
    ),
    "a tag that checks itself": (
        PUBLISH_PYPI,
        "ref: refs/heads/${{ github.event.repository.default_branch }}",
        "ref: refs/tags/${{ env.TAG }}",
        "fetch lets a tag check itself",
    ),
    "another commit": (SETUP, "c181273ba90b1", "c181273ba90b2", "# v7.0.1"),
    "another version": (SETUP, "# v7.0.1", "# v7.0.2", "# v7.0.2"),
    "a misspelt input": (WHEELS, "merge-multiple", "merge-multiples", "sets merge-multiples"),
    "an input that is missing": (WHEELS, "          path: dist/\n", "", "lacks path"),
    "an artifact that nobody uploads": (
        WHEELS,
        "pattern: wheels-*",
        "pattern: wheel-*",
        "nobody uploads wheel-*",
    ),
    "an artifact of another workflow": (
        RELEASE,
        "pattern: release-*",
        "pattern: fetched-pypi",
        "release.yml: nobody uploads fetched-pypi",
    ),
    "an artifact that may be empty": (
        WHEELS,
        "if-no-files-found: error",
        "if-no-files-found: ignore",
        "wheels-${{ matrix.id }} may be empty",
    ),
    "a release that another one ends": (
        RELEASE,
        "cancel-in-progress: false",
        "cancel-in-progress: true",
        "release.yml may be cancelled",
    ),
    "caches that a release may read": (
        RELEASE,
        "ACTIONS_CACHE_MODE: none",
        "ACTIONS_CACHE_MODE: read",
        "release.yml has no ACTIONS_CACHE_MODE: none",
    ),
    "a step that cannot fail": (
        CI,
        "run: just lint",
        "run: just lint || true",
        "just lint || true",
    ),
    "a cache in a release": (SETUP, "enable-cache: false", "enable-cache: true", "uses a cache"),
    "caches that are not switched off": (
        WHEELS,
        "ACTIONS_CACHE_MODE: none",
        "ACTIONS_CACHE_MODE: read",
        "has no ACTIONS_CACHE_MODE: none",
    ),
    "a step with a script of its own": (
        CI,
        "run: just lint",
        "run: uv run ruff check",
        "runs uv run ruff check",
    ),
    "a recipe that does not exist": (CI, "run: just lint", "run: just lints", "runs just lints"),
    "a job that the gate forgets": (
        CI,
        "      - oldest-rust\n",
        "",
        "oldest-rust",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", SHIPPED)
def test_the_rendered_project_names(project: Project, fault: str) -> None:
    name, old, new, message = SHIPPED[fault]
    text = (project / name).read_text("utf-8")
    assert old in text
    (project / name).write_text(text.replace(old, new, 1), "utf-8")
    assert message in lint(project, code=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text", "fault", "finding"),
    [
        (
            ".github/zizmor.yml",
            "rules:\n  unpinned-uses:\n    disable: true\n",
            "a tag instead of a commit",
            "unpinned-uses",
        ),
        (
            ".github/actionlint.yaml",
            "self-hosted-runner:\n  labels: [ubuntu-20.04]\n",
            "a runner that is gone",
            "actionlint.yaml switches rules of a linter off: delete it.",
        ),
    ],
)
def test_no_configuration_switches_a_rule_off(
    project: Project, name: str, text: str, fault: str, finding: str
) -> None:
    (project / name).write_text(text, "utf-8")
    path, old, new, _ = SHIPPED[fault]
    project.replace(path, old, new)
    assert finding in lint(project, code=1)


@pytest.mark.parametrize("fault", OURS)
def test_the_contracts_name(project: Project, fault: str) -> None:
    name, old, new, message = OURS[fault]
    text = (project / name).read_text("utf-8")
    assert old in text
    (project / name).write_text(text.replace(old, new, 1), "utf-8")
    findings = [finding for contract in CONTRACTS for finding in contract(project.path)]
    assert any(message in finding for finding in findings), findings
    assert len(findings) == 1


@pytest.mark.parametrize("result", ["success", "failure", "cancelled", "skipped"])
def test_the_gate_lets_nothing_but_success_through(project: Project, result: str) -> None:
    if not shutil.which("jq"):
        skip_without("jq", "apt-get install jq")
    (step,) = dict(workflows(project.path))["ci.yml"]["jobs"]["all-green"]["steps"]
    needs = json.dumps({"lint": {"result": "success"}, "rust": {"result": result}})
    code = 0 if result == "success" else 1
    output = project.run("bash", "-ec", step["run"], code=code, env={"NEEDS": needs})
    assert f'"rust": "{result}"' in output
