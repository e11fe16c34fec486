"""Each check of a rendered project fails on a planted fault, and names it."""

import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from project import Project, commit, git, render
from test_platforms import need

pytestmark = pytest.mark.slow

CORE = "crates/core/src/collatz.rs"
WRAPPER = "crates/py/src/collatz.rs"

# What is planted where: the file, the text that is replaced, the fault, and what the check says.
FAULTS = {
    "a failing Rust test": (
        CORE,
        "start: 18,\n                length: 21",
        "start: 18,\n                length: 22",
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
        "    Chain { start, length }\n}\n\nfn",
        "    return Chain { start, length };\n}\n\nfn",
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
        "    threads: Threads,\n)",
        "    threads: Threads,\n    _more: Option<u8>,\n)",
        "_rust.pyi is not what the Rust sources say: type `just stubs`.",
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
    "versions that differ": (
        "pyproject.toml",
        'version = "0.1.0"',
        'version = "0.2.0"',
        "pyproject.toml has version 0.2.0, but [workspace.package] in Cargo.toml has 0.1.0.",
    ),
}


@pytest.fixture(scope="module", autouse=True)
def own_targets() -> Iterator[None]:
    """Compile into a project's own folder, as on a person's machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CARGO_TARGET_DIR")
        yield


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
            'threads: "int" = Threads::ONE)',
            'threads: "int" = Threads::ONE, _more = None)',
        )
    if fault == "a broken example in a docstring":
        project.just("stubs")
    assert message in project.just("check", code=1)


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


def test_a_stray_module_in_the_source_tree_is_named(project: Project) -> None:
    stray = project / "python/new/_rust.cpython-38-x86_64-linux-gnu.so"
    stray.write_bytes(b"old")
    try:
        output = project.just("wheels", code=1)
    finally:
        stray.unlink()
    assert f"{stray.relative_to(project.path)} is not from this build: delete it." in output


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Render a project that has one wheel; what cargo compiles for it is kept."""
    project = render(tmp_path_factory.mktemp("narrow") / "new", python_min="3.15")
    project.commit_with_locks()
    return project


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "[tool.maturin]\n",
            '[tool.maturin]\nexclude = ["python/**/py.typed"]\n',
            ".whl lacks new/py.typed",
        ),
        (
            "include = [",
            'include = [{ path = "README.md", format = "wheel" }, ',
            ".whl holds README.md, which does not belong there",
        ),
        (
            "[tool.maturin]\n",
            "[tool.maturin]\nsbom = { rust = false }\n",
            ".whl lacks new-0.1.0.dist-info/sboms",
        ),
    ],
)
def test_a_wheel_that_lacks_or_has_a_file_is_refused(
    narrow: Project, old: str, new: str, message: str
) -> None:
    narrow.replace("pyproject.toml", old, new)
    try:
        assert message in narrow.just("wheels", code=1)
    finally:
        git(narrow.path, "checkout", "--quiet", ".")


LOOK_INSIDE = """
import contents, platforms
row = platforms.Platform.of_this_machine()
contents.check(contents.find([row], contents.ROOT / "dist", [contents.SDIST]))
"""


def test_a_wheel_may_hold_and_need_more(narrow: Project) -> None:
    need(narrow, "packaging")
    (narrow / "NOTICE").write_text("Theirs.\n", "utf-8")
    narrow.replace("pyproject.toml", '["LICENSE*"]', '["LICENSE*", "NOTICE"]')
    scripts = '[project.scripts]\nchain = "new:longest_chain"\n\n[build-system]'
    narrow.replace("pyproject.toml", "[build-system]", scripts)
    narrow.replace("pyproject.toml", '">=3.15"', '"<4, >= 3.15"')
    try:
        assert "| new-0.1.0-cp315-abi3.abi3t-" in narrow.just("wheels")
        (wheel,) = (narrow / "dist").glob("*.whl")
        with zipfile.ZipFile(wheel, "a") as archive:  # as auditwheel does
            archive.writestr("new.libs/libz-1a2b.so", b"")
        narrow.tools(LOOK_INSIDE)
    finally:
        git(narrow.path, "checkout", "--quiet", ".")
        git(narrow.path, "clean", "--quiet", "--force")


def test_ci_without_locks_says_so_in_one_sentence(tmp_path: Path) -> None:
    project = render(tmp_path)
    output = project.just("check", code=1, env={"CI": "true"})
    sentence = "CI needs Cargo.lock and uv.lock: type `just setup` at home, and commit"
    assert sentence in output


@pytest.mark.parametrize(
    ("programs", "sentence"),
    [
        ([], "Rust is not there: install it as https://rustup.rs says."),
        (["cargo", "rustc"], "A C linker is not there: install gcc or clang"),
    ],
)
def test_what_the_machine_lacks_is_named(
    tmp_path: Path, programs: list[str], sentence: str
) -> None:
    project = render(tmp_path / "new")
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in ["uv", "uvx", "sh", *programs]:
        found = project.run("which", program).strip()
        (folder / program).symlink_to(found)
    (folder / "python3").symlink_to(Path(sys.executable).resolve())
    assert sentence in project.just("setup", code=1, env={"PATH": str(folder)})
    assert not (project / ".venv").exists()


def test_a_machine_without_uv_is_told_where_it_is(tmp_path: Path) -> None:
    project = render(tmp_path / "new")
    just = str(Path(sys.executable).parent / "just")
    output = project.run(just, "setup", code=1, env={"PATH": "/usr/bin:/bin"})
    assert "could not find executable `uv`" in output
    assert "install it as https://docs.astral.sh/uv says" in output


def test_a_compiler_that_is_too_old_is_named(tmp_path: Path) -> None:
    project = render(tmp_path)
    project.replace("Cargo.toml", 'rust-version = "1.85"', 'rust-version = "1.999"')
    assert "and 1.999 is needed: type `rustup update stable`." in project.just("setup", code=1)


def test_openssl_that_would_not_be_in_the_wheel_is_refused(tmp_path: Path) -> None:
    if not shutil.which("cargo-deny"):
        pytest.skip("cargo-deny is not on PATH: see docs/testing.md")
    project = render(tmp_path / "new")
    project.run("cargo", "add", "openssl", "--features", "vendored", "--package", "new")
    assert "bans ok, licenses ok, sources ok" in project.just("deny")
    project.run("cargo", "remove", "openssl", "--package", "new")
    project.run("cargo", "add", "openssl", "--package", "new")
    output = project.just("deny", code=1)
    assert "type `cargo add openssl --features vendored` in the crate that needs it" in output
