"""Rendered projects build, install and pass their own tests; their wheels are exactly right."""

import hashlib
import os
import re
import shutil
import tomllib
import zipfile
from pathlib import Path

import pytest
from project import ROOT, Project, commit, git, render, skip_without
from pytest_copie.plugin import Copie
from servers import MirrorWithoutDates, serve_http

pytestmark = pytest.mark.slow

HOSTILE = 'She said "C:\\new" # {{ 1 }} *bold* `code` [link] FooBar, ünï 🦀'
CARD = re.compile(
    r"^\| \w+-0.1.0-(\w+)-\S+\.whl \| (\d+) \| (.*?) \| - \| (.*?) \| \w{64} \|$", re.MULTILINE
)
# The folders in which something of ours lies, without what is built and compiled there.
BUILT = (
    ".git",
    ".hypothesis",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".venv",
    "__pycache__",
)


def tags(project: Project) -> list[str]:
    """List the tags of the wheels in dist/, without the platform."""
    return sorted("-".join(path.stem.split("-")[2:4]) for path in (project / "dist").glob("*.whl"))


def checksums(project: Project) -> dict[str, str]:
    """Take the checksum of each file in dist/."""
    files = sorted(path for path in (project / "dist").glob("*-*") if path.suffix != ".md")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def card(output: str, column: int) -> dict[str, set[str]]:
    """Read a column of the proof card for each wheel: 2 is where it was tested, 3 where it was not."""
    rows = CARD.findall(re.sub(r" \(\d+\)", "", output))  # the number of tests
    cells = {row[0]: row[column].split(", ") for row in rows}
    return {tag: set(pythons) - {"-"} for tag, pythons in cells.items()}


def sources(project: Project) -> set[str]:
    """List its files, without what was built, locked and compiled."""
    names = {path.as_posix() for path in project.files() if not {*BUILT} & {*path.parts}}
    built = ("target/", "dist/", "Cargo.lock", "uv.lock")
    return {
        name for name in names if not name.startswith(built) and not name.endswith((".pyd", ".so"))
    }


def test_the_defaults_work_from_the_first_minute(copie: Copie, tmp_path: Path) -> None:
    result = copie.copy(template_dir=ROOT)
    assert result.project_dir, result.exception
    project = Project(result.project_dir)
    assert not (project / ".git").exists()
    assert "passed" in project.run("uv", "run", "pytest")
    checked = project.just("check")
    assert "All checks passed. Not checked here: other systems, other Pythons" in checked
    assert "15 passed" in project.just("test-parallel")
    output = project.just("wheels")
    assert tags(project) == ["cp311-abi3", "cp314-cp314t", "cp315-abi3.abi3t"]
    tested, untested = card(output, 2), card(output, 3)
    installing = {
        "cp311": {"3.11", "3.12", "3.13", "3.14"},
        "cp314": {"3.14t"},
        "cp315": {"3.15", "3.15t"},
    }
    assert {tag: tested[tag] | untested[tag] for tag in installing} == installing
    required = set(os.environ.get("REQUIRED_PYTHONS", "").split())
    missing = ", ".join(sorted(set().union(*untested.values())))
    hint = f"Not tested on {missing}: `just pythons` installs what is missing here."
    assert (hint in output) == bool(missing)
    assert required - {"3.15"} <= tested["cp311"]
    assert required & {"3.15"} <= tested["cp315"]
    assert all(int(row[1]) <= 250 for row in CARD.findall(output)), "a wheel has more than 250 kB"
    first = checksums(project)
    assert len(first) == 4
    with (project / "crates/core/src/lib.rs").open("a", encoding="utf-8") as file:
        file.write("// An edit.\n")
    again = project.run("uv", "run", "--verbose", "pytest")
    crate = project.path.name
    assert re.findall(r"Compiling (\S+)", again) == [crate, f"{crate}-py"], "PyO3 stays compiled"
    project.replace("crates/core/src/lib.rs", "// An edit.\n", "")

    # Again in another folder, with nothing compiled yet.
    unwanted = ("target", "dist", ".venv", "*.so", "__pycache__")
    other = project.copy(tmp_path / "elsewhere" / project.path.name, *unwanted)
    other.just("wheels", env={"CARGO_TARGET_DIR": str(tmp_path / "target")})
    assert checksums(other) == first


