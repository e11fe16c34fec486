"""Workflows pass every linter at its strictest, and run in a local runner, failure paths included."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from project import ROOT, Project, git, plan, render, skip_without, tool
from runner import ACTIONS
from test_questions import EVERYWHERE

VARIANTS: dict[str, dict[str, str]] = {
    "defaults": {},
    "everything": {"platforms": "wide", "extras": "[pypy]", "starter": "fizzbuzz", **EVERYWHERE},
    "none": {"starter": "none", "license": "proprietary", "python_min": "3.15"},
}
USES = re.compile(
    r"^\s*(?:- )?uses: (?P<name>[\w./-]+)@(?P<ref>\S+?)(?: # (?P<version>\S+))?$", re.MULTILINE
)


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
    ]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = "\n".join(["red=0", *(f"{command} || red=1" for command in commands), "exit $red"])
    return project.run("sh", "-c", script, code=code, env={"PATH": path})


def workflows(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Parse each workflow."""
    for path in sorted((folder / ".github/workflows").glob("*.yml")):
        # The same as safe_load in C: each contract reads all of them.
        workflow = yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)
        workflow["on"] = workflow.pop(True)  # YAML 1.1 takes the word for a truth
        yield path.name, workflow


def own_actions(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Parse each action of the project's own, with the name of its folder."""
    for path in sorted((folder / ".github/actions").glob("*/action.yml")):
        yield path.parent.name, yaml.safe_load(path.read_text("utf-8"))


def steps(folder: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """List each step, with the name of its workflow and of its job; those of an own action last."""
    for name, workflow in workflows(folder):
        for job_name, job in workflow["jobs"].items():
            for step in job.get("steps", []):
                yield name, job_name, step
    for name, action in own_actions(folder):
        for step in action["runs"]["steps"]:
            yield "action.yml", name, step


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


def unknown_uses(folder: Path) -> list[str]:
    """List what a workflow uses otherwise than tests/actions.yml knows it."""
    findings = []
    rows = {row["name"]: row for row in ACTIONS}
    rows |= {
        f"$/.github/actions/{name}": {"inputs": list(action["inputs"])}
        for name, action in own_actions(folder)
    }
    for path in sorted((folder / ".github").glob("*s/**/*.yml")):
        for use in USES.finditer(path.read_text("utf-8")):
            row = rows.get(use["name"])
            if row is None or (use["ref"], use["version"]) != (row["commit"], row["version"]):
                findings.append(f"{path.name}: {use[0].strip()}")
    for name, job, step in steps(folder):
        row = rows.get(step.get("uses", "").split("@")[0], {"inputs": []})
        known = {key.rstrip("*") for key in row["inputs"]}
        required = {key.rstrip("*") for key in row["inputs"] if key.endswith("*")}
        findings += [f"{name}: {job} sets {key}" for key in set(step.get("with", {})) - known]
        findings += [f"{name}: {job} lacks {key}" for key in required - set(step.get("with", {}))]
    return findings


def other_steps(folder: Path, justfile: Path = ROOT / "template/justfile") -> list[str]:
    """List the steps that are neither an action nor one verb of the justfile."""
    recipe = r"^([a-z][a-z-]*)[^\n]*:(?: |$)"
    verbs = set(re.findall(recipe, justfile.read_text("utf-8"), re.MULTILINE))
    findings = []
    for name, job, step in steps(folder):
        if "uses" in step:
            continue
        command = step["run"]
        if command.startswith("jq ") and job == "all-green":
            continue  # nothing is checked out there, so that nothing can keep it from failing
        one = command.startswith("just ") and not re.search(r"[\n&|;<>`]|\$\(", command)
        word = command.split()[1] if one else ""
        if word != '"$RECIPE"' and word not in verbs:
            findings.append(f"{name}: {job} runs {command}")
    return findings


def lost_artifacts(folder: Path) -> list[str]:
    """List the patterns of artifacts that no job of a run uploads, and names that are not unique."""
    findings: list[str] = []
    uploaded: dict[str, list[str]] = {}
    for name, _, step in steps(folder):
        if "upload-artifact" in step.get("uses", ""):
            uploaded.setdefault(name, []).append(step["with"]["name"])
            if step["with"]["if-no-files-found"] != "error":
                findings.append(f"{name}: {step['with']['name']} may be empty")
    for name, workflow in workflows(folder):
        called = [Path(job.get("uses", "")).name for job in workflow["jobs"].values()]
        there = [artifact for file in (name, *called) for artifact in uploaded.get(file, [])]
        twice = [
            artifact for artifact in there if there.count(artifact) > 1 and "matrix" not in artifact
        ]
        findings += [f"{artifact} has no matrix in it" for artifact in twice]
        for job in workflow["jobs"].values():
            for step in job.get("steps", []):
                pattern = step.get("with", {}).get("pattern", "*")
                if pattern != "*" and not any(Path(artifact).match(pattern) for artifact in there):
                    findings.append(f"{name}: nobody uploads {pattern}")
    return findings


def caches(folder: Path) -> list[str]:
    """List what could restore a cache in a workflow that builds a release."""
    findings = []
    for name, workflow in workflows(folder):
        text = json.dumps(workflow["jobs"])
        builds = "just cibuildwheel" in text or "just draft" in text
        if builds and workflow.get("env", {}).get("ACTIONS_CACHE_MODE") != "none":
            findings.append(f"{name} has no ACTIONS_CACHE_MODE: none")
    for name, job, step in steps(folder):
        uses, settings = step.get("uses", ""), step.get("with", {})
        if "setup-uv" in uses:
            settings = {"enable-cache": True, **settings}
        if "cache" in uses or any(settings[key] is not False for key in settings if "cache" in key):
            findings.append(f"{name}: {job} uses a cache")
    return findings


def cancelled_releases(folder: Path) -> list[str]:
    """List the workflows whose run ends when another one begins, unless it is a pull request's."""
    harmless = (False, "${{ github.event_name == 'pull_request' }}")
    return [
        f"{name} may be cancelled"
        for name, workflow in workflows(folder)
        if workflow["concurrency"].get("cancel-in-progress", False) not in harmless
    ]


def ungated(folder: Path) -> list[str]:
    """List the jobs of CI that its final job does not wait for."""
    jobs = dict(workflows(folder))["ci.yml"]["jobs"]
    return sorted(set(jobs) - set(jobs["all-green"]["needs"]) - {"all-green"})


def ambiguous_tags(folder: Path) -> list[str]:
    """List the jobs that check out a tag by a name that a branch may have as well."""
    return [
        f"{name}: {job} checks out {step['with']['ref']}, which may be a branch"
        for name, job, step in steps(folder)
        if not step.get("with", {}).get("ref", "refs/").startswith(("refs/", "${{ inputs.ref }}"))
    ]


def forgotten_submodules(folder: Path) -> list[str]:
    """List the jobs that check out the project without its submodules."""
    return [
        f"{name}: {job} checks out no submodules"
        for name, job, step in steps(folder)
        if "actions/checkout@" in step.get("uses", "")
        and step["with"].get("submodules") != "recursive"
    ]


def hasty_updates(folder: Path) -> list[str]:
    """List updates without a delay of 7 days; zizmor 1.32 stops looking after the first good one."""
    text = (folder / ".github/dependabot.yml").read_text("utf-8")
    return [
        f"dependabot.yml: {update['package-ecosystem']} has no default-days of 7 or more"
        for update in yaml.safe_load(text)["updates"]
        if update.get("cooldown", {}).get("default-days", 0) < 7
    ]


def loose_publishing(folder: Path) -> list[str]:
    """List the jobs that hold a secret or an identity and do more than to publish."""
    findings = []
    for name, workflow in workflows(folder):
        for job_name, job in workflow["jobs"].items():
            where = f"{name}: {job_name}"
            text = json.dumps(job)
            commands = [step.get("run", "") for step in job.get("steps", [])]
            uses = [step.get("uses", "").split("@")[0] for step in job.get("steps", [])]
            permissions = job.get("permissions", {})
            signs = {"actions/attest", "pypa/gh-action-pypi-publish", "azure/login"}
            signs.add("rust-lang/crates-io-auth-action")
            sends = (signs - {"actions/attest"}) & set(uses) or "just publish" in text
            if (sends or "secrets." in text) and "environment" not in job:
                findings.append(f"{where} publishes, or has a secret, outside an environment")
            if ("id-token" in permissions) != bool(signs & set(uses)):
                findings.append(f"{where} has an identity that it does not use, or needs one")
            if "environment" in job and any(
                not c.startswith("just publish ") for c in commands if c
            ):
                findings.append(f"{where} can publish and does something else")
            if "pypa/gh-action-pypi-publish" in uses and "$/.github/actions/setup" in uses:
                findings.append(f"{where} checks out code before it sends to PyPI")
            if "environment" in job and job["needs"] != "fetch":
                findings.append(f"{where} does not wait for what checks the files")
    return findings


CONTRACTS = (
    unknown_uses,
    other_steps,
    lost_artifacts,
    caches,
    cancelled_releases,
    ungated,
    ambiguous_tags,
    forgotten_submodules,
    hasty_updates,
    loose_publishing,
)


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
    paths = [ROOT / "docs/bots.md"]
    for folder in ("template/.github", ".github"):
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
        "    uses: $/.github/workflows/wheels.yml\n",
        "    uses: $/.github/workflows/wheels.yml\n    secrets: inherit\n",
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
        PUBLISH_PYPI,
        "ref: refs/tags/${{ env.TAG }}",
        "ref: ${{ env.TAG }}",
        "fetch checks out ${{ env.TAG }}, which may be a branch",
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
