"""Run workflows of a rendered project in act, a local runner."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from project import ROOT, Project, plan, tool

ACTIONS: list[dict[str, Any]] = yaml.safe_load((ROOT / "tests/actions.yml").read_text("utf-8"))
STUBS = ROOT / "tests/stubs"

SHIM = """#!/bin/bash
# Stands before just: keeps a log, fails where it is told to, and takes finished wheels instead of building.
echo "$*" >> "$ACT_LOG"
[ "$1" != "$ACT_FAIL" ] || { echo "a planted failure"; exit 1; }
case "$1" in
plan | verify | gate | crates | draft | fetch | docs-address) exec "$ACT_JUST" "$@" ;;
publish)
    if [ -f images.toml ]; then
        touch "sbom-$2.json"
        printf 'name=%s\\ndigest=%s\\n' "registry/$2" sha256:0 >> "$GITHUB_OUTPUT"
        exit
    fi
    [ "$2" = crates-io ] || exec "$ACT_JUST" "$@" ;;
cibuildwheel) mkdir -p dist; cp "$ACT_DIST"/proof-*-*.md "$ACT_DIST"/*.whl dist ;;
cov) mkdir -p target/coverage/html; touch target/coverage/html/index.html ;;
mutants) mkdir -p target/mutants.out; touch target/mutants.out/missed.txt ;;
docs) mkdir -p target/site; touch target/site/index.html ;;
sdist) mkdir -p dist; cp "$ACT_DIST"/*.tar.gz dist ;;
esac
"""


# Stands for GitHub's client, which cannot reach GitHub here: https://cli.github.com/manual/
GH = """#!/bin/bash
[ "$1" = auth ] || echo "gh $*" >> "$ACT_LOG" # act asks for a token of its own
case "$1 $2" in
"release create")
    mkdir -p "$ACT_GITHUB/$3"
    for word in "$@"; do [ ! -f "$word" ] || cp "$word" "$ACT_GITHUB/$3"; done
    mv "$ACT_GITHUB/$3/notes.md" "$ACT_GITHUB/notes" ;;
"release download") mkdir -p "$5"; cp "$ACT_GITHUB/$3"/* "$5" ;;
"repo view") echo "{\\"nameWithOwner\\":\\"ada/new\\",\\"isPrivate\\":$ACT_PRIVATE,\\"defaultBranchRef\\":{\\"name\\":\\"main\\"}}" ;;
"attestation verify")
    # The real one fails unless there is a signature of this file, and it names this workflow, commit and branch.
    grep -q "^$(sha256sum < "$3" | cut -d ' ' -f 1) " "$ACT_GITHUB/attested" || exit 1
    [[ "$*" == *"--signer-workflow ada/new/.github/workflows/release.yml --source-digest $ACT_SIGNED --source-ref refs/heads/main" ]] ;;
"api repos/ada/new/commits/tags/"*)
    git rev-parse --quiet --verify "refs/tags/${2##*/}^{commit}" || git rev-parse HEAD ;; # publishing a draft makes the tag
"run list") echo 7 ;;
"run download") mkdir -p "$7"; cp "$ACT_RUN/$5"/* "$7" ;;
esac
"""


def check_out_first(project: Project) -> None:
    """Put the checkout before the project's own action: act does not know `$/`, and finds that action only there."""
    action = project / ".github/actions/setup/action.yml"
    (checkout,) = re.findall(
        r"    - uses: actions/checkout@.*\n      with:\n(?:        .*\n)+",
        text := action.read_text(),
    )
    action.write_text(text.replace(checkout, ""), "utf-8")
    for path in (project / ".github/workflows").glob("*.yml"):
        before = f"      {checkout.strip().splitlines()[0]}\n      - uses: ./.github/actions"
        text = path.read_text("utf-8").replace("      - uses: $/.github/actions", before)
        path.write_text(text.replace("uses: $/", "uses: ./"), "utf-8")


def labels(project: Project) -> list[str]:
    """Return the labels of runners that the jobs of a matrix have."""
    table = project / "images.toml"
    if table.exists():
        return [row["runner"]["github"] for row in tomllib.loads(table.read_text("utf-8"))["image"]]
    return sorted({job["runner"] for jobs in plan(project).values() for job in jobs})


@dataclass
class Runner:
    """A project, its finished wheels, and act to run its workflows with."""

    project: Project
    dist: Path
    scratch: Path
    extra: dict[str, str] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)  # of the last run, by job

    def run(self, event: str, workflow: str, *options: str, fail: str = "") -> dict[str, str]:
        """Run a workflow, and give the result of each job by its name."""
        for name in ("project", "bin", "artifacts"):
            shutil.rmtree(self.scratch / name, ignore_errors=True)
        copy = self.project.copy(self.scratch / "project", "dist", ".venv")
        if (copy / ".github/actions").exists():
            check_out_first(copy)
        (self.scratch / "bin").mkdir()
        (self.scratch / "bin/just").write_text(SHIM)
        (self.scratch / "bin/just").chmod(0o755)
        (self.scratch / "bin/gh").write_text(GH)
        (self.scratch / "bin/gh").chmod(0o755)
        (self.scratch / "artifacts").mkdir()
        env = {
            "ACT_DIST": str(self.dist),
            "ACT_FAIL": fail,
            "ACT_JUST": tool("just"),
            "ACT_LOG": str(self.scratch / "log"),
            "ARTIFACTS": str(self.scratch / "artifacts"),
            "PATH": f"{self.scratch / 'bin'}{os.pathsep}{os.environ['PATH']}",
            **self.extra,
        }
        command = [tool("act"), event, "-W", f".github/workflows/{workflow}", "--json", *options]
        for row in ACTIONS:
            stub = STUBS / row["name"].split("/")[1]
            if stub.exists():
                command += ["--local-repository", f"{row['name']}@{row['commit']}={stub}"]
        for label in labels(copy):
            command += ["-P", f"{label}=-self-hosted"]
        for name, value in env.items():
            command += ["--env", f"{name}={value}"]
        inherited = {**os.environ, **env, "XDG_CACHE_HOME": str(self.scratch / "cache")}
        inherited["UV_CACHE_DIR"] = subprocess.check_output(
            ["uv", "cache", "dir"], text=True
        ).strip()
        result = subprocess.run(
            command, cwd=copy.path, env=inherited, capture_output=True, text=True, check=False
        )
        self.output = result.stdout + result.stderr
        lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
        results = {}
        for line in lines:
            if "jobResult" in line:  # act numbers the jobs of a matrix
                name = re.sub(r"-\d+$", "", line["job"].split("/")[-1].strip())
                results[name] = line["jobResult"]
        return results

    def verbs(self) -> list[str]:
        """List the recipes that the jobs called."""
        return (self.scratch / "log").read_text("utf-8").splitlines()
