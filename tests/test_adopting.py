"""A project that somebody has becomes a rendered one by the lines of docs/adopting.md."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from project import ROOT, Project, commit, git
from test_docs import type_it
from versions import conflicts, every_file, update, version_of

CRATE = {
    "Cargo.toml": '[package]\nname = "my-crate"\nversion = "1.4.2"\nedition = "2021"\nlicense = "MIT"\n'
    'description = "Doubles."\n\n[workspace]\n\n[dependencies.itoa]\nversion = "1"\n\n[[bench]]\nname = "speed"\nharness = false\n',
    "LICENSE-MIT": "Mine.\n",
    "README.md": "# My crate\n",
    "benches/speed.rs": "fn main() {}\n",
    "build.rs": 'fn main() {\n    println!("cargo:rustc-env=STAMP=1");\n}\n',
    "examples/show.rs": 'fn main() {\n    println!("{}", my_crate::double(2));\n}\n',
    "src/lib.rs": '#![doc = include_str!("../README.md")]\n\npub const STAMP: &str = env!("STAMP");\n\n'
    "pub fn double(number: u64) -> u64 {\n    number * 2\n}\n",
    "tests/doubles.rs": "#[test]\nfn doubles() {\n    assert_eq!(my_crate::double(2), 4);\n}\n",
}
PACKAGE = {
    "README.md": "# Greet\n",
    "pyproject.toml": '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n\n'
    '[project]\nname = "greet"\nversion = "2.3.0"\ndependencies = ["packaging>=24"]\n',
    "src/greet/__init__.py": 'from packaging.version import Version\n\nVERSION = Version("2.3.0")\n\n\ndef greet(name):\n    return f"Hello {name}"\n',
    "tests/test_greet.py": 'from greet import greet\n\n\ndef test_greet():\n    assert greet("Ada") == "Hello Ada"\n',
}


def existing(folder: Path, files: Mapping[str, str]) -> Project:
    """Make the project that somebody has."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    git(folder, "init", "--quiet")
    commit(folder)
    return Project(folder)


@pytest.fixture
def adopted(clone: Path) -> dict[str, str]:
    """Return variables that name the template."""
    return {"TEMPLATE": str(clone)}


def later(project: Project) -> None:
    """Update the adopted project as any other."""
    commit(project.path)
    update(project, version_of(every_file))
    assert conflicts(project) <= {"crates/core/Cargo.toml"}  # the one that was theirs before


@pytest.mark.nightly
@pytest.mark.slow
def test_a_pyo3_project_is_adopted(tmp_path: Path, adopted: dict[str, str]) -> None:
    new = [sys.executable, "-m", "maturin", "new", "--bindings", "pyo3", "--mixed", "hello"]
    Project(tmp_path).run(*new)
    project = existing(
        tmp_path / "hello",
        {
            "tests/test_it.py": "import hello\n\n\ndef test_it():\n"
            '    assert hello.sum_as_string(1, 2) == "3"\n',
            "README.md": "# Hello\n",
        },
    )
    type_it(project, "adopting.md", "A PyO3 project", adopted)
    type_it(project, "adopting.md", "Fewer rules", adopted)
    guide = (ROOT / "docs/adopting.md").read_text("utf-8")
    (recipes,) = re.findall(
        "Last, put the strictest rules aside as above, and type `just (.*)`", guide
    )
    assert "All checks passed." in project.just(*recipes.split(), env=adopted)
    assert "sum_as_string" in (project / "python/hello/_rust.pyi").read_text("utf-8")
    later(project)


