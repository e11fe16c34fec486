"""Releases run in a local runner, from the gate to every registry, failure paths included."""

import json
import os
import shutil
from pathlib import Path

import pytest
import servers
from project import ROOT, Project, commit, git, render
from runner import Runner
from servers import TOKEN, Feed, serve, serve_index

pytestmark = pytest.mark.slow

SDIST, CRATE = "new-0.2.0.tar.gz", "new-0.2.0.crate"
SUMS = "SHA256SUMS"
WHEEL = "new-0.2.0-cp311-abi3-manylinux_2_28_x86_64.whl"
PUBLIC = {"repository": {"default_branch": "main", "private": False}}


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, int, int]:
    """Build what a release of one platform with one wheel holds."""
    cargo, python = servers.free_port(), servers.free_port()
    project = render(
        tmp_path_factory.mktemp("ready") / "new",
        starter="none",
        platforms="choose",
        platform_ids="[manylinux-x86_64]",
        wheels_to="[pypi, private]",
        crate_to="[crates-io, private]",
        private_index_url=f"http://127.0.0.1:{python}/simple",
        private_upload_url=f"http://127.0.0.1:{python}/",
        private_registry_url=f"http://127.0.0.1:{cargo}/index",
    )
    project.keep_first_wheel()
    project.commit_with_locks()
    project.just("release", "minor")
    project.just("wheels", "manylinux-x86_64")
    return project, cargo, python


@pytest.fixture
def runner(ready: tuple[Project, int, int], tmp_path: Path) -> Runner:
    """Copy for each test a repository and finished wheels that it may spoil."""
    project = ready[0]
    copy = project.copy(tmp_path / "origin", "target", "dist", ".venv")
    shutil.copytree(project / "dist", tmp_path / "dist")
    (tmp_path / "github").mkdir()
    (tmp_path / "event.json").write_text(json.dumps(PUBLIC))
    extra = {
        "ACT_GITHUB": str(tmp_path / "github"),
        "ACT_PRIVATE": "false",
        "ACT_RUN": str(tmp_path / "run"),
        "ACT_SIGNED": git(copy.path, "rev-parse", "HEAD"),
        "CARGO_REGISTRIES_PRIVATE_TOKEN": f"Bearer {TOKEN}",
    }
    return Runner(copy, tmp_path / "dist", tmp_path, extra)


def release(runner: Runner, fail: str = "") -> dict[str, str]:
    """Start the workflow that ends in a draft."""
    event = ("-e", str(runner.scratch / "event.json"))
    return runner.run("workflow_dispatch", "release.yml", *event, fail=fail)


def drafted(runner: Runner, tag: str = "v0.2.0") -> list[str]:
    """List the files of a draft."""
    return sorted(path.name for path in (runner.scratch / "github" / tag).glob("*"))


def publish(runner: Runner, to: str, tag: str = "v0.2.0", *options: str) -> dict[str, str]:
    """Start the workflow that publishes to a registry, by hand."""
    event = runner.scratch / "publish.json"
    event.write_text(json.dumps({**PUBLIC, "inputs": {"tag": tag}}))
    return runner.run("workflow_dispatch", f"publish-{to}.yml", "-e", str(event), *options)


def test_a_release_ends_in_a_draft_of_everything_that_was_verified(runner: Runner) -> None:
    results = release(runner)
    assert set(results.values()) == {"success"}, runner.output
    assert drafted(runner) == sorted([CRATE, WHEEL, SDIST, SUMS, "new-0.2.0.intoto.jsonl"])
    created = next(verb for verb in runner.verbs() if verb.startswith("gh release create"))
    assert "gh release create v0.2.0 --draft --target " in created
    signed = [verb for verb in runner.verbs() if verb.startswith("attest ")]
    assert [f"attest dist/{name}" for name in sorted([SUMS, CRATE, WHEEL, SDIST])] == [
        path for path in signed if not path.endswith("proof-card.md")
    ]
    notes = (runner.scratch / "github/notes").read_text("utf-8")
    assert notes.startswith("- The first version.\n\n## What was tested\n\n| file |")
    assert f"| {WHEEL} |" in notes


