"""An organisation's repository of build images: small, checked, and used by projects."""

import contextlib
import datetime
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import rust_server
import yaml
from contracts import unknown_uses
from project import ROOT, Project, commit, edit_row, git, plan, posix, render, skip_without, tool
from runner import Runner
from servers import Mirror, free_port, running, serve_http
from terminal import Terminal
from test_bots import lookups
from test_devcontainer import debian
from test_docs import blocks
from test_questions import known
from versions import NOW, history

LINUX = [
    row["id"]
    for row in known("platforms.json")
    if row["os"] == "linux" and row["engine"] == "cibuildwheel"
]
DEVELOPMENT = ["devcontainer-x86_64", "devcontainer-aarch64"]
TODAY = datetime.datetime.now(tz=datetime.UTC)
DIGEST = f"sha256:{'0' * 64}"
FILES = {
    ".copier-answers.yml",
    ".gitignore",
    "README.md",
    "devcontainer/Containerfile",
    "images.py",
    "images.py.lock",
    "images.toml",
    "justfile",
    "manylinux/Containerfile",
    "musllinux/Containerfile",
    "renovate.json",
    "requirements.txt",
}


def images(folder: Path, registry: str) -> Project:
    """Render a repository of images."""
    return render(folder, kind="images", images_to=registry)


def program(
    project: Project, *arguments: str, code: int = 0, env: dict[str, str] | None = None
) -> str:
    """Run images.py as `just` does, with the packages of the tests."""
    return project.run(sys.executable, "images.py", *arguments, code=code, env=env or {})


@pytest.fixture(scope="session")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Project]:
    """Render a repository for each host of CI."""
    folder = tmp_path_factory.mktemp("images")
    return {
        "github": images(folder / "github", "ghcr.io/contoso"),
        "harbor": images(folder / "harbor", "registry.example.org:8443/build/images"),
        "azure": images(folder / "azure", "contoso.azurecr.io/build"),
    }


@pytest.fixture
def repository(hosts: dict[str, Project], tmp_path: Path) -> Project:
    """Copy for each test a repository that it may spoil."""
    return hosts["github"].copy(tmp_path / "images")


# The answer


def test_it_has_few_files_and_those_of_one_host(hosts: dict[str, Project]) -> None:
    for host, project in hosts.items():
        ci = ".azure/build.yml" if host == "azure" else ".github/workflows/build.yml"
        assert {path.as_posix() for path in project.files()} == FILES | {ci}
        stored = {key for key in project.answers() if not key.startswith("_")}
        assert stored == {"kind", "images_to"}