def test_the_worked_example_with_hostile_answers_and_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CARGO_TARGET_DIR")  # what cargo compiles lies below these paths as well
    git(tmp_path, "init", "--quiet")
    project = render(
        tmp_path / "R&D (größer)" / "new",
        project_name="The.Project",
        package_name="package_of_it",
        crate_name="crate-of-it",
        description=HOSTILE,
        user_name='Ada "Countess" O\'Lovelace',
        repository_url="https://github.com/ada/project",
        license="proprietary",
        starter="fizzbuzz",
    )
    git(project.path, "init", "--quiet")
    commit(project.path)
    project.just("check", "wheels")
    assert tags(project) == ["cp311-abi3", "cp314-cp314t", "cp315-abi3.abi3t"]
    (wheel,) = (project / "dist").glob("*-cp311-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read("the_project-0.1.0.dist-info/METADATA").decode()
    assert f"\nSummary: {HOSTILE}\n" in metadata
    assert "\nLicense-Expression: LicenseRef-Proprietary\n" in metadata
    assert "\nClassifier: Private :: Do Not Upload\n" in metadata
    project.run("cargo", "doc", "--no-deps", "--package", "crate-of-it")
    packaged = project.run(
        "cargo", "package", "--list", "--package", "crate-of-it", "--allow-dirty"
    )
    assert "LICENSE" in packaged.splitlines()


@pytest.mark.nightly
def test_the_empty_frame(tmp_path: Path) -> None:
    answers = {"starter": "none", "crate_to": "[crates-io]"}
    project = render(tmp_path / "new", None, None, license="MIT OR Apache-2.0", **answers)
    listed = project.just()
    recipes = ["setup", "check", "lint", "fmt", "test", "test-rust", "test-python", "stubs", "race"]
    recipes += ["wheels", "clean"]
    assert [recipe for recipe in recipes if f"\n    {recipe} " not in listed] == []
    project.just("check", "wheels")
    assert tags(project) == ["cp311-abi3", "cp314-cp314t", "cp315-abi3.abi3t"]
    listing = project.run("cargo", "package", "--list", "--package", "new", "--allow-dirty")
    assert {"LICENSE-APACHE", "LICENSE-MIT"} <= {*listing.splitlines()}
    clean = {"CARGO_TARGET_DIR": str(project / "target")}
    project.just("clean", env=clean)
    assert "passed" in project.run("uv", "run", "pytest"), "uv remembers what it built"
    project.just("clean", env=clean)
    names = {"package_name": "new", "project_name": "new", "crate_name": "new"}
    fresh = render(tmp_path / "fresh", None, None, **names, **answers)
    assert list((project / "python").rglob("*.so")) == []
    for name in ("dist", "target", ".venv", ".pytest_cache"):
        assert not (project / name).exists()
    unlicensed = {name for name in sources(project) if "LICENSE" not in name}
    assert unlicensed == {name for name in sources(fresh) if "LICENSE" not in name}


@pytest.mark.parametrize(
    ("oldest", "expected", "recipes"),
    [
        ("3.14", ["cp314-abi3", "cp314-cp314t", "cp315-abi3.abi3t"], ["wheels"]),
        pytest.param(
            *("3.15", ["cp315-abi3.abi3t"], ["check", "wheels"]), marks=pytest.mark.nightly
        ),
    ],
)
def test_the_oldest_python_decides_the_wheels(
    tmp_path: Path, oldest: str, expected: list[str], recipes: list[str]
) -> None:
    if not shutil.which(f"python{oldest}"):
        skip_without(f"Python {oldest}", f"uv python install {oldest}")
    # A foreign repository around it decides nothing, though it ignores the project.
    git(tmp_path, "init", "--quiet")
    (tmp_path / ".gitignore").write_text("*.so\n/new/\n", "utf-8")
    project = render(tmp_path / "new", python_min=oldest)
    project.just(*recipes)
    assert tags(project) == expected


@pytest.mark.parametrize(
    "starter", ["minimal", pytest.param("fizzbuzz", marks=pytest.mark.nightly)]
)
def test_the_starter_is_removed_as_contributing_says(tmp_path: Path, starter: str) -> None:
    project = render(tmp_path / "new", starter=starter)
    project.remove_starter()
    project.just("stubs", "fmt", "check")
    left = render(tmp_path / "none", package_name="new", starter="none")
    assert sources(project) == sources(left)
    for name in sources(project):
        if name.endswith((".rs", ".py", ".pyi", "README.md")):
            assert "collatz" not in (project / name).read_text("utf-8"), name
    assert "RACES in tests/oracle.py is empty" in project.just("race", code=1)


@pytest.mark.nightly
def test_the_oldest_uv_that_is_promised_does(tmp_path: Path) -> None:
    project = render(tmp_path / "new")
    settings = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["tool"]["uv"]
    oldest = settings["required-version"].removeprefix(">=")
    output = project.run("uvx", f"uv@{oldest}", "run", "pytest")
    assert "13 passed" in output
    assert "warning" not in output


@pytest.mark.nightly
def test_the_race_compares_before_it_times(tmp_path: Path) -> None:
    project = render(tmp_path / "new", starter="fizzbuzz")
    output = project.just("race")
    assert "longest_chain: equal on 2000 inputs" in output
    assert "fizzbuzz: equal on 5000 inputs" in output
    assert re.search(r"longest_chain, four threads .* \d+\.\d x", output)
    project.replace("tests/oracle.py", 'return "buzz"', 'return "bus"')
    assert "Rust returns 'buzz', Python 'bus'" in project.just("race", code=1)


def test_the_manifest_is_as_designed(tmp_path: Path) -> None:
    project = render(tmp_path)
    profile = tomllib.loads((project / "Cargo.toml").read_text("utf-8"))["profile"]["release"]
    assert profile == {"codegen-units": 1, "lto": "fat", "panic": "unwind", "strip": True}
    manifest = tomllib.loads((project / "Cargo.toml").read_text("utf-8"))["workspace"]
    package = {"version": "0.1.0", "edition": "2024", "rust-version": "1.85", "license": "MIT"}
    assert manifest["package"] == package
    for name in ("core", "py"):
        crate = tomllib.loads((project / f"crates/{name}/Cargo.toml").read_text("utf-8"))
        assert crate["lints"] == {"workspace": True}
        assert crate["package"]["publish"] is False
    assert crate["lib"]["name"] == f"{project.path.name}_rust"
    assert crate["lib"]["crate-type"] == ["cdylib", "rlib"]
    assert crate["features"] == {
        "default": ["abi3"],
        "abi3": ["pyo3/abi3-py311", "pyo3/abi3t-py315"],
        "stubs": ["pyo3/experimental-inspect"],
    }
    assert "#![forbid(unsafe_code)]" in (project / "crates/core/src/lib.rs").read_text("utf-8")
    config = tomllib.loads((project / ".cargo/config.toml").read_text("utf-8"))
    assert config == {"registry": {"global-min-publish-age": "7 days"}}
    tree = project.run("cargo", "tree", "--package", tmp_path.name.replace("_", "-"), "--edges=all")
    assert "pyo3" not in tree


def test_a_mirror_without_upload_dates_works_once_the_line_that_uv_names_is_deleted(
    tmp_path: Path,
) -> None:
    project = render(tmp_path / "new")
    with serve_http(MirrorWithoutDates) as port:
        env = {"UV_DEFAULT_INDEX": f"http://127.0.0.1:{port}/simple/"}
        output = project.just("setup", code=1, env=env)
        assert re.search(r"hint: `[\w-]+` was filtered by `exclude-newer`", output)
        text = (project / "pyproject.toml").read_text("utf-8")
        (line,) = re.findall("^exclude-newer.*\n", text, re.MULTILINE)
        assert "delete this line if your mirror of PyPI has no upload dates" in line
        project.replace("pyproject.toml", line, "")
        project.just("setup", env=env)