def test_a_wrong_version_stops_before_anything_is_built(runner: Runner) -> None:
    runner.project.replace("pyproject.toml", 'version = "0.2.0"', 'version = "0.3.0"')
    results = release(runner)
    assert results["May this commit be released?"] == "failure"
    assert [verb.split()[0] for verb in runner.verbs()] == ["gate"]
    assert "pyproject.toml has version 0.3.0, but" in runner.output


def test_a_wheel_that_is_missing_stops_before_the_draft(runner: Runner) -> None:
    (runner.dist / WHEEL).rename(runner.dist / WHEEL.replace("manylinux", "musllinux"))
    results = release(runner)
    assert results["Verify the whole set"] == "failure"
    assert not any(verb.startswith("gh") for verb in runner.verbs())


def test_a_private_repository_is_drafted_without_signatures(runner: Runner) -> None:
    private = {"repository": {"default_branch": "main", "private": True}}
    (runner.scratch / "event.json").write_text(json.dumps(private))
    release(runner)
    assert drafted(runner) == sorted([CRATE, WHEEL, SDIST, SUMS])
    assert not any(verb.startswith("attest") for verb in runner.verbs())


def test_a_published_release_reaches_every_registry_and_can_be_sent_again(
    runner: Runner, ready: tuple[Project, int, int]
) -> None:
    release(runner)
    index = servers.pypiserver(runner.scratch / "index", ready[2])
    runner.extra |= index.credentials
    secrets = ("-s", f"PRIVATE_CARGO_TOKEN=Bearer {TOKEN}", "-s", f"PRIVATE_PASSWORD={TOKEN}")
    variables = ("--var", "PRIVATE_USERNAME=somebody")
    # One registry is down; the others do not care, and it gets its files later.
    down = publish(runner, "private", "v0.2.0", *secrets, *variables)
    assert down["Publish"] == "failure"
    assert "cannot be reached" in runner.output
    assert publish(runner, "pypi")["Publish"] == "success", runner.output
    sent = sorted(path.name for path in (runner.scratch / "github/pypi").iterdir())
    assert sent == sorted([WHEEL, SDIST])
    assert publish(runner, "crates-io")["Publish"] == "success", runner.output
    assert "publish crates-io dist" in runner.verbs()
    with serve(Feed(ready[1])) as feed, serve_index(index):
        assert publish(runner, "private", "v0.2.0", *secrets, *variables)["Publish"] == "success"
        assert f"Sent to private: {CRATE}, {WHEEL}, {SDIST}." in runner.output
        assert list(feed.crates) == ["new/0.2.0"]
        again = publish(runner, "private", "v0.2.0", *secrets, *variables)
        assert again["Publish"] == "success"
        assert "nothing, since it has everything" in runner.output


def test_azure_gets_a_release_by_a_token_or_by_workload_identity(
    runner: Runner, ready: tuple[Project, int, int]
) -> None:
    workflow = ".github/workflows/publish-azure.yml"
    shutil.copy(ROOT / "template" / workflow, runner.project / workflow)
    for name in (".cargo/config.toml", "pyproject.toml", "crates/core/Cargo.toml"):
        runner.project.replace(name, "private", "azure")
    commit(runner.project.path)
    runner.extra["ACT_SIGNED"] = git(runner.project.path, "rev-parse", "HEAD")
    release(runner)
    index = servers.pypiserver(runner.scratch / "index", ready[2])
    with serve(Feed(ready[1])) as feed, serve_index(index):
        assert publish(runner, "azure")["Publish"] == "failure"
        assert "Are the credentials right? Nothing was published." in runner.output
        sent = publish(runner, "azure", "v0.2.0", "-s", f"AZURE_TOKEN={TOKEN}")
        assert sent["Publish"] == "success", runner.output
        assert f"Sent to azure: {CRATE}, {WHEEL}, {SDIST}." in runner.output
        assert list(feed.crates) == ["new/0.2.0"]
        (runner.scratch / "azure").mkdir()
        program = runner.scratch / "azure/az"  # its answer after a login
        program.write_text(f"#!/bin/sh\necho {TOKEN}\n", "utf-8")
        program.chmod(0o755)
        runner.extra["PATH"] = os.pathsep.join(
            [str(runner.scratch / "azure"), str(runner.scratch / "bin"), os.environ["PATH"]]
        )
        identity = ("--var", "AZURE_CLIENT_ID=1", "--var", "AZURE_TENANT_ID=2")
        again = publish(runner, "azure", "v0.2.0", *identity)
        assert again["Publish"] == "success", runner.output
        assert "nothing, since it has everything" in runner.output