@pytest.mark.slow
def test_a_rust_crate_is_adopted(tmp_path: Path, adopted: dict[str, str]) -> None:
    project = existing(tmp_path / "my-crate", CRATE)
    output = type_it(project, "adopting.md", "A Rust crate", adopted)
    assert "All checks passed." in output
    assert "test doubles ... ok" in output
    assert "pip install my-crate" in (project / "README.md").read_text("utf-8")
    for name in ("README.md", "src/lib.rs", "tests/doubles.rs", "benches/speed.rs", "LICENSE-MIT"):
        assert (project / "crates/core" / name).read_text("utf-8") == CRATE[name]
    assert "4\n" in project.run("cargo", "run", "--package", "my-crate", "--example", "show")
    packaged = project.run("cargo", "package", "--list", "--allow-dirty", "--package", "my-crate")
    assert {"README.md", "build.rs", "LICENSE-MIT"} <= set(packaged.splitlines())
    assert "Packaged: my-crate-1.4.2.crate" in project.just("crates", env=adopted)
    later(project)


# Crates of the registry, each with its version and the name that Python imports.
CRATES = {
    "fnv": ("1.0.7", "fnv"),
    "httparse": ("1.10.1", "httparse"),
    "Inflector": ("0.11.4", "inflector"),
    "fastrand": ("2.5.0", "fastrand"),
    "mime_guess": ("2.0.5", "mime_guess"),
    "rust-ini": ("0.21.3", "rust_ini"),
    "itertools": ("0.14.0", "itertools_rs"),
    "csv": ("1.4.0", "csv_rs"),
    "similar": ("2.7.0", "similar"),
    "roaring": ("0.12.0", "roaring"),
}
# Whose tests read files that the registry does not have, or take minutes without optimisation.
WITHOUT_TESTS = {"similar", "roaring"}
OF_A_WORKSPACE = {"csv", "roaring"}  # which need the manifest that Cargo packaged


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.parametrize("name", CRATES)
def test_a_crate_of_the_registry_is_adopted_by_the_lines_alone(
    tmp_path: Path, adopted: dict[str, str], name: str
) -> None:
    """Some have no `src` folder, a nightly bench, `#![deny(warnings)]`, or names in capitals."""
    version, package = CRATES[name]
    (tmp_path / "src").mkdir()
    (tmp_path / "src/lib.rs").touch()
    manifest = f'[package]\nname = "x"\nedition = "2021"\n\n[dependencies]\n{name} = "={version}"\n'
    (tmp_path / "Cargo.toml").write_text(manifest, "utf-8")
    Project(tmp_path).run("cargo", "vendor", "--quiet", "--versioned-dirs", "vendor")
    project = Project(tmp_path / "vendor" / f"{name}-{version}")
    original = project / "Cargo.toml.orig"
    original.replace(original if name in OF_A_WORKSPACE else project / "Cargo.toml")
    original.unlink(missing_ok=True)
    (project / ".cargo-checksum.json").unlink()
    project.path = project.path.rename(tmp_path / "adopted")
    (tmp_path / "Cargo.toml").unlink()
    git(project.path, "init", "--quiet")
    commit(project.path)
    names = {
        "project_name=my-crate": f"project_name={package.replace('_', '-')}",
        "_name=my-crate": f"_name={name}",
        "my_crate": package,
        "1.4.2": version,
        "rust_core::double(number)": "number * 2",
        "just setup fmt stubs check": "true",
    }
    type_it(project, "adopting.md", "A Rust crate", adopted, names=names)
    if name in WITHOUT_TESTS:
        type_it(project, "adopting.md", "Without its own tests", adopted)
    assert "All checks passed." in project.just("setup", "fmt", "stubs", "check")
    project.just("wheels")
    assert f"Packaged: {name}-{version}.crate" in project.just("crates")


@pytest.mark.slow
def test_a_python_package_is_adopted(tmp_path: Path, adopted: dict[str, str]) -> None:
    project = existing(tmp_path / "greet", PACKAGE)
    output = type_it(project, "adopting.md", "A Python package", adopted)
    assert "All checks passed." in output
    assert 'version = "2.3.0"' in (project / "pyproject.toml").read_text("utf-8")
    later(project)
