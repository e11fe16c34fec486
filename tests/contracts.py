"""What must hold for workflows, and what no linter knows: each contract lists what breaks it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from project import ROOT
from runner import ACTIONS

USES = re.compile(
    r"^\s*(?:- )?uses: (?P<name>[\w./-]+)@(?P<ref>\S+?)(?: # (?P<version>\S+))?$", re.MULTILINE
)


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


def other_steps(folder: Path, *justfiles: Path) -> list[str]:
    """List the steps that are neither an action nor one verb of the justfile."""
    recipe = r"^([a-z][a-z-]*)[^\n]*:(?: |$)"
    files = justfiles or (ROOT / "template/justfile", *(ROOT / "template/tools").glob("*.just"))
    text = "\n".join(path.read_text("utf-8") for path in files)
    verbs = set(re.findall(recipe, text, re.MULTILINE))
    findings = []
    for name, job, step in steps(folder):
        if "uses" in step:
            continue
        command = step["run"]
        if command.startswith("jq ") and job == "all-green":
            continue  # nothing is checked out there, so that nothing can keep it from failing
        if command.startswith("gh release create ") and job == "release":
            continue  # its token can write, so that nothing is installed there
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
        if step.get("uses", "").startswith("actions/upload-artifact@"):
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


def self_made_proofs(folder: Path) -> list[str]:
    """List the jobs that check a release with programs of the release itself."""
    ours = "refs/heads/${{ github.event.repository.default_branch }}"
    return [
        f"{name}: {job} lets a tag check itself"
        for name, job, step in steps(folder)
        if job == "fetch" and "setup" in step.get("uses", "") and step["with"]["ref"] != ours
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
            # The token of a private image reads, and a called workflow gets no secret of an environment.
            text = json.dumps(job).replace("secrets.IMAGES_TOKEN", "")
            commands = [step.get("run", "") for step in job.get("steps", [])]
            uses = [step.get("uses", "").split("@")[0] for step in job.get("steps", [])]
            permissions = job.get("permissions", {})
            signs = {"actions/attest", "pypa/gh-action-pypi-publish", "azure/login"}
            signs |= {"rust-lang/crates-io-auth-action", "actions/deploy-pages"}
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
            before = "build" if "actions/deploy-pages" in uses else "fetch"
            if "environment" in job and job["needs"] != before:
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
    self_made_proofs,
    forgotten_submodules,
    hasty_updates,
    loose_publishing,
)
