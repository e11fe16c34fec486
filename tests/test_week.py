"""What a person writes in the first week passes `just check`, by the lines of CONTRIBUTING.md alone."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from project import ROOT, Project, render, tool

pytestmark = pytest.mark.slow
WEEK = ROOT / "tests/week"


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with an exception, a constant, an async function, NumPy, a submodule and so on."""
    project = render(tmp_path_factory.mktemp("week") / "week")
    shutil.copy(WEEK / "week.rs", project / "crates/py/src/week.rs")
    shutil.copy(WEEK / "lib.rs", project / "crates/py/src/lib.rs")
    shutil.copy(WEEK / "init.py", project / "python/week/__init__.py")
    shutil.copy(WEEK / "week_tests.py", project / "tests/test_week.py")
    project.replace("pyproject.toml", "dependencies = []", 'dependencies = ["numpy>=2"]')
    core = "crates/core/src/collatz.rs"
    plain = '        assert_eq!(format!("{}", longest_chain(10, NonZero::<usize>::MIN).unwrap().start), "9");\n'
    project.replace(
        core, "fn nothing_lies_below_one() {\n", f"fn nothing_lies_below_one() {{\n{plain}"
    )
    project.run("cargo", "add", "--package", "week-py", "log", "numpy@0.30", "pyo3-log")
    project.run("cargo", "add", "--package", "week-py", "pyo3", "--features", "experimental-async")
    return project


def test_the_first_week_is_green(week: Project) -> None:
    week.just("stubs", "fmt")
    assert "All checks passed." in week.just("check")
    stub = (week / "python/week/_rust/__init__.pyi").read_text("utf-8")
    assert "class WeekError(ValueError):" in stub
    assert "async def later(number: SupportsIndex) -> int:" in stub
    assert "def count(*args: object, **kwargs: object) -> int:" in stub
    assert "from collections.abc import Callable\n" in stub
    assert "Incomplete" not in stub
    week.just("wheels")


@pytest.mark.parametrize(
    "starter",
    [
        "week",
        *(pytest.param(n, marks=pytest.mark.nightly) for n in ("minimal", "fizzbuzz", "none")),
    ],
)
def test_another_type_checker_finds_nothing_in_the_package(
    tmp_path: Path, week: Project, starter: str
) -> None:
    """What basedpyright warns of is style: `@override` above `__eq__`, and the word `Any`."""
    project = week if starter == "week" else render(tmp_path / "new", starter=starter)
    project.just("stubs", "fmt")
    command = (tool("basedpyright"), "--pythonpath", ".venv/bin/python")
    assert "0 errors, " in project.run(*command, "--level", "error", "python")


def test_examples_of_classes_and_of_the_package_are_run(week: Project) -> None:
    example = "Something that is open until its block ends."
    for name, text, wrong in (
        ("crates/py/src/week.rs", f"/// {example}", f"/// {example}\n///\n/// >>> 1 + 1\n/// 3"),
        ("python/week/__init__.py", "public is imported here.", "public is.\n\n>>> 1 + 1\n3\n"),
    ):
        week.replace(name, text, wrong)
        assert "test_the_examples_in_docstrings_are_right" in week.just("test-python", code=1)
        week.replace(name, wrong, text)


def test_an_own_definition_and_its_import_stay(week: Project) -> None:
    array = "numpy.typing.NDArray[numpy.float64]"
    own = week / "crates/py/overloads.pyi"
    own.write_text(
        f"import numpy\nimport numpy.typing\n\ndef double(numbers: {array}) -> {array}: ...\n"
    )
    week.just("fmt", "stubs", "check")
    assert "import numpy.typing\n" in own.read_text("utf-8")
    assert f"def double(numbers: {array})" in (week / "python/week/_rust/__init__.pyi").read_text(
        "utf-8"
    )
    own.unlink()


def test_a_type_that_nothing_knows_is_named(week: Project) -> None:
    signature = '#[pyo3(signature = (numbers: "numpy.ndarray") -> "numpy.ndarray")]\n'
    week.replace("crates/py/src/week.rs", signature, "")
    output = week.just("stubs")
    assert "def double(numbers: Incomplete) -> Incomplete: has no type: say it in" in output


@pytest.mark.parametrize("starter", ["minimal", "fizzbuzz"])
def test_the_example_in_the_readme_of_the_crate_runs(tmp_path: Path, starter: str) -> None:
    answers = {"starter": starter, "crate_name": "My-Crate", "crate_to": "[crates-io]"}
    project = render(tmp_path / "new", None, None, **answers)
    with (project / "crates/core/src/lib.rs").open("a", encoding="utf-8") as file:
        file.write('\n#[cfg(doctest)]\n#[doc = include_str!("../README.md")]\nstruct Readme;\n')
    output = project.run("cargo", "test", "--package", "My-Crate", "--doc", "Readme")
    assert "test result: ok. 1 passed" in output