def test_provenance_of_another_commit_is_refused(runner: Runner) -> None:
    release(runner)
    runner.extra["ACT_SIGNED"] = "0" * 40
    results = publish(runner, "pypi")
    assert results["Fetch the release, and check who built it"] == "failure"
    assert results.get("Publish") != "success"
    assert not (runner.scratch / "github/pypi").exists()


def move_main_on(runner: Runner) -> None:
    """Tag what was released, and commit something else afterwards."""
    git(runner.project.path, "tag", "v0.2.0")
    (runner.project / "README.md").write_text("# Newer\n", "utf-8")
    commit(runner.project.path)


def test_main_may_move_on_between_draft_and_publication(runner: Runner) -> None:
    release(runner)
    move_main_on(runner)
    for to, checkouts in (("pypi", 0), ("private", 1)):
        workflow = (runner.project / f".github/workflows/publish-{to}.yml").read_text("utf-8")
        assert workflow.count("          ref: refs/tags/${{ env.TAG }} #") == checkouts
        assert (
            workflow.count(
                "          ref: refs/heads/${{ github.event.repository.default_branch }} #"
            )
            == 1
        )
    assert publish(runner, "pypi")["Publish"] == "success", runner.output


def test_a_tag_that_was_moved_is_refused(runner: Runner) -> None:
    release(runner)
    move_main_on(runner)
    git(runner.project.path, "tag", "--force", "v0.2.0")
    results = publish(runner, "pypi")
    assert results["Fetch the release, and check who built it"] == "failure"
    assert not (runner.scratch / "github/pypi").exists()


def test_a_tag_of_another_version_is_refused(runner: Runner) -> None:
    release(runner)
    shutil.copytree(runner.scratch / "github/v0.2.0", runner.scratch / "github/v0.1.0")
    publish(runner, "pypi", "v0.1.0")
    message = "The files of v0.1.0 have another version. Nothing was published."
    assert message in runner.output
    assert not (runner.scratch / "github/pypi").exists()


@pytest.mark.parametrize("changed", [False, True])
def test_a_private_repository_compares_with_what_the_run_built(
    runner: Runner, changed: bool
) -> None:
    release(runner)
    shutil.copytree(runner.scratch / "artifacts", runner.scratch / "run")
    if changed:
        (runner.scratch / "github/v0.2.0" / SDIST).write_bytes(b"other")
    runner.extra["ACT_PRIVATE"] = "true"
    results = publish(runner, "pypi")
    assert (results.get("Publish") == "success") == (not changed), runner.output
    if changed:
        assert f"{SDIST}: not what the release workflow built. Nothing was" in runner.output
    else:
        assert "There is no signature, so the files are compared with run 7" in runner.output


@pytest.mark.parametrize("fault", ["missing", "renamed", "one more", "replaced", "other sums"])
def test_a_release_is_the_whole_set_that_was_signed(runner: Runner, fault: str) -> None:
    release(runner)
    folder = runner.scratch / "github/v0.2.0"
    wheel, other = folder / WHEEL, folder / WHEEL.replace("cp311-abi3", "cp314-cp314t")
    if fault == "missing":
        wheel.unlink()
    elif fault == "renamed":
        wheel.rename(other)
    elif fault == "one more":
        shutil.copy(wheel, other)
    else:
        wheel.write_bytes(b"other")
    if fault == "other sums":
        script = "import pathlib, release; print(release.sums(pathlib.Path(sys.argv[1])), end='')"
        (folder / SUMS).write_text(runner.project.tools(script, str(folder)), "utf-8")
    publish(runner, "pypi")
    named = {"renamed": f"{WHEEL}, {other.name}", "one more": other.name}.get(fault, WHEEL)
    message = f"{named}: not what the release workflow built. Nothing was published."
    refused = (
        "`gh attestation verify` failed with exit code 1" if fault == "other sums" else message
    )
    assert refused in runner.output
    assert not (runner.scratch / "github/pypi").exists()
