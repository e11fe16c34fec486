"""One report has the lines of Rust and Python that the tests of both languages run."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from project import Project, render, skip_without

pytestmark = pytest.mark.slow
CORE = "crates/core/src/collatz.rs"
WRAPPER = "crates/py/src/collatz.rs"
PACKAGE = "python/new/__init__.py"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Render a project, or skip without what measures Rust."""
    if not shutil.which("cargo-llvm-cov"):
        skip_without("cargo-llvm-cov", "cargo install --locked cargo-llvm-cov")
    command = ["rustc", "--print", "sysroot"]
    sysroot = subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
    if "LLVM_COV" not in os.environ and not [*Path(sysroot).glob("lib/rustlib/*/bin/llvm-cov*")]:
        skip_without("llvm-tools", "rustup component add llvm-tools")
    return render(tmp_path / "new")


def rows(output: str) -> dict[str, tuple[str, ...]]:
    """Read the table: by file, its lines, how many were missed, the percentage, and their numbers."""
    cells = r"^\| (\S+) \| (\d+) \| (\d+) \| (\S+) \| (.*) \|$"
    return {name: tuple(row) for name, *row in re.findall(cells, output, re.MULTILINE)}


def test_rust_that_only_pytest_runs_counts_and_tests_and_stubs_do_not(project: Project) -> None:
    expected = {
        CORE: ("31", "0", "100.0", ""),
        WRAPPER: ("10", "0", "100.0", ""),
        PACKAGE: ("3", "0", "100.0", ""),
        "all": ("44", "0", "100.0", ""),
    }
    project.replace("pyproject.toml", "dependencies = []", 'dependencies = ["idna>=3"]')
    with (project / PACKAGE).open("a", encoding="utf-8") as file:
        file.write("\nimport idna as idna\n")
    assert rows(project.just("cov")) == expected
    modules = [*project.path.glob("python/**/*.so")]
    code, unit_tests, _ = (project / CORE).read_text("utf-8").partition("\n#[cfg(test)]\nmod ")
    assert unit_tests
    (project / CORE).write_text(code, "utf-8")
    assert rows(project.just("cov")) == expected
    assert [*project.path.glob("python/**/*.so")] == modules == [], "an edit would build anew"
    report = project / "target/coverage"
    record = (report / "lcov.info").read_text("utf-8")
    assert re.findall("^SF:(.*)", record, re.MULTILINE) == [CORE, WRAPPER, PACKAGE]
    assert "collatz.rs" in (report / "html/rust/html/index.html").read_text("utf-8")
    assert "__init__.py" in (report / "html/python/index.html").read_text("utf-8")


def test_lines_that_no_test_runs_are_named(project: Project) -> None:
    with (project / CORE.replace("collatz", "lib")).open("a", encoding="utf-8") as file:
        file.write("\n/// Returns seven.\npub fn forgotten() -> u32 {\n    7\n}\n")
    with (project / PACKAGE).open("a", encoding="utf-8") as file:
        file.write('\n\ndef later() -> int:\n    """Return seven."""\n    return 7\n')
    output = project.just("cov", code=1)
    length = len((project / CORE.replace("collatz", "lib")).read_text("utf-8").splitlines())
    missed = f"{length - 2}, {length - 1}, {length}"
    assert rows(output)["crates/core/src/lib.rs"] == ("3", "3", "0.0", missed)
    assert rows(output)[PACKAGE] == ("4", "1", "75.0", "10")
    assert rows(output)["all"] == ("48", "4", "91.7", "")
    assert "91.7 % of the lines ran, not 95 %: test the others, or lower fail_under" in output
    project.replace("pyproject.toml", "fail_under = 95", "fail_under = 90")
    project.just("cov")
