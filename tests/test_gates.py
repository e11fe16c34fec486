"""Each check of a rendered project fails on a planted fault, and names it."""

import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from project import Project, commit, git, render, skip_without

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_targets")]

CORE = "crates/core/src/collatz.rs"
WRAPPER = "crates/py/src/collatz.rs"
CALL = ".detach(|| rust_core::longest_chain(limit, threads))"

# What is planted where: the file, the text that is replaced, the fault, and what the check says.
FAULTS = {
    "a failing Rust test": (
        CORE,
        "(18, 21)",
        "(18, 22)",
        "of_equally_long_chains_the_smallest_start_wins",
    ),
    "a failing Python test": (
        "tests/test_collatz.py",
        "== (9, 20)",
        "== (9, 21)",
        "test_the_longest_chain_below_ten_begins_with_nine",
    ),
    "an oracle that disagrees": (
        "tests/oracle.py",
        "if length > best[1]",
        "if length >= best[1]",
        "test_rust_agrees_with_plain_python",
    ),
    "a call that keeps other threads waiting": (
        WRAPPER,
        CALL,
        ".detach(|| rust_core::longest_chain(2, threads))\n        .and(rust_core::longest_chain(limit, threads))",
        "test_other_threads_run_meanwhile",
    ),
    "unsafe code in the core": (
        CORE,
        "let mut length = 1;",
        "let mut length = unsafe { std::mem::zeroed::<u32>() };",
        "usage of an `unsafe` block",
    ),
    "unformatted Rust": (CORE, "let mut length = 1;", "let mut  length = 1;", CORE),
    "unformatted Python": (
        "tests/oracle.py",
        "best = (0, 0)",
        "best = (0,0)",
        "tests/oracle.py",
    ),
    "a lint in Python": (
        "tests/oracle.py",
        "best = (0, 0)",
        "best = (0, 0)\n    unused = 1",
        "F841",
    ),
    "a clippy warning": (
        CORE,
        "    Chain { start, length }\n}\n",
        "    return Chain { start, length };\n}\n",
        "clippy::needless-return",
    ),
    "a type error": (
        "tests/oracle.py",
        "best = (0, 0)",
        'best = ("", 0)',
        "Incompatible",
    ),
    "a stub that drifted": (
        WRAPPER,
        "    threads: NonZero<usize>,\n)",
        "    threads: NonZero<usize>,\n    _more: Option<u8>,\n)",
        "The stub is not what the Rust sources say: type `just stubs`.",
    ),
    "a broken example in Rust": (
        CORE,
        "/// assert_eq!(chain, Chain { start: 9, length: 20 });",
        "/// assert_eq!(chain, Chain { start: 9, length: 21 });",
        "longest_chain (line ",
    ),
    "a broken example in the README": (
        "README.md",
        "(77031, 351)",
        "(77031, 352)",
        "README.md::README.md",
    ),
    "a broken example in a docstring": (
        WRAPPER,
        "///     (77031, 351)",
        "///     (77031, 352)",
        "test_the_examples_in_docstrings_are_right",
    ),
    "licences that differ": (
        "pyproject.toml",
        'license = "MIT"',
        'license = "MPL-2.0"',
        "pyproject.toml has license MPL-2.0, but Cargo.toml has MIT: write one.",
    ),
    "a panic that would end Python": (
        "Cargo.toml",
        'panic = "unwind"',
        'panic = "abort"',
        'Cargo.toml has panic = "abort" in profile release, so a panic would end Python: delete it.',
    ),
    "versions that differ": (
        "pyproject.toml",
        'version = "0.1.0"',
        'version = "0.2.0"',
        "pyproject.toml has version 0.2.0, but [workspace.package] in Cargo.toml has 0.1.0: change",
    ),
}


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Render a project whose checks pass."""
    project = render(tmp_path_factory.mktemp("gates") / "new")
    git(project.path, "init", "--quiet")
    project.just("check")
    commit(project.path)
    return project


@pytest.fixture
def project(checked: Project) -> Iterator[Project]:
    """Undo what the test planted."""
    yield checked
    git(checked.path, "checkout", "--quiet", ".")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_check_fails_and_names(project: Project, fault: str) -> None:
    name, old, new, message = FAULTS[fault]
    project.replace(name, old, new)
    if fault == "a stub that drifted":
        project.replace(
            WRAPPER,
            "threads = NonZero::<usize>::MIN)",
            "threads = NonZero::<usize>::MIN, _more = None)",
        )
    if fault == "a broken example in a docstring":
        project.just("stubs")
    assert message in project.just("check", code=1)


def test_a_stub_that_python_contradicts_is_named(project: Project) -> None:
    overloads = project / "crates/py/overloads.pyi"
    overloads.write_text(
        "def longest_chain(limit: int, *, theads: int = ...) -> object: ...\n", "utf-8"
    )
    try:
        project.just("stubs")
        assert "theads" in (project / "python/new/_rust.pyi").read_text("utf-8")
        output = project.run("uv", "run", "python", "tools/stubs.py", "check", code=1)
    finally:
        overloads.unlink()
    assert (
        'error: new._rust.longest_chain is inconsistent, stub does not have parameter "threads"'
        in output
    )


def test_a_project_without_tests_is_not_green(project: Project) -> None:
    for path in (project / "tests").glob("test_*.py"):
        path.unlink()
    output = project.just("test-python", code=1)
    assert "README.md . " in output
    assert "pytest --collect-only -qq tests # fails if tests/ has no test" in output
    assert "error: recipe `test-python` failed" in output


COUNTER = """
use pyo3::prelude::*;

