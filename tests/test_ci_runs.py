"""CI and the wheels run in a local runner, failure paths included."""

import datetime
import functools
import json
import re
import shutil
from pathlib import Path

import pytest
from project import Project, edit_row, plan, render
from runner import Runner
from test_questions import known

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def wheel_set(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Path]:
    """Build the real wheels of one platform, and say what cibuildwheel would say of them."""
    folder = tmp_path_factory.mktemp("act") / "new"
    project = render(folder, platforms="choose", extras="[deep, docs]")
    project.commit_with_locks()
    project.just("wheels", "manylinux-x86_64")
    dist = project.path.parent / "dist"
    shutil.copytree(project / "dist", dist)
    proof = dist / "proof-manylinux-x86_64.md"
    lines = re.sub(r"\| - \| - \| (3\.\S+) \|", r"| \1 | - | - |", proof.read_text("utf-8"))
    proof.write_text(lines, "utf-8")
    return project, dist


@pytest.fixture
def runner(wheel_set: tuple[Project, Path], tmp_path: Path) -> Runner:
    """Copy for each test finished wheels that it may spoil."""
    project, dist = wheel_set
    copy = project.copy(tmp_path / "origin", "target", "dist", ".venv")
    shutil.copytree(dist, tmp_path / "dist")
    return Runner(copy, tmp_path / "dist", tmp_path)


SLICE = ("--input", "platforms=slice")
GREEN = {"Plan": "success", "manylinux-x86_64": "success", "sdist and crates": "success"}


def test_the_wheels_of_a_slice_are_planned_built_and_verified(runner: Runner) -> None:
    results = runner.run("workflow_dispatch", "wheels.yml", *SLICE)
    assert results == {**GREEN, "Verify the whole set": "success"}, runner.output
    assert sorted(runner.verbs()) == [
        "cibuildwheel manylinux-x86_64",
        "crates",
        "plan slice",
        "pythons",
        "sdist",
        "verify dist slice",
    ]
    assert "-cp314-cp314t-manylinux_2_28_x86_64.whl | " in runner.output
    summary = next((runner.scratch / "artifacts").rglob("proof-card.md")).read_text("utf-8")
    assert [line.split(" | ")[0].split("-")[2:4] for line in summary.splitlines()[2:5]] == [
        ["cp311", "abi3"],
        ["cp314", "cp314t"],
        ["cp315", "abi3.abi3t"],
    ]


@pytest.mark.parametrize(
    ("registry", "options", "expected"),
    [
        ("ghcr.io", (), ["login ghcr.io nektos/act"]),
        ("registry.example.org", (), []),
        (
            "registry.example.org",
            ("--var", "IMAGES_USER=ada", "--secret", "IMAGES_TOKEN=x"),
            ["login registry.example.org ada"],
        ),
    ],
)
def test_a_job_logs_in_to_the_registry_of_its_image(
    runner: Runner, registry: str, options: tuple[str, ...], expected: list[str]
) -> None:
    date = datetime.datetime.now(tz=datetime.UTC).strftime("%Y.%m.%d")
    image = f"{registry}/contoso/manylinux-x86_64:{date}-1@sha256:{'0' * 64}"
    edit_row(runner.project, "manylinux-x86_64", "own_image", f'"{image}"')
    token = ("--secret", "GITHUB_TOKEN=token")
    results = runner.run("workflow_dispatch", "wheels.yml", *SLICE, *token, *options)
    assert results == {**GREEN, "Verify the whole set": "success"}, runner.output
    assert [verb for verb in runner.verbs() if verb.startswith("login")] == expected


def test_a_missing_wheel_fails(runner: Runner) -> None:
    next(runner.dist.glob("*cp314t*.whl")).unlink()
    results = runner.run("workflow_dispatch", "wheels.yml", *SLICE)
    assert results == {**GREEN, "Verify the whole set": "failure"}
    assert "dist/ has 0 wheels cp314-cp314t of manylinux-x86_64" in runner.output


def test_a_wrong_tag_inside_fails(runner: Runner) -> None:
    wrong = next(runner.dist.glob("*cp311*.whl"))
    shutil.copy(next(runner.dist.glob("*cp315*.whl")), wrong)
    results = runner.run("workflow_dispatch", "wheels.yml", *SLICE)
    assert results == {**GREEN, "Verify the whole set": "failure"}
    assert "the tags inside are ['cp315-abi3-manylinux_2_28_x86_64'" in runner.output


def test_a_platform_that_was_not_built_fails(runner: Runner) -> None:
    results = runner.run("workflow_dispatch", "wheels.yml", *SLICE, fail="cibuildwheel")
    assert results["manylinux-x86_64"] == "failure"
    assert results.get("Verify the whole set") != "success"
    assert "verify dist slice" not in runner.verbs()