def test_a_module_made_by_a_function_is_named_with_the_lines_to_write(tmp_path: Path) -> None:
    project = render(tmp_path / "new", starter="none")
    library = project / "crates/py/src/lib.rs"
    function = (
        "//! The module.\nuse pyo3::prelude::*;\n\n/// Add.\n#[pyfunction]\n"
        "fn add(a: u32, b: u32) -> u32 {\n    a + b\n}\n\n/// The module.\n#[pymodule]\n"
    )
    body = "fn _rust(m: &Bound<'_, PyModule>) -> PyResult<()> {\n    m.add_function(wrap_pyfunction!(add, m)?)\n}\n"
    library.write_text(function + body, "utf-8")
    output = project.just("stubs", code=1)
    assert "The generator sees nothing of add, since #[pymodule] stands above a function." in output
    lines = re.search(r"#\[pymodule\]\n(mod _rust \{\n.*?\n\}\n)", output, re.DOTALL)
    assert lines
    library.write_text(function + lines[1], "utf-8")
    assert "wrote python/new/_rust.pyi" in project.just("stubs")


def table(readme: Path, heading: str) -> Iterator[str]:
    """Yield the code in the second column of the table below a heading."""
    section = readme.read_text("utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    for row in re.findall(r"^\| [\w ]+ \| (.*) \|$", section, re.MULTILINE):
        yield from re.findall("`([^`]+)`", row)


def test_each_line_of_the_table_is_compiled_here(week: Project) -> None:
    code = "".join((WEEK / name).read_text("utf-8") for name in ("week.rs", "lib.rs"))
    squeezed = re.sub(r"\s", "", code).replace(",)", ")")
    expected = {"experimental-async", "impl", "crates/py/src"}
    lines = [*table(week / "CONTRIBUTING.md", "How do I … in PyO3?")]
    assert len(lines) > 10
    for line in set(lines) - expected:
        assert re.sub(r"\s", "", line) in squeezed, line


@pytest.mark.parametrize(
    "starter", ["minimal", pytest.param("fizzbuzz", marks=pytest.mark.nightly), "none"]
)
def test_a_function_is_added_as_contributing_says(tmp_path: Path, starter: str) -> None:
    project = render(tmp_path / "new", starter=starter)
    text = (project / "CONTRIBUTING.md").read_text("utf-8")
    section = text.split("## Add a function\n")[1].split("\n## ")[0]
    tokens = MarkdownIt("commonmark").parse(section)
    codes = [token.content for token in tokens if token.type == "fence"]
    core, core_lines, wrapper, wrapper_lines, init, test, verbs = codes
    (project / "crates/core/src/words.rs").write_text(core, "utf-8")
    (project / "crates/py/src/words.rs").write_text(wrapper, "utf-8")
    (project / "tests/test_words.py").write_text(test, "utf-8")
    for name, lines in (("core", core_lines), ("py", "mod words;\n")):
        path = project / f"crates/{name}/src/lib.rs"
        before, _, after = path.read_text("utf-8").partition("\n/// What the package")
        path.write_text(f"{before}\n{lines}" + (f"\n/// What the package{after}" if after else ""))
    module = project / "crates/py/src/lib.rs"
    assert "mod _rust {\n" in module.read_text("utf-8")
    project.replace("crates/py/src/lib.rs", "mod _rust {\n", f"mod _rust {{\n{wrapper_lines}")
    path = project / "python/new/__init__.py"
    docstring = path.read_text("utf-8").splitlines()[0]
    path.write_text(f"{docstring}\n\n{init}", "utf-8")
    assert verbs == "just stubs fmt check\n"
    assert "All checks passed." in project.just("stubs", "fmt", "check")
    assert "tests/test_words.py ." in project.run("uv", "run", "pytest")


def test_ones_own_function_races_against_its_slow_version(tmp_path: Path) -> None:
    project = render(tmp_path / "new", starter="none")
    assert "RACES in tests/oracle.py is empty" in project.just("race", code=1)
    (project / "python/new/__init__.py").write_text(
        '"""Slow."""\n\n\ndef count(text: str) -> int:\n    """Count."""\n    return len(text.split())\n'
    )
    project.replace(
        "tests/oracle.py",
        "RACES: list[Race] = []",
        "def count(text: str) -> int:\n"
        '    """Count words slowly."""\n'
        '    return sum(1 for word in text.split(" ") if word)\n\n\n'
        'RACES: list[Race] = [(count, [("a b",), ("",)], ("a " * 1000,))]',
    )
    output = project.just("race", env={"CONDA_PREFIX": "/opt/conda"})
    assert "count: equal on 2 inputs" in output
    assert re.search(r"^count, one call .* x$", output, re.MULTILINE)