pyo3::create_exception!(_rust, OddError, pyo3::exceptions::PyValueError, "It is odd.");

/// Counts.
#[pyclass(frozen)]
pub(crate) struct Counter(u32);

#[pymethods]
impl Counter {
    fn __add__(&self, other: u32) -> Self {
        Self(self.0 + other)
    }

    fn __lt__(&self, other: &Self) -> bool {
        self.0 < other.0
    }

    fn __repr__(&self) -> String {
        format!("Counter({})", self.0)
    }
}

/// A colour.
#[pyclass(eq, eq_int, from_py_object)]
#[derive(Clone, PartialEq)]
pub(crate) enum Colour {
    Red,
}
"""


def test_classes_and_exceptions_of_ones_own_are_green(project: Project) -> None:
    own = project / "crates/py/src/counter.rs"
    own.write_text(COUNTER.lstrip(), "utf-8")
    names = "#[pymodule_export]\n    use crate::counter::{Colour, Counter, OddError};\n    "
    project.replace("crates/py/src/lib.rs", "mod collatz;", "mod collatz;\nmod counter;")
    project.replace(
        "crates/py/src/lib.rs", "    #[pymodule_export]", f"    {names}#[pymodule_export]"
    )
    try:
        project.just("fmt", "stubs")
        project.just("lint")
        stub = (project / "python/new/_rust.pyi").read_text("utf-8")
        assert 'class OddError(ValueError):\n    """It is odd."""' in stub
        project.replace(own.relative_to(project.path).as_posix(), "/// Counts.\n", "")
        project.just("stubs")
        assert "Counter has no docstring: write `/// …` lines above" in project.just("lint", code=1)
    finally:
        own.unlink()


def test_what_fmt_leaves_passes_the_linters(project: Project) -> None:
    (project / "tests/test_later.py").write_text(
        '"""Later."""\n\nfrom typing import Any\n\nLATER = 1\n', "utf-8"
    )
    try:
        project.just("fmt")
        project.run("uv", "run", "ruff", "format", "--check")
        project.run("uv", "run", "ruff", "check")
    finally:
        (project / "tests/test_later.py").unlink()


def test_an_import_of_the_additions_stays_in_the_stub(project: Project) -> None:
    generated = '"""The module."""\n\ndef f(x: int) -> int:\n    """Do it."""\n'
    additions = "import collections.abc\n\ndef f(x: collections.abc.Sized) -> int: ...\n"
    script = (
        "import stubs, types; module = types.SimpleNamespace(__all__=['f']);"
        " print(stubs.ast.unparse(stubs.assemble(sys.argv[1], module, sys.argv[2])))"
    )
    assembled = project.tools(script, generated, additions)
    assert assembled.startswith('"""The module."""\nimport collections.abc\n')
    assert 'def f(x: collections.abc.Sized) -> int:\n    """Do it."""' in assembled


def test_formats_and_clippy_come_before_any_build(project: Project) -> None:
    project.replace("tests/oracle.py", "best = (0, 0)", "best = (0,0)")
    output = project.just("check", code=1)
    assert "tests/oracle.py" in output
    assert "Building new" not in output
    project.replace("tests/oracle.py", "best = (0,0)", "best = (0, 0)")
    project.replace(CORE, "let mut length = 1;", 'let mut length = "one";')
    output = project.just("check", code=1)
    assert "mismatched types" in output
    assert "Building new" not in output


def test_an_edit_in_rust_is_never_missed(project: Project) -> None:
    assert "passed" in project.run("uv", "run", "pytest")
    project.replace(CORE, "let mut length = 1;", "let mut length = 2;")
    assert "assert (9, 21) == (9, 20)" in project.run("uv", "run", "pytest", code=1)
    project.just("check", code=1)
    project.replace(CORE, "let mut length = 2;", "let mut length = 1;")
    assert "passed" in project.run("uv", "run", "pytest")
    project.just("check")
    project.replace(CORE, "let mut length = 1;", "let mut length = 3;")
    assert "assert (9, 22) == (9, 20)" in project.run("uv", "run", "pytest", code=1)


def test_a_stray_module_in_the_source_tree_gets_into_no_wheel(project: Project) -> None:
    stray = project / "python/new/_rust.cpython-38-x86_64-linux-gnu.so"
    stray.write_bytes(b"old")
    project.keep_first_wheel()
    try:
        project.just("wheels")
        (wheel,) = (project / "dist").glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            assert stray.name not in {name.split("/")[-1] for name in archive.namelist()}
    finally:
        stray.unlink()


@pytest.mark.parametrize("recipe", ["test-rust", "test-python", "lint"])
def test_ci_uses_the_locks_as_they_were_committed(project: Project, recipe: str) -> None:
    core = "crates/core/Cargo.toml"
    project.replace(core, "[dependencies]\n", '[dependencies]\nitoa = "1"\n')
    output = project.just(recipe, code=1, env={"CI": "true"})
    assert "--locked was passed to prevent this" in output
    assert git(project.path, "status", "--porcelain") == f"M {core}"


def test_ci_without_a_lock_of_uv_is_told_what_to_type(tmp_path: Path) -> None:
    project = render(tmp_path)
    output = project.just("test-python", code=1, env={"CI": "true"})
    assert "run `uv lock` or `uv sync` without the flag" in output


def only(folder: Path, *programs: str) -> str:
    """Return a PATH that has these programs and Python, and nothing else."""
    folder.mkdir()
    for program in programs:
        (folder / program).symlink_to(shutil.which(program) or "nowhere")
    (folder / "python3").symlink_to(Path(sys.executable).resolve())
    return str(folder)


def test_a_machine_without_rust_is_told_where_it_is(tmp_path: Path) -> None:
    project = render(tmp_path / "new")
    path = only(tmp_path / "bin", "uv", "uvx", "sh")
    output = project.just("setup", code=1, env={"PATH": path})
    assert "could not find executable `cargo`" in output
    assert "install Rust as https://rustup.rs says" in output
    assert not (project / ".venv").exists()


def test_a_build_without_a_compiler_fails_and_fetches_none(tmp_path: Path) -> None:
    """By itself, maturin would install Rust."""
    project = render(tmp_path / "new")
    plain = {
        "PATH": only(tmp_path / "bin", "uv"),
        "MATURIN_NO_INSTALL_RUST": "",
    }  # as on a person's machine
    output = project.run("uv", "run", "pytest", code=1, env=plain)
    assert "Cargo metadata failed. Do you have cargo in your PATH?" in output
    assert "puccinialin" not in output


def test_a_machine_without_uv_is_told_where_it_is(tmp_path: Path) -> None:
    project = render(tmp_path / "new")
    just = str(Path(sys.executable).parent / "just")
    path = only(tmp_path / "bin", "cargo", "sh")
    output = project.run(just, "setup", code=1, env={"PATH": path})
    assert "could not find executable `uv`" in output
    assert "install it as https://docs.astral.sh/uv says" in output


def test_a_compiler_that_is_too_old_is_named(tmp_path: Path) -> None:
    project = render(tmp_path)
    project.replace("Cargo.toml", 'rust-version = "1.85"', 'rust-version = "1.999"')
    output = project.just("test-rust", code=1)
    assert "requires rustc 1.999" in output


def test_openssl_that_would_not_be_in_the_wheel_is_refused(tmp_path: Path) -> None:
    if not shutil.which("cargo-deny"):
        skip_without("cargo-deny", "cargo install --locked cargo-deny")
    project = render(tmp_path / "new")
    project.run("cargo", "add", "openssl", "--features", "vendored", "--package", "new")
    assert "bans ok, licenses ok, sources ok" in project.just("deny")
    project.run("cargo", "remove", "openssl", "--package", "new")
    project.run("cargo", "add", "openssl", "--package", "new")
    output = project.just("deny", code=1)
    assert "type `cargo add openssl --features vendored` in the crate that needs it" in output


def test_a_fault_stops_a_commit_where_hooks_are_chosen(tmp_path: Path) -> None:
    project = render(tmp_path / "new", extras="[hooks]")
    project.just("setup")  # before there is a repository
    git(project.path, "init", "--quiet")
    project.just("setup")
    git(project.path, "add", "--all")
    command = ("git", "commit", "--all", "--message", "A new project")
    assert "just lint" in project.run(*command)
    project.replace("tests/test_package.py", "import ", "import  ")
    output = project.run(*command, code=1)
    assert "error: recipe `lint` failed" in output
    project.just("fmt")
    (project / "notes.md").write_text("A line with blanks at its end.  \n", "utf-8")
    git(project.path, "add", "--all")
    assert "trim trailing whitespace" in project.run(*command, code=1)


def test_without_the_answer_setup_installs_no_hook(tmp_path: Path) -> None:
    project = render(tmp_path / "new")
    git(project.path, "init", "--quiet")
    project.just("setup")
    assert not (project / ".git/hooks/pre-commit").exists()
