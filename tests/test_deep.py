"""The long tests of a project find what its daily tests pass over."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from project import Project, commit, render, skip_without

pytestmark = pytest.mark.slow
CORE = "crates/core/src/lib.rs"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Render a project with the long tests, and a commit."""
    project = render(tmp_path / "new", extras="[deep]")
    project.commit_with_locks()
    return project


def append(path: Path, text: str) -> None:
    """Write at the end of a file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


@pytest.mark.nightly
def test_versions_that_are_too_old_are_found_in_both_languages(project: Project) -> None:
    project.just("test-lowest")
    manifest = "crates/core/Cargo.toml"
    project.replace(manifest, "[dependencies]\n", '[dependencies]\nmemchr = "2.0"\n')
    append(project / CORE, "\n/// Finds.\npub use memchr::memmem::find;\n")  # since 2.4
    project.run("cargo", "check", "--package", "new")
    commit(project.path)
    assert "could not find `memmem` in `memchr`" in project.just("test-lowest", code=1)
    project.replace(manifest, "2.0", "2.4")
    project.replace("pyproject.toml", "dependencies = []", 'dependencies = ["packaging>=22"]')
    append(project / "python/new/__init__.py", "\nimport packaging.licenses as _\n")  # since 24.2
    project.run("uv", "run", "pytest")
    commit(project.path)
    output = project.just("test-lowest", code=1)
    assert "No module named 'packaging.licenses'" in output
    assert project.run("git", "status", "--porcelain") == ""


def test_a_write_beyond_allocated_memory_ends_the_tests(project: Project) -> None:
    project.just("test-memory")
    code = """
    #[pymodule_init]
    #[expect(unsafe_code, reason = "the fault")]
    fn init(_module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        // SAFETY: none, as this writes one byte too far.
        unsafe {
            let block = pyo3::ffi::PyMem_Malloc(8).cast::<u8>();
            block.add(8).write_volatile(1);
            pyo3::ffi::PyMem_Free(block.cast());
        }
        Ok(())
    }
"""
    path = "crates/py/src/lib.rs"
    before, end, _ = (project / path).read_text("utf-8").rpartition("}")
    (project / path).write_text(before + code + end + "\n", "utf-8")
    assert "bad trailing pad byte" in project.just("test-memory", code=1)


def test_a_first_import_that_needs_the_main_thread_is_found(project: Project) -> None:
    fault = "\nimport signal\n\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    append(project / "python/new/__init__.py", fault)
    output = project.just("test-memory", code=1)
    assert "ValueError: signal only works in main thread" in output


@pytest.mark.nightly
@pytest.mark.parametrize("starter", ["minimal", "fizzbuzz"])
def test_changes_that_no_test_notices_are_listed(tmp_path: Path, starter: str) -> None:
    if not shutil.which("cargo-mutants"):
        skip_without("cargo-mutants", "cargo install --locked cargo-mutants")
    project = render(tmp_path / "new", extras="[deep]", starter=starter)
    assert "0 changes of the core crate were noticed by no test." in project.just("mutants")
    append(project / CORE, "\n/// Returns seven.\npub fn forgotten() -> u32 {\n    7\n}\n")
    output = project.just("mutants", code=1)
    assert re.search(
        r"^- `crates/core/src/lib.rs:.*: replace forgotten .* with 0`$", output, re.MULTILINE
    )
    assert "2 changes of the core crate were noticed by no test." in output


def test_undefined_behaviour_is_found(project: Project) -> None:
    command = ["cargo", "+nightly", "miri", "--version"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        skip_without("Miri", "rustup toolchain install nightly --component miri,rust-src")
    project.just("test-miri")
    project.replace(CORE, "#![forbid(unsafe_code)]", "#![allow(unsafe_code)]")
    test = "// SAFETY: none.\n    unsafe { [0u8; 4].as_ptr().add(5).read_volatile() };"
    append(project / CORE, f"\n#[test]\nfn too_far() {{\n    {test}\n}}\n")
    assert "Undefined Behavior" in project.just("test-miri", code=1)
