"""What runs is what was just built: on each Python, and with an editor beside the tests."""

import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from project import Project, commit, git, render, skip_without

pytestmark = pytest.mark.slow
CORE = "crates/core/src/collatz.rs"
# Two of them exchange modules of the stable ABI: Python 3.15 looks for that of older Pythons first.
PUSHED = [("3.11", "3.15"), ("3.15", "3.11")]
PAIRS = [*itertools.permutations(("3.11", "3.13", "3.14", "3.15"), 2)]


@pytest.fixture(autouse=True)
def own_target(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile into a project's own folder, as on a person's machine."""
    monkeypatch.delenv("CARGO_TARGET_DIR")


def python(version: str) -> str:
    """Return the path of a Python, or skip where it is missing."""
    command = ["uv", "python", "list", "--only-installed", "--output-format", "json", version]
    listed = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    if not listed:
        skip_without(f"Python {version}", f"uv python install {version}")
    return str(listed[0]["path"])


def lengthen(project: Project, before: int) -> None:
    """Make each chain one longer than it was."""
    project.replace(CORE, f"let mut length = {before};", f"let mut length = {before + 1};")


@pytest.mark.parametrize(
    "pair",
    [
        pytest.param(pair, id="-".join(pair), marks=() if pair in PUSHED else pytest.mark.nightly)
        for pair in PAIRS
    ],
)
def test_each_python_tests_what_was_just_built(tmp_path: Path, pair: tuple[str, str]) -> None:
    first, second = (python(version) for version in pair)
    project = render(tmp_path / "new")
    call = ("python", "-c", "import new; print(new.longest_chain(10)[1])")
    assert project.run("uv", "run", "--quiet", "--python", first, *call) == "20\n"
    lengthen(project, 1)
    assert project.run("uv", "run", "--quiet", "--python", second, *call) == "21\n"
    lengthen(project, 2)
    assert project.run("uv", "run", "--quiet", "--python", first, *call) == "22\n"


def test_modules_of_older_builds_are_never_imported(tmp_path: Path) -> None:
    project = render(tmp_path / "new")
    call = ("uv", "run", "--quiet", "python", "-c", "import new; print(new._rust.__file__)")
    module = Path(project.run(*call).strip())
    for name in ("_rust.abi3.so", "_rust.abi3t.so", "_rust.so"):
        module.with_name(name).write_bytes(b"an experiment")
    assert project.run(*call).strip() == str(module)
    assert "passed" in project.run("uv", "run", "pytest")


def test_a_file_beside_the_sources_is_part_of_the_build(tmp_path: Path) -> None:
    """What Rust code includes, or a build script reads."""
    project = render(tmp_path / "new")
    table = project / "crates/core/data/table.txt"
    table.parent.mkdir()
    table.write_text("1\n", "utf-8")
    check = 'include_str!("../data/table.txt").trim_ascii().len() == 1'
    source = "crates/core/src/lib.rs"
    project.replace(source, "mod collatz;", f"mod collatz;\nconst _: () = assert!({check});")
    assert "passed" in project.run("uv", "run", "pytest")
    table.write_text("12\n", "utf-8")
    assert "evaluation panicked" in project.run("uv", "run", "pytest", code=1)


@pytest.mark.xdist_group("warm")
@pytest.mark.parametrize(
    "command",
    [
        ("cargo", "check", "--workspace", "--all-targets"),  # as rust-analyzer does
        ("cargo", "clippy", "--workspace", "--all-targets"),
        ("cargo", "test", "--workspace"),
        ("uvx", "--from", "rust-just", "just", "check"),
    ],
    ids=["check", "clippy", "test", "just check"],
)
def test_cargo_beside_the_tests_compiles_nothing_anew(
    warm: Project, tmp_path: Path, command: tuple[str, ...]
) -> None:
    project = warm.copy(tmp_path / "new", ".venv", "target", "*.so")
    project.path.joinpath("target").symlink_to(warm / "target")
    project.run("uv", "run", "pytest")
    project.run(*command)
    lengthen(project, 1)
    project.replace("tests/test_collatz.py", "(9, 20)", "(9, 21)")
    output = project.run("uv", "run", "--verbose", "pytest", "-k", "below_ten")
    assert re.findall(r"Compiling (\S+)", output) == ["new", "new-py"]


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose dependencies are compiled."""
    project = render(tmp_path_factory.mktemp("warm") / "new")
    assert "All checks passed." in project.just("check", env={"CARGO_TARGET_DIR": "target"})
    return project


@pytest.mark.nightly
def test_the_lines_that_profile_work(tmp_path: Path) -> None:
    project = render(tmp_path / "new")
    text = (project / "CONTRIBUTING.md").read_text("utf-8").split("## Debug and profile")[1]
    (lines,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    project.replace("tests/oracle.py", "range(2, 2002)], (100_000,)", "range(2, 202)], (20_000,)")
    project.run("bash", "-euc", lines)
    assert "longest_chain" in (project / "profile.svg").read_text("utf-8")


@pytest.mark.nightly
def test_projects_may_share_a_target_folder(tmp_path: Path) -> None:
    first, second = (render(tmp_path / name) for name in ("first", "second"))
    env = {"CARGO_TARGET_DIR": str(tmp_path / "target")}
    for project in (first, second, first, second, first):
        project.just("stubs", env=env)
        (stub,) = project.path.glob("python/*/_rust.pyi")
        assert f">>> from {project.path.name} import longest_chain" in stub.read_text("utf-8")
    for project in (first, second, first):
        project.just("test-python", env=env)


@pytest.mark.parametrize(
    ("environment", "recipe"),
    [(".venv", "check"), pytest.param("elsewhere", "stubs", marks=pytest.mark.nightly)],
)
def test_a_module_that_was_deleted_is_built_again(
    tmp_path: Path, environment: str, recipe: str
) -> None:
    project = render(tmp_path / "new")
    git(project.path, "init", "--quiet")
    commit(project.path)
    env = {
        "UV_PROJECT_ENVIRONMENT": environment if environment == ".venv" else str(tmp_path / "other")
    }
    project.just("stubs", env=env)
    git(project.path, "clean", "--quiet", "-fdx", "--exclude=.venv")
    assert not [*project.path.glob("python/new/*.so")]
    project.just(recipe, env=env)


def test_it_is_installed_from_source_by_the_lines_of_contributing(tmp_path: Path) -> None:
    project = render(tmp_path / "new")
    project.run("uv", "lock")
    text = (project / "CONTRIBUTING.md").read_text("utf-8")
    section = text.split("## Install from source\n")[1].split("\n## ")[0]
    container, other = section.split("```sh\n")[1].split("```")[0].splitlines()
    project.run(*container.split())
    call = (".venv/bin/python", "-c", "import new; print(new._rust.__file__)")
    assert "/site-packages/new/_rust." in project.run(*call)
    shutil.rmtree(project / ".venv")
    project.run("uv", "venv", "--quiet")
    project.run(*other.split(), env={"VIRTUAL_ENV": str(project / ".venv")})
    assert "/site-packages/new/_rust." in project.run(*call)


@pytest.mark.nightly
def test_vendored_crates_are_built_and_not_linted(tmp_path: Path) -> None:
    project = render(tmp_path / "new")
    project.just("setup")
    config = project.run("cargo", "vendor", "--quiet", "vendor")
    with (project / ".cargo/config.toml").open("a", encoding="utf-8") as file:
        file.write(config)
    env = {"CARGO_NET_OFFLINE": "true"}
    project.just("check", env=env)
    project.just("wheels", env=env)


@pytest.mark.nightly
def test_a_patched_crate_is_in_the_sdist_once_it_is_named(tmp_path: Path) -> None:
    project = render(tmp_path / "new")
    project.run("cargo", "add", "--package", "new", "itoa")
    project.run("cargo", "vendor", "--quiet", "vendor")
    (project / "vendor/itoa").rename(project / "patched")
    shutil.rmtree(project / "vendor")
    with (project / "Cargo.toml").open("a", encoding="utf-8") as file:
        file.write('\n[patch.crates-io]\nitoa = { path = "patched" }\n')
    project.just("wheels")
    output = project.just("sdist", code=1)
    assert "# if it lacks a file, add that to `include` in pyproject.toml" in output
    more = 'include = [{ path = "patched/**/*", format = "sdist" }, '
    project.replace("pyproject.toml", "include = [", more)
    assert "Successfully built dist/new-0.1.0.tar.gz" in project.just("sdist")