def test_a_project_does_not_know_of_it(tmp_path: Path) -> None:
    project = render(tmp_path / "new")
    assert "kind" not in project.answers()
    assert "images_to" not in project.answers()
    asked = render(tmp_path / "asked", kind="project")
    assert {**asked.answers(), "project_name": "new"}.keys() == project.answers().keys()


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"kind": "image"}, "Invalid choice for 'kind'"),
        ({"kind": "images"}, 'Question "images_to" is required'),
        ({"kind": "images", "images_to": ""}, "Try ghcr.io/contoso: images_to is empty."),
        (
            {"kind": "images", "images_to": "https://ghcr.io/contoso"},
            'Try ghcr.io/contoso: images_to "https://ghcr.io/contoso" is no address of a registry',
        ),
        ({"kind": "images", "images_to": "ghcr.io/Contoso"}, 'images_to "ghcr.io/Contoso" is no'),
        ({"kind": "images", "images_to": "contoso"}, 'images_to "contoso" is no address'),
        ({"kind": "images", "images_to": "docker.io/contoso"}, 'images_to "docker.io/contoso" is'),
        ({"kind": "images", "images_to": "ghcr.io/contoso/"}, 'images_to "ghcr.io/contoso/" is no'),
    ],
)
def test_a_wrong_answer_is_named(tmp_path: Path, answers: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        render(tmp_path / "new", None, None, **answers)
    assert not (tmp_path / "new").exists()


@posix
def test_only_the_registry_is_asked_for(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "images", "--data", "kind=images")
    address = "Its address, with what comes before the name of an image."
    terminal.wait_for("Which registry gets the images?", address)
    terminal.type("https://ghcr.io enter")
    terminal.wait_for("Try ghcr.io/contoso: images_to")
    terminal.type("clear ghcr.io/ada enter")
    assert terminal.end() == 0, terminal.text()
    assert "Created a repository of build images for ghcr.io/ada." in terminal.text()
    assert Project(tmp_path / "images").answers()["images_to"] == "ghcr.io/ada"


# What stands in it


def test_the_bases_are_the_images_of_cibuildwheel() -> None:
    script = "import cibuildwheel; print(cibuildwheel.__path__[0])"
    folder = subprocess.check_output([sys.executable, "-c", script], text=True).strip()
    pins = Path(folder, "resources/pinned_docker_images.cfg").read_text("utf-8")
    known_bases = {
        f"{name}:{tag}@{digest}"
        for name, digest, tag in re.findall(r"= (\S+)@(\S+)\s+# (\S+)", pins)
    }
    bases = set()
    for libc in ("manylinux", "musllinux"):
        text = (ROOT / "images" / libc / "Containerfile").read_text("utf-8")
        for image, arch in re.findall(r"^FROM (\S+) AS (\w+)$", text, re.MULTILINE):
            assert f"_{arch}:" in image
            bases.add(f"{libc}-{arch}")
            assert image in known_bases, sorted(known_bases)
    assert bases == set(LINUX)


def test_rust_and_its_installer_are_the_same_everywhere(hosts: dict[str, Project]) -> None:
    pyproject = (ROOT / "template/pyproject.toml.jinja").read_text("utf-8")
    sums = re.findall(r"host=\S+ sum=[0-9a-f]{64}", pyproject)
    assert len(sums) == 6
    libcs = [
        (hosts["github"] / f"{libc}/Containerfile").read_text("utf-8")
        for libc in ("manylinux", "musllinux")
    ]
    assert sorted(re.findall(r"host=\S+ sum=\w+", "".join(libcs))) == sorted(sums)
    assert libcs[0].count("/rustup/archive/1.29.0/") == 1
    # A Containerfile cannot include another one, so what both libcs share stands in both.
    shared = [
        re.findall(r"(?m)^(?!FROM|# The Python|# What the| .*host=).*$", text) for text in libcs
    ]
    assert shared[0] == shared[1]
    rust = tomllib.loads((hosts["github"] / "images.toml").read_text("utf-8"))["rust"]
    workflow = (ROOT / "template/.github/workflows/ci.yml").read_text("utf-8")
    (of_ci,) = set(re.findall(r'RUSTUP_TOOLCHAIN: "(\S+)"', workflow))
    assert rust.startswith(f"{of_ci}.")
    container = (hosts["github"] / "devcontainer/Containerfile").read_text("utf-8")
    assert container == (ROOT / "template/.devcontainer/Containerfile").read_text("utf-8")
    for name in ("uv", "rust-just"):
        pin = rf"^{name}==\S+"
        texts = ["images/requirements.txt", "template/.devcontainer/requirements.txt"]
        versions = {re.findall(pin, (ROOT / text).read_text(), re.MULTILINE)[0] for text in texts}
        assert len(versions) == 1


def test_every_linter_finds_nothing(hosts: dict[str, Project]) -> None:
    for host, project in hosts.items():
        for path in sorted(project.path.glob("*/Containerfile")):
            assert project.run(tool("hadolint"), str(path)) == ""
        project.run(tool("just"), "--fmt", "--check")
        if host == "azure":
            # Azure reads every value as a text, and so does its schema.
            text = (project / ".azure/build.yml").read_text("utf-8")
            (project / "text.json").write_text(json.dumps(yaml.load(text, yaml.BaseLoader)))
            options = ("--regex-variant", "python", "--builtin-schema", "vendor.azure-pipelines")
            project.run(tool("check-jsonschema"), *options, "text.json")
            (project / "text.json").unlink()
            continue
        workflow = ".github/workflows/build.yml"
        options = ("--no-ignores", "--no-config", "--strict-collection", "--offline")
        project.run(tool("zizmor"), "--persona", "auditor", *options, ".github")
        project.run(tool("actionlint"), workflow)
        for schema in ("vendor.github-workflows", "custom.github-workflows-require-timeout"):
            project.run(tool("check-jsonschema"), "--builtin-schema", schema, workflow)
    renovate = ("--builtin-schema", "vendor.renovate", "renovate.json")
    hosts["github"].run(tool("check-jsonschema"), *renovate)
    text = str(hosts["github"] / "images.py")
    hosts["github"].run(tool("ruff"), "check", "--isolated", "--no-cache", text)
    hosts["github"].run(tool("ruff"), "format", "--isolated", "--no-cache", "--check", text)
    hosts["github"].run("uv", "lock", "--no-config", "--check", "--script", text)
    hosts["github"].run(tool("mypy"), "--strict", "--cache-dir", os.devnull, text)


MUTABLE = {
    "a base without a digest": ("manylinux/Containerfile", r"@sha256:\w{64}", ""),
    "a digest that is cut off": ("musllinux/Containerfile", r"@sha256:\w{64}", "@sha256:0000"),
    "a base of the development container": ("devcontainer/Containerfile", r"@sha256:\w{64}", ""),
    "a package without a checksum": ("requirements.txt", r" \\\n    --hash=[\s\S]*?(?=\n\w)", ""),
    "a package without a version": ("requirements.txt", "==", ">="),
    "an installer without its checksum": ("manylinux/Containerfile", "sha256sum -c", "true"),
    "packages without checksums": ("musllinux/Containerfile", " --require-hashes", ""),
    "a script from the network": (
        "manylinux/Containerfile",
        "COPY",
        "RUN curl x | sh\nCOPY",
    ),
    "an action by tag": (".github/workflows/build.yml", r"checkout@\w{40}", "checkout@v7"),
    "a tool without a checksum": ("images.py.lock", r', hash = "sha256:\w+"', ""),
    "tools that no lock decides": ("justfile", " --locked", ""),
}


def mutable(project: Project) -> list[str]:
    """List what another day could give other contents."""
    found = unknown_uses(project.path)
    for path in sorted(project.path.glob("*/Containerfile")):
        text = path.read_text("utf-8")
        images = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
        found += [
            image
            for image in images
            if image != "$ARCH" and not re.search(r":[\w.-]+@sha256:[0-9a-f]{64}$", image)
        ]
        found += [] if len(re.findall("sha256sum -c", text)) == text.count("curl -") else ["curl"]
        found += [] if text.count("pip install") == text.count("--require-hashes") else ["pip"]
        found += re.findall(r".*\| *(?:ba)?sh\b.*", text)
    requirements = (project / "requirements.txt").read_text("utf-8")
    for entry in re.split(r"\n(?=\w)", requirements.partition("\n")[2]):
        found += [] if re.match(r"\S+==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", entry) else [entry]
    lock = tomllib.loads((project / "images.py.lock").read_text("utf-8"))
    for package in lock["package"]:
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        found += [] if files and all("hash" in file for file in files) else [package["name"]]
    return found + ([] if "--locked" in (project / "justfile").read_text("utf-8") else ["justfile"])


def test_nothing_in_it_is_mutable(hosts: dict[str, Project]) -> None:
    assert {host: mutable(project) for host, project in hosts.items()} == {
        host: [] for host in hosts
    }


@pytest.mark.parametrize("fault", MUTABLE)
def test_a_mutable_reference_is_found(repository: Project, fault: str) -> None:
    name, pattern, text = MUTABLE[fault]
    before = (repository / name).read_text("utf-8")
    (repository / name).write_text(re.sub(pattern, text, before, count=1), "utf-8")
    assert (repository / name).read_text("utf-8") != before
    assert len(mutable(repository)) >= 1


# Its commands


def test_each_row_is_a_job(hosts: dict[str, Project], tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    program(hosts["github"], "plan", env={"GITHUB_OUTPUT": str(outputs)})
    jobs = json.loads(outputs.read_text().removeprefix("images="))
    assert [job["id"] for job in jobs] == LINUX + DEVELOPMENT
    assert {job["registry"] for job in jobs} == {"ghcr.io"}
    assert {job["runner"] for job in jobs if "arm" in job["id"] or "aarch" in job["id"]} == {
        "ubuntu-24.04-arm"
    }
    printed = program(hosts["azure"], "plan", env={"TF_BUILD": "True"})
    assert "manylinux-aarch64: not built: its row in images.toml has no runner for azure" in printed
    (text,) = re.findall(r"##vso\[task.setvariable variable=images;isOutput=true\](.*)", printed)
    assert {row["id"] for row in json.loads(text).values()} == {
        name for name in LINUX + DEVELOPMENT if name.endswith(("x86_64", "i686"))
    }


def test_what_is_wrong_is_named(repository: Project) -> None:
    unknown = program(repository, "build", "manylinux-vax", code=1)
    assert 'images.toml has no image "manylinux-vax": it has manylinux-x86_64, ' in unknown
    assert "build(name: str)" in program(repository, "bild", code=1)
    assert "build(name: str)" in program(repository, "build", code=1)
    no_engine = {"PATH": "/nowhere"}
    nothing = program(repository, "build", "manylinux-x86_64", code=1, env=no_engine)
    assert "Neither docker nor podman works here" in nothing
    repository.replace("manylinux/Containerfile", " AS x86_64", " AS amd64")
    missing = program(repository, "build", "manylinux-x86_64", code=1, env=no_engine)
    assert "has no line `FROM IMAGE:TAG@sha256:DIGEST AS x86_64`: add it." in missing


def set_dates(repository: Project, days: int) -> None:
    """Let all base images be that old."""
    date = f"{TODAY - datetime.timedelta(days=days):%Y.%m.%d}"
    for libc in ("manylinux", "musllinux"):
        path = repository / f"{libc}/Containerfile"
        path.write_text(re.sub(r":\d{4}\.\d\d\.\d\d", f":{date}", path.read_text("utf-8")), "utf-8")


def test_a_base_older_than_thirty_days_is_named(repository: Project) -> None:
    set_dates(repository, 29)
    assert program(repository, "stale") == "All base images are newer than thirty days.\n"
    set_dates(repository, 32)
    printed = program(repository, "stale", code=1)
    assert "Merge the pull request of Renovate" in printed
    assert len(re.findall(r"^m\w+linux/Containerfile: quay\.io/pypa/", printed, re.MULTILINE)) == 6


# Its workflow


EVENT = {"repository": {"private": False}}


def jobs(project: Project, scratch: Path, event: str, *options: str, fail: str = "") -> Runner:
    """Run the workflow for one image, and return the runner, with the results."""
    table = project / "images.toml"
    rows = table.read_text("utf-8").split("\n[[image]]")
    table.write_text("\n[[image]]".join(rows[:2]), "utf-8")
    git(project.path, "init", "--quiet", "--initial-branch", "main")
    commit(project.path)
    (scratch / "event.json").write_text(json.dumps(EVENT))
    runner = Runner(project, scratch, scratch)
    always = ("--eventpath", str(scratch / "event.json"), "--secret", "GITHUB_TOKEN=token")
    runner.results = runner.run(event, "build.yml", *always, *options, fail=fail)
    return runner


SUCCESS = dict.fromkeys(("Plan", "manylinux-x86_64", "All green"), "success")
BUILT = ["plan", "build manylinux-x86_64", "test manylinux-x86_64"]
SENT = [
    "publish manylinux-x86_64",
    "attest registry/manylinux-x86_64@sha256:0 ",
    "attest registry/manylinux-x86_64@sha256:0 sbom-manylinux-x86_64.json",
]


@pytest.mark.slow
@pytest.mark.parametrize("event", ["push", "workflow_dispatch", "pull_request"])
def test_the_workflow_sends_images_from_main_alone(
    repository: Project, tmp_path: Path, event: str
) -> None:
    runner = jobs(repository, tmp_path, event)
    assert runner.results == SUCCESS, runner.output
    login = ["login ghcr.io nektos/act"]
    assert runner.verbs() == (BUILT if event == "pull_request" else BUILT + login + SENT)


@pytest.mark.slow
def test_the_weekly_run_sends_nothing_if_bumps_are_not_merged(
    repository: Project, tmp_path: Path
) -> None:
    runner = jobs(repository, tmp_path, "schedule", fail="stale")
    assert runner.results == {"Plan": "failure", "All green": "failure"}, runner.output
    assert runner.verbs() == ["plan", "stale"]


@pytest.mark.slow
def test_an_image_that_fails_its_test_is_not_sent(repository: Project, tmp_path: Path) -> None:
    runner = jobs(repository, tmp_path, "push", fail="test")
    failure = {"manylinux-x86_64": "failure", "All green": "failure"}
    assert runner.results == SUCCESS | failure
    assert runner.verbs() == BUILT


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [(), ("--var", "IMAGES_USER=ada", "--secret", "IMAGES_TOKEN=x")]
)
def test_another_registry_gets_images_as_soon_as_it_has_credentials(
    hosts: dict[str, Project], tmp_path: Path, options: tuple[str, ...]
) -> None:
    runner = jobs(hosts["harbor"].copy(tmp_path / "images"), tmp_path, "push", *options)
    assert runner.results == SUCCESS, runner.output
    login = ["login registry.example.org:8443 ada"]
    assert runner.verbs() == (BUILT + login + SENT if options else BUILT)


# In a project


def image(days: int, registry: str = "ghcr.io/contoso") -> str:
    """Return what `just images` writes, for an image of that age."""
    date = TODAY - datetime.timedelta(days=days)
    return f"{registry}/manylinux-x86_64:{date:%Y.%m.%d}-12@{DIGEST}"


def test_an_image_older_than_thirty_days_stops_the_plan(tmp_path: Path) -> None:
    project = render(tmp_path / "new")
    edit_row(project, "manylinux-x86_64", "own_image", f'"{image(29)}"')
    job = plan(project)["native"][0]
    assert job["cibuildwheel"][0]["CIBW_MANYLINUX_X86_64_IMAGE"] == image(29)
    assert job["registry"] == "ghcr.io"
    assert {job["registry"] for job in plan(project)["native"][1:]} == {""}
    edit_row(project, "manylinux-x86_64", "own_image", f'"{image(32, "localhost:5000")}"')
    printed = project.just("plan", code=1)
    assert "older than thirty days: type `just images localhost:5000`, and commit." in printed
    # Other images have an age of their own, and an update of the template compares plans of any age.
    old = f"quay.io/pypa/manylinux_2_28_x86_64:2020.01.01-1@{DIGEST}"
    edit_row(project, "manylinux-x86_64", "own_image", f'"{image(29)}"')
    edit_row(project, "manylinux-aarch64", "image", f'"{old}"')
    assert [job["registry"] for job in plan(project)["native"][:2]] == ["ghcr.io", ""]
    project.just("plan")


# Instead of an engine, which would have to fetch.
WRITE = """
import sys, platforms
platforms.newest_image = lambda name, row: f"{name}:2026.11.30-7@sha256:" + 64 * "0"
platforms.images(*sys.argv[1:])
"""


def own_images(project: Project) -> list[str]:
    """List the ids of rows with an image of their own."""
    rows = tomllib.loads((project / "tools/platforms.toml").read_text("utf-8"))["platform"]
    return [row["id"] for row in rows if "own_image" in row]


def test_images_are_written_for_rows_named_or_with_images_or_all(tmp_path: Path) -> None:
    project = render(tmp_path / "new", platforms="wide")
    table = project / "tools/platforms.toml"
    table.write_text(
        table.read_text("utf-8").replace('id = "manylinux-i686"', "id = 'manylinux-i686'")
    )
    before = table.read_text("utf-8")
    project.tools(WRITE, "ghcr.io/contoso", "manylinux-aarch64", "manylinux-i686")
    assert own_images(project) == ["manylinux-aarch64", "manylinux-i686"]
    project.tools(WRITE, "ghcr.io/contoso")
    assert own_images(project) == ["manylinux-aarch64", "manylinux-i686"]
    kept = [line for line in table.read_text("utf-8").splitlines() if "own_image" not in line]
    assert kept == before.splitlines()
    project.tools(WRITE, "registry.example.org:8443/build/")
    assert own_images(project) == LINUX
    assert "registry.example.org:8443/build/manylinux-i686:2026" in table.read_text("utf-8")
    job = plan(project, "manylinux-aarch64")["native"][0]["cibuildwheel"][0]
    assert job["CIBW_MANYLINUX_AARCH64_IMAGE"].startswith("registry.example.org:8443/build/many")
    # Tests under emulation run in it as well: tools/cross.py takes the image of the row.
    project.tools(WRITE, "ghcr.io/contoso", "manylinux-s390x")
    script = "import platforms; print(platforms.select(['manylinux-s390x'])[0].image)"
    assert project.tools(script).startswith("ghcr.io/contoso/manylinux-s390x:2026.11.30-7@sha256:")


@pytest.mark.slow
def test_images_stay_when_an_answer_or_the_template_changes_the_rows(tmp_path: Path) -> None:
    clone = history(tmp_path / "template", [])
    git(clone, "switch", "--quiet", "--create", "later")
    rows = clone / "extensions/platforms.json"
    newer = rows.read_text("utf-8").replace(":2026.10.26-1", ":2026.12.07-1")
    rows.write_text(newer, "utf-8")
    commit(clone, "91.0.0")
    project = render(tmp_path / "new", clone, NOW)
    project.commit_with_locks()
    project.tools(WRITE, "ghcr.io/contoso")
    commit(project.path)
    usual = own_images(project)
    assert len(usual) == 4
    project.just("answer", "platforms=wide")
    assert own_images(project) == usual
    project.just("update", "91.0.0")
    assert own_images(project) == usual
    table = (project / "tools/platforms.toml").read_text("utf-8")
    assert table.count(":2026.12.07-1") == newer.count(":2026.12.07-1")


def test_what_keeps_images_from_being_written_is_named(tmp_path: Path) -> None:
    project = render(tmp_path / "new")
    before = (project / "tools/platforms.toml").read_bytes()

    def said(*arguments: str) -> str:
        program = (sys.executable, "tools/platforms.py", "images", *arguments)
        return project.run(*program, code=1, env={"PATH": "/nowhere"})

    assert "Images are fetched with docker or podman: install one" in said("ghcr.io/contoso")
    assert 'it has no platform "manylinux-vax"' in said("ghcr.io/contoso", "manylinux-vax")
    assert "images(prefix: 'str', *ids: 'str')" in said()
    for hub in ("contoso", "docker.io/contoso", "library/contoso"):
        assert f'"{hub}" names no registry other than Docker Hub' in said(hub)
    assert (project / "tools/platforms.toml").read_bytes() == before


@pytest.mark.parametrize("workflow", ["ci", "release"])
def test_a_private_image_can_be_read(tmp_path: Path, workflow: str) -> None:
    folder = render(tmp_path / "new") / ".github/workflows"
    (caller,) = (
        job
        for job in yaml.safe_load((folder / f"{workflow}.yml").read_text("utf-8"))["jobs"].values()
        if job.get("uses") == "$/.github/workflows/wheels.yml"
    )
    assert caller["permissions"] == {"contents": "read", "packages": "read"}
    assert caller["secrets"] == {"IMAGES_TOKEN": "${{ secrets.IMAGES_TOKEN }}"}
    jobs = yaml.safe_load((folder / "wheels.yml").read_text("utf-8"))["jobs"]
    for name in ("native", "cross"):
        (login,) = (step for step in jobs[name]["steps"] if "login-action" in step.get("uses", ""))
        assert jobs[name]["permissions"]["packages"] == "read"
        # GitHub's token goes to GitHub's registry alone.
        assert login["with"]["password"] == (
            "${{ matrix.registry == 'ghcr.io' && github.token || secrets.IMAGES_TOKEN }}"
        )


# From the base to a wheel, with real engines and a real registry


@dataclass
class Registry:
    """A registry on this machine that asks for a password, and what an engine needs to use it."""

    address: str
    environment: dict[str, str]

    def podman(self, *arguments: str) -> str:
        """Run podman for it."""
        command = ["podman", *arguments]
        return subprocess.check_output(
            command, env=os.environ | self.environment, text=True
        ).strip()

    def forget_images(self) -> None:
        """Delete the local copies of its images."""
        listed = self.podman(
            "images", "--format", "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}"
        )
        for line in listed.splitlines():
            name, digest = line.split()
            if name.startswith(f"{self.address}/"):
                self.podman("rmi", "--force", digest if name.endswith(":<none>") else name)


# Of the user "somebody" with the password "secret", as `htpasswd -B` writes it.
PASSWORD = "somebody:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"


@contextlib.contextmanager
def serve_registry(folder: Path) -> Iterator[Registry]:
    """Run Docker's own registry, and log in."""
    server = shutil.which("docker-registry") or skip_without(
        "docker-registry", "apt install docker-registry"
    )
    if not shutil.which("podman"):
        skip_without("podman", "apt install podman")
    port = free_port()
    address = f"localhost:{port}"
    (folder / "htpasswd").write_text(PASSWORD)
    (folder / "config.yml").write_text(
        f"""version: 0.1
storage: {{ filesystem: {{ rootdirectory: {folder}/data }} }}
http: {{ addr: "127.0.0.1:{port}" }}
auth: {{ htpasswd: {{ realm: images, path: {folder}/htpasswd }} }}
"""
    )
    (folder / "registries.conf").write_text(
        f'[[registry]]\nlocation = "{address}"\ninsecure = true\n'
    )
    environment = {
        "CONTAINERS_REGISTRIES_CONF": str(folder / "registries.conf"),
        "REGISTRY_AUTH_FILE": str(folder / "auth.json"),
    }
    with running([server, "serve", str(folder / "config.yml")], port, folder / "log"):
        local = Registry(address, environment)
        local.podman("login", "--username=somebody", "--password=secret", address)
        yield local


@dataclass
class Published:
    """An image that was built, tested and sent to a registry, and the server that its Rust came from."""

    repository: Project
    registry: Registry
    base: str
    image: str
    untested: str
    rust: str


# The base has glibc 2.31 where the real one has 2.28, and no free-threaded Python, which would only test.
TEST = """
import pathlib, re, sys
sys.path.insert(0, "")
import images
original = images.sample
def sample(folder, name):
    project = original(folder, name)
    for path, old, new in (("tools/platforms.toml", '"2.28"', '"2.31"'),):
        text = (project / path).read_text()
        assert old in text
        (project / path).write_text(text.replace(old, new))
    return project
images.sample = sample
images.test("manylinux-x86_64")
"""
SETTINGS = {"CIBW_SKIP": "*t-*", "CIBW_ALLOW_EMPTY": "true"}
# How containers reach the registries of packages: files and settings of this machine.
FILES_OF_MACHINE = [name for name in os.environ.get("CONTAINER_FILES", "").split(":") if name]
OPTIONS = ["--network=host", *(f"--volume={name}:{name}:ro" for name in FILES_OF_MACHINE)]
PASSED = [f"--env={name}" for name in os.environ if re.match("(PIP_CERT|UV|SSL)(_|$)", name)]
# Without the machine's Rust, which the others get from it.
ENGINE = {"CIBW_CONTAINER_ENGINE": f"podman; create_args: {' '.join(OPTIONS + PASSED)}"}


def push_base(registry: Registry, folder: Path) -> str:
    """Send the base of this machine to the registry, and return its name with tag and digest."""
    if "CIBW_MANYLINUX_X86_64_IMAGE" not in os.environ:
        skip_without(
            "an image for cibuildwheel", "export CIBW_MANYLINUX_X86_64_IMAGE=manylinux_2_28"
        )
    name = f"{registry.address}/pypa/manylinux_2_28_x86_64:{TODAY:%Y.%m.%d}-1"
    local, digest = os.environ["CIBW_MANYLINUX_X86_64_IMAGE"], folder / "digest"
    registry.podman("push", "--quiet", "--digestfile", str(digest), local, name)
    return f"{name}@{digest.read_text()}"


def closed_network(folder: Path, registry: str, base: str, rust: str, index: str) -> Project:
    """Render a repository of images that takes everything from servers of this machine."""
    repository = images(folder, registry)
    path = repository / "manylinux/Containerfile"
    text = re.sub(r"(?m)^FROM \S+( AS \w+)", rf"FROM {base}\1", path.read_text("utf-8"))
    path.write_text(text, "utf-8")
    mirrors = f'[mirrors]\nrust = "{rust}"\npypi = "{index}/pypi/simple/"\n'
    mirrors += f'crates = "sparse+{index}/cargo/index/"\n'
    repository.replace("images.toml", "[mirrors]\n", mirrors)
    options = f"\nbuild-options = {json.dumps(OPTIONS)}"
    repository.replace("images.toml", "\nbuild-options = []", options)
    repository.replace("images.toml", "[sample]\n", '[sample]\npython_min = "3.15"\n')
    git(repository.path, "init", "--quiet")
    git(repository.path, "remote", "add", "origin", "https://token@github.com/contoso/images.git")
    commit(repository.path)
    return repository


@contextlib.contextmanager
def mirrors(folder: Path) -> Iterator[tuple[str, str]]:
    """Serve Rust, PyPI and crates.io, and give the addresses: of Rust, and of both indexes."""
    (folder / "rust").mkdir()
    rust_server.make(folder / "rust")
    port = free_port()
    serve = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    with (
        running([*serve, "--directory", str(folder / "rust")], port, folder / "log"),
        serve_http(Mirror) as index,
    ):
        yield f"http://127.0.0.1:{port}", f"http://127.0.0.1:{index}"


@contextlib.contextmanager
def publish(registry: Registry, folder: Path) -> Iterator[Published]:
    """Build an image from the base of this machine, test it, and send it."""
    base = push_base(registry, folder)
    with mirrors(folder) as (rust, index):
        environment, address = registry.environment, f"{registry.address}/build"
        repository = closed_network(folder / "images", address, base, rust, index)
        repository.just("build", "manylinux-x86_64", env=environment)
        assert "/pypi/simple/maturin/" in Mirror.asked
        assert "/pypi/simple/pytest/" not in Mirror.asked
        untested = repository.just("publish", "manylinux-x86_64", code=1, env=environment)
        repository.run(sys.executable, "-c", TEST, env=environment | SETTINGS | ENGINE)
        assert {"/pypi/simple/pytest/", "/cargo/index/py/o3/pyo3"} <= set(Mirror.asked)
        printed = repository.just("publish", "manylinux-x86_64", env=environment)
        (image,) = re.findall(r"(\S+@sha256:[0-9a-f]{64}) \(\d+ MB\)", printed)
        registry.forget_images()  # what projects get, they fetch
        yield Published(repository, registry, base, image, untested, rust)
        registry.forget_images()


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.xdist_group("images")
def test_an_image_is_sent_after_its_test_with_labels_and_an_sbom(published: Published) -> None:
    assert "manylinux-x86_64:built was not tested since it was built: type" in published.untested
    date = rf"{published.registry.address}/build/manylinux-x86_64:\d{{4}}\.\d\d\.\d\d-0@sha256:\w+"
    assert re.fullmatch(date, published.image)
    name = published.image.split("@")[0]
    published.registry.podman("pull", "--quiet", name)
    about = json.loads(published.registry.podman("image", "inspect", name))
    labels = about[0]["Config"]["Labels"]
    assert labels["org.opencontainers.image.source"] == "https://github.com/contoso/images"
    assert (
        labels["rust"] == tomllib.loads((published.repository / "images.toml").read_text())["rust"]
    )
    assert re.fullmatch(r"\d+\.\d+\.\d+", labels["maturin"])
    sbom = json.loads((published.repository / "sbom-manylinux-x86_64.json").read_text("utf-8"))
    assert sbom["name"].endswith("/build/manylinux-x86_64")
    assert {"maturin", "uv", "rust-just"} <= {package["name"] for package in sbom["packages"]}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """Publish an image once for all tests."""
    folders = (tmp_path_factory.mktemp(name) for name in ("registry", "published"))
    with serve_registry(next(folders)) as registry, publish(registry, next(folders)) as image:
        yield image


def new_project(folder: Path) -> Project:
    """Render a project that this machine's base builds: see TEST."""
    project = render(folder, python_min="3.15")
    edit_row(project, "manylinux-x86_64", "floor", '"2.31"')
    project.commit_with_locks()
    return project


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.xdist_group("images")
def test_a_project_gets_the_same_bytes_without_a_download_of_rust(
    published: Published, tmp_path: Path
) -> None:
    project = new_project(tmp_path / "new")
    table = (project / "tools/platforms.toml").read_text("utf-8")
    environment = published.registry.environment | SETTINGS | ENGINE
    registry = f"{published.registry.address}/build"
    project.just("images", registry, "manylinux-x86_64", env=environment)
    lines = (project / "tools/platforms.toml").read_text("utf-8").splitlines()
    assert [line for line in lines if line not in table.splitlines()] == [
        f'own_image = "{published.image}"'
    ]
    project.just("images", registry, "manylinux-x86_64", env=environment)
    assert (project / "tools/platforms.toml").read_text("utf-8").splitlines() == lines
    # Rust's own servers do not exist here, nor is this one named.
    with_image = project.just("cibuildwheel", "manylinux-x86_64", env=environment)
    assert "rustup-init: OK" not in with_image
    built = {path.name: path.read_bytes() for path in (project / "dist").glob("*.whl")}
    assert len(built) == 1
    (project / "tools/platforms.toml").write_text(table, "utf-8")
    plain = {"RUSTUP_DIST_SERVER": published.rust}
    without = project.just("cibuildwheel", "manylinux-x86_64", env=environment | plain)
    assert "rustup-init: OK" in without
    assert {path.name: path.read_bytes() for path in (project / "dist").glob("*.whl")} == built


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.xdist_group("images")
def test_without_credentials_or_an_image_nothing_is_changed(
    published: Published, tmp_path: Path
) -> None:
    project = new_project(tmp_path / "new")
    registry = f"{published.registry.address}/build"
    (tmp_path / "nobody.json").write_text("{}")
    anonymous = published.registry.environment | {
        "REGISTRY_AUTH_FILE": str(tmp_path / "nobody.json")
    }
    refused = project.just("images", registry, "manylinux-x86_64", code=1, env=anonymous)
    assert "unauthorized" in refused
    assert f"Type `podman login {published.registry.address}` if it is private" in refused
    # There are no images for the others.
    missing = project.just("images", registry, code=1, env=published.registry.environment)
    assert f"{registry}/manylinux-aarch64:latest cannot be fetched" in missing
    assert git(project.path, "status", "--porcelain") == ""
    # A digest that the registry does not have.
    edit_row(project, "manylinux-x86_64", "own_image", f'"{published.image[:-64]}{"0" * 64}"')
    gone = project.just(
        "cibuildwheel",
        "manylinux-x86_64",
        code=1,
        env=published.registry.environment | SETTINGS | ENGINE,
    )
    assert "manifest unknown" in gone
    assert "0" * 64 in gone
    edit_row(project, "manylinux-x86_64", "own_image", f'"{published.image}"')
    published.registry.forget_images()
    private = project.just(
        "cibuildwheel", "manylinux-x86_64", code=1, env=anonymous | SETTINGS | ENGINE
    )
    assert "unauthorized" in private


def forget_mirrors() -> None:
    """Delete what Cargo remembers of servers on this machine."""
    registry = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "registry"
    for folder in registry.glob("*/127.0.0.1-*"):
        shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.nightly
def test_the_lines_for_a_closed_network_are_used_in_the_container(tmp_path: Path) -> None:
    if "CIBW_MANYLINUX_X86_64_IMAGE" not in os.environ:
        skip_without(
            "an image for cibuildwheel", "export CIBW_MANYLINUX_X86_64_IMAGE=manylinux_2_28"
        )
    index, source = (
        text
        for kind, _, text in blocks(ROOT / "docs/images.md", "A closed network")
        if kind == "toml" and "[mirrors]" not in text
    )
    # The project that tests an image gets the same lines.
    program_text = (ROOT / "images/images.py").read_text("utf-8")
    for text in (index, source):
        assert re.sub(r'"\S*https://\S*"', '"{}"', text) in program_text
    project = render(tmp_path / "new", python_min="3.15")
    edit_row(project, "manylinux-x86_64", "floor", '"2.31"')
    with serve_http(Mirror) as port:
        for name, text in {"pyproject.toml": index, ".cargo/config.toml": source}.items():
            own = text.replace("https://mirror.example.org", f"http://127.0.0.1:{port}")
            assert own != text
            path = project / name
            path.write_text(f"{path.read_text('utf-8')}\n{own}", "utf-8")
        project.commit_with_locks()
        project.run("uv", "sync", "--only-group", "native")
        assert "/cargo/index/py/o3/pyo3" in Mirror.asked
        Mirror.asked.clear()
        forget_mirrors()  # the container has this machine's folder of crates
        project.just("cibuildwheel", "manylinux-x86_64", env=SETTINGS)
    # On this machine everything was there: the build asked for its backend, its tests and its crates.
    assert {"/pypi/simple/maturin/", "/pypi/simple/pytest/"} <= set(Mirror.asked)
    assert {"/cargo/index/config.json", "/cargo/index/py/o3/pyo3"} <= set(Mirror.asked)
    forget_mirrors()


# Renovate, and updates of the template


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.xdist_group("images")
def test_renovate_raises_bases_and_the_images_of_a_project(tmp_path: Path) -> None:
    if not shutil.which("npm"):
        skip_without("npm", "apt-get install npm")
    (tmp_path / "registry").mkdir()
    with serve_registry(tmp_path / "registry") as registry:
        digests = {}
        for tag, name in itertools.product(
            ("2026.10.26-1", "2026.11.30-12", "2026.11.30-9"),
            ("pypa/manylinux_2_28_x86_64", "build/manylinux-x86_64"),
        ):
            image = f"{registry.address}/{name}:{tag}"
            label = ("--change", f"LABEL version={tag}")
            empty = ["tar", "--create", "--files-from=/dev/null"]
            archive = subprocess.run(empty, check=True, capture_output=True).stdout
            (tmp_path / "empty.tar").write_bytes(archive)
            registry.podman("import", "--quiet", *label, str(tmp_path / "empty.tar"), image)
            registry.podman("push", "--digestfile", str(tmp_path / "digest"), image)
            digests[name, tag] = (tmp_path / "digest").read_text().strip()
        registry.forget_images()
        rule = {"matchHost": "localhost", "username": "somebody", "password": "secret"}
        settings = {"RENOVATE_HOST_RULES": json.dumps([rule | {"insecureRegistry": True}])}

        repository = images(tmp_path / "images", f"{registry.address}/build")
        project = render(tmp_path / "new")
        (wanted,) = (
            text
            for kind, _, text in blocks(ROOT / "docs/images.md", "Use the images in a project")
            if kind == "json"
        )
        enabled = {"enabledManagers": ["custom.regex"]}  # nothing else is looked up here
        (project / "renovate.json").write_text(json.dumps(json.loads(wanted) | enabled))
        old = f"{registry.address}/build/manylinux-x86_64:2026.10.26-1"
        edit_row(
            project,
            "manylinux-x86_64",
            "own_image",
            f'"{old}@{digests["build/manylinux-x86_64", "2026.10.26-1"]}"',
        )
        repository.replace("manylinux/Containerfile", "quay.io/pypa", f"{registry.address}/pypa")
        shutil.rmtree(repository / "musllinux")
        path = repository / "manylinux/Containerfile"
        path.write_text(
            re.sub(r"(?m)^FROM .*_(aarch64|i686|armv7l):.*\n", "", path.read_text("utf-8")), "utf-8"
        )
        for each, manager, name, branch in (
            (repository, "dockerfile", "pypa/manylinux_2_28_x86_64", "renovate/base-images"),
            (project, "regex", "build/manylinux-x86_64", "renovate/build-images"),
        ):
            git(each.path, "init", "--quiet")
            git(each.path, "add", "--all")
            git(each.path, "commit", "--quiet", "--message", "work")
            found = lookups(each, tmp_path / "scratch", **settings)
            (update,) = (
                update
                for file in found[manager]
                for dependency in file["deps"]
                for update in dependency["updates"]
                if update["updateType"] != "digest"
            )
            assert update["newValue"] == "2026.11.30-12"
            assert update["newDigest"] == digests[name, "2026.11.30-12"]
            assert update["branchName"] == branch


@pytest.mark.slow
def test_an_update_keeps_what_renovate_raised_and_people_added(tmp_path: Path) -> None:
    def change(clone: Path) -> None:
        text = (clone / "images/justfile").read_text("utf-8")
        (clone / "images/justfile").write_text(text.replace("Every command", "Each command"))
        base = clone / "images/manylinux/Containerfile"
        base.write_text(base.read_text("utf-8").replace("2026.", "2027."), "utf-8")
        versions = clone / "extensions/versions.yml"
        versions.write_text(
            re.sub(r"rust: \S+", "rust: 1.96.0", versions.read_text("utf-8")), "utf-8"
        )

    clone = history(tmp_path / "template", [])
    git(clone, "switch", "--quiet", "--create", "later")
    change(clone)
    commit(clone, "91.0.0")
    repository = render(tmp_path / "images", clone, NOW, kind="images", images_to="ghcr.io/contoso")
    git(repository.path, "init", "--quiet")
    raised = re.sub(
        r":20\d\d\.\S+",
        f":2028.01.01-1@{DIGEST}",
        (repository / "manylinux/Containerfile").read_text(),
    )
    (repository / "manylinux/Containerfile").write_text(raised + "RUN dnf install -y perl-core\n")
    repository.replace("images.toml", "[mirrors]\n", '[mirrors]\npypi = "https://x/"\n')
    commit(repository.path)
    printed = repository.run(sys.executable, "-m", "copier", "update", "--defaults")
    assert "ghcr.io/contoso have version 91.0.0 of the template now." in printed
    assert repository.answers()["_commit"] == "91.0.0"
    assert "Each command" in (repository / "justfile").read_text("utf-8")
    table = (repository / "images.toml").read_text("utf-8")
    assert 'rust = "1.96.0"' in table
    assert '[mirrors]\npypi = "https://x/"\n' in table
    assert (
        repository / "manylinux/Containerfile"
    ).read_text() == raised + "RUN dnf install -y perl-core\n"
    changed = git(repository.path, "status", "--porcelain").split()
    assert [name for name in changed if "." in name] == [".copier-answers.yml", "images.toml"]


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.xdist_group("images")
def test_a_development_container_passes_the_checks_of_a_new_project(tmp_path: Path) -> None:
    registry = "localhost:1/build"  # nothing is sent there
    with mirrors(tmp_path) as (rust, index):
        project = closed_network(tmp_path / "images", registry, "unused", rust, index)
        options = json.dumps([*OPTIONS, *PASSED])
        project.replace("images.toml", "\nrun-options = []", f"\nrun-options = {options}")
        project.replace("images.toml", 'python_min = "3.15"\n', "")  # Debian has 3.13
        path = project / "devcontainer/Containerfile"
        # This machine has the base under another name, and no such parts of Rust.
        text = re.sub("(?m)^FROM .*", f"FROM {debian()}", path.read_text("utf-8"))
        text = re.sub(" --component (llvm-tools|rust-analyzer|rust-src)", "", text)
        path.write_text(text, "utf-8")
        project.just("build", "devcontainer-x86_64")
        printed = project.just("test", "devcontainer-x86_64")
        assert "All checks passed." in printed
        # What is not there is not hidden.
        path.write_text(f"{text}USER root\nRUN rm /usr/bin/gcc\nUSER 1000\n", "utf-8")
        project.just("build", "devcontainer-x86_64")
        assert "linker `cc` not found" in project.just("test", "devcontainer-x86_64", code=1)
    for tag in ("built", "tested"):
        subprocess.run(
            ["podman", "rmi", "--force", f"{registry}/devcontainer-x86_64:{tag}"], check=True
        )