def test_a_matrix_of_both_engines_is_what_was_planned(runner: Runner) -> None:
    edit_row(runner.project, "macos-arm64", "engine", '"cross"')
    planned = plan(runner.project)
    results = runner.run(
        "workflow_dispatch", "wheels.yml", "--input", "platforms=all", fail="pythons"
    )
    built = {job["id"] for job in planned["native"] + planned["cross"]}
    assert built == set(hidden_usual())
    assert {name for name in results if "-" in name} == built
    assert "target macos-arm64" in runner.verbs()
    assert "wheels macos-arm64" in runner.verbs()


@functools.cache
def hidden_usual() -> tuple[str, ...]:
    """List the ids of the usual platforms."""
    rows = known("platforms.json")
    return tuple(row["id"] for row in rows if row["tier"] == "usual")


def test_ci_is_green_only_if_every_job_is(runner: Runner) -> None:
    results = runner.run("push", "ci.yml")
    assert "All green" in results, runner.output
    assert set(results.values()) == {"success"}, runner.output
    assert len([name for name in results if name.startswith("Python ")]) == 9
    verbs = runner.verbs()
    for verb in ("lint", "test-rust", "test-oldest-rust", "cov", "crates", "plan slice"):
        assert verb in verbs
    assert (verbs.count("test-python"), verbs.count("test-parallel")) == (6, 3)


def pull_request(runner: Runner, label: str, fail: str = "") -> dict[str, str]:
    """Run CI for a pull request with a label, in a private repository."""
    event = runner.scratch / "event.json"
    request = {"number": 1, "labels": [{"name": label}]}
    event.write_text(json.dumps({"pull_request": request, "repository": {"private": True}}))
    return runner.run("pull_request", "ci.yml", "--eventpath", str(event), fail=fail)


def test_a_pull_request_in_private_runs_on_linux_only_and_builds_a_slice(runner: Runner) -> None:
    results = pull_request(runner, "documentation")
    assert results["All green"] == "success", runner.output
    pythons = [name for name in results if name.startswith("Python ")]
    assert [name.rsplit(" ", 1)[1] for name in pythons] == ["linux"] * 3
    assert "plan slice" in runner.verbs()


def test_the_label_of_a_pull_request_builds_all_wheels(runner: Runner) -> None:
    results = pull_request(runner, "all wheels", fail="cibuildwheel")
    assert "plan all" in runner.verbs(), runner.output
    assert {name for name in results if name in hidden_usual()} == {*hidden_usual()}


@pytest.mark.parametrize("verb", ["test-rust", "test-parallel"])
def test_a_failing_job_is_not_green(runner: Runner, verb: str) -> None:
    results = runner.run("push", "ci.yml", fail=verb)
    assert results["All green"] == "failure", runner.output
    name = "rust" if verb == "test-rust" else "python"
    assert re.search(f"{name}.{{,80}}failure", runner.output), "jq names it, in colours"


def test_a_skipped_job_is_not_green(runner: Runner) -> None:
    name = "    name: Lint\n"
    runner.project.replace(".github/workflows/ci.yml", name, f"{name}    if: false\n")
    results = runner.run("push", "ci.yml")
    assert results["All green"] == "failure", runner.output


@pytest.mark.parametrize("pages", [True, False])
def test_the_site_is_deployed_once_pages_are_on(runner: Runner, pages: bool) -> None:
    event = runner.scratch / "event.json"
    event.write_text(json.dumps({"repository": {"has_pages": pages}}))
    results = runner.run("push", "docs.yml", "--eventpath", str(event))
    assert results.get("Build") == "success", runner.output
    assert ("deployed" in runner.verbs()) == pages
    assert ("docs-address" in runner.verbs()) == (not pages)


def test_a_pull_request_builds_the_site_and_deploys_nothing(runner: Runner) -> None:
    event = runner.scratch / "event.json"
    event.write_text(json.dumps({"number": 1, "repository": {"has_pages": True}}))
    results = runner.run("pull_request", "docs.yml", "--eventpath", str(event))
    assert results.get("Build") == "success", runner.output
    assert "deployed" not in runner.verbs()


@pytest.mark.parametrize("fails", ["", "test-miri", "mutants"])
def test_each_long_test_is_a_job_of_its_own(runner: Runner, fails: str) -> None:
    results = runner.run("schedule", "deep.yml", fail=fails)
    jobs = {
        "test-lowest": "Oldest versions of dependencies",
        "test-miri": "Miri, which finds undefined behaviour",
        "test-memory": "Memory, and the first import",
        "mutants": "Changes that no test notices",
    }
    expected = {job: "failure" if verb == fails else "success" for verb, job in jobs.items()}
    assert results == expected, runner.output
    assert set(jobs) <= set(runner.verbs())
