"""The container to work in opens, and nothing that goes wrong in it is hidden."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from project import Project, render, skip_without

pytestmark = pytest.mark.slow
IMAGE = "localhost/debian-trixie-slim"
HOME = "/home/dev"
# The client asks for this option, which podman refuses to root.
PODMAN = '#!/bin/bash\nexec podman "${@/--userns=keep-id/--userns=host}"\n'


def settings(project: Project, name: str) -> dict[str, Any]:
    """Read JSON with comments."""
    text = (project / name).read_text("utf-8")
    parsed: dict[str, Any] = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    return parsed


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Render a project with a container."""
    return render(tmp_path / "new", extras="[devcontainer]")


def test_tasks_are_recipes_and_a_debugger_meets_both_languages(project: Project) -> None:
    recipes = project.just("--summary").split()
    tasks = {
        task["label"]: task["command"] for task in settings(project, ".vscode/tasks.json")["tasks"]
    }
    assert tasks.pop("build") == "uv sync"
    assert set(tasks.values()) <= {f"just {recipe}" for recipe in recipes}
    launch = settings(project, ".vscode/launch.json")
    rust, python = launch["configurations"]
    assert rust["preLaunchTask"] == "build"
    address = f"{python['listen']['host']}:{python['listen']['port']}"
    assert rust["args"][:4] == ["-m", "debugpy", "--connect", address]
    assert launch["compounds"][0]["configurations"] == [rust["name"], python["name"]]


def test_what_is_downloaded_has_a_checksum(project: Project) -> None:
    text = (project / ".devcontainer/Containerfile").read_text("utf-8")
    assert re.search(r"^FROM [\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}$", text, re.MULTILINE)
    wheels = (project / "pyproject.toml").read_text("utf-8")
    sums = dict(re.findall(r"^ +(x86_64|aarch64)\) sum=([0-9a-f]{64})", text, re.MULTILINE))
    assert sums.keys() == {"x86_64", "aarch64"}
    for host, digest in sums.items():
        assert f"host={host}-unknown-linux-gnu sum={digest}" in wheels
    (rust,) = re.findall(r"^ARG RUST=(\S+)", text, re.MULTILINE)
    assert f'RUSTUP_TOOLCHAIN: "{rust}"' in (project / ".github/workflows/ci.yml").read_text(
        "utf-8"
    )
    action = (project / ".github/actions/setup/action.yml").read_text("utf-8")
    (uv,) = re.findall(r'version: "(.*)" # PyPI: uv', action)
    requirements = (project / ".devcontainer/requirements.txt").read_text("utf-8")
    assert f"uv=={uv} " in requirements
    assert requirements.count("--hash=sha256:") == 4


def debian() -> str:
    """Return the name of this machine's image of Debian with its digest, or skip."""
    podman = shutil.which("podman") or skip_without("podman", "apt install podman")
    command = [podman, "image", "inspect", "--format", "{{.Digest}}", IMAGE]
    digest = subprocess.run(command, check=False, capture_output=True, text=True)
    if digest.returncode:
        skip_without(
            f"image {IMAGE}",
            f"podman pull debian:trixie-slim && podman tag debian:trixie-slim {IMAGE}",
        )
    return f"{IMAGE}:latest@{digest.stdout.strip()}"


def stand_in(project: Project) -> None:
    """Let the container be made here, where neither Docker Hub nor Rust's servers can be reached.

    Debian's own packages make the image, and the machine's Rust is mounted.
    """
    path = project / ".devcontainer/Containerfile"
    text = re.sub("^FROM .*", f"FROM {IMAGE}", path.read_text("utf-8"), flags=re.MULTILINE)
    start, end = text.index("# The checksums"), text.index("ENV PATH")
    path.write_text(text[:start] + text[end:], "utf-8")
    container = settings(project, ".devcontainer/devcontainer.json")
    files = os.environ.get("CONTAINER_FILES", "").split(":")
    mounts = [f"--volume={name}:{name}:ro" for name in files if name]
    passed = [f"--env={name}" for name in os.environ if re.match("(PIP|UV|SSL)_", name)]
    container["build"]["options"] = ["--network=host", *mounts]
    rust = [
        f"{Path.home()}/.cargo/bin:{HOME}/.cargo/bin:ro",
        f"{Path.home()}/.rustup:{HOME}/.rustup:ro",
    ]
    config = Path.home() / ".cargo/config.toml"
    rust += [f"{config}:{HOME}/.cargo/config.toml:ro"] if config.exists() else []
    container["runArgs"] = [
        "--network=host",
        *mounts,
        *passed,
        *(f"--volume={name}" for name in rust),
    ]
    (project / ".devcontainer/devcontainer.json").write_text(json.dumps(container), "utf-8")


@pytest.mark.nightly
def test_it_opens_and_a_failure_in_it_is_seen(project: Project, tmp_path: Path) -> None:
    if os.geteuid():
        skip_without("root", "sudo -E: the container's user gets the project's files")
    npm = shutil.which("npm") or skip_without("npm", "apt install npm")
    debian()
    subprocess.run([npm, "install", "@devcontainers/cli"], cwd=tmp_path, check=True)
    (tmp_path / "podman").write_text(PODMAN)
    (tmp_path / "podman").chmod(0o755)
    stand_in(project)
    subprocess.run(["chown", "--recursive", "1000:1000", project.path], check=True)
    client = [str(tmp_path / "node_modules/.bin/devcontainer")]
    where = ["--docker-path", str(tmp_path / "podman"), "--workspace-folder", str(project.path)]
    project.run(*client, "up", *where)
    try:
        assert "All checks passed." in project.run(*client, "exec", *where, "just", "check")
        versions = project.run(*client, "exec", *where, "just", "--version")
        assert versions.startswith("just 1.")
        project.replace("crates/core/src/lib.rs", "mod collatz;", "mod gone;")
        assert "gone" in project.run(*client, "up", *where, "--remove-existing-container", code=1)
    finally:
        label = f"label=devcontainer.local_folder={project.path}"
        names = subprocess.check_output(
            ["podman", "ps", "--all", "--quiet", "--filter", label], text=True
        )
        subprocess.run(["podman", "rm", "--force", *names.split()], check=True)
