"""Whatever people or programs answer: it is refused by name, or it stands in the files as it was given."""

import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from project import ROOT
from test_questions import EVERYWHERE

# What breaks a format, a shell or Jinja somewhere.
PIECES = [
    *(
        "a",
        "Größe",
        "7",
        " ",
        "\t",
        "\n",
        "\r",
        "\x00",
        "\x1b[31m",
        "\x7f",
        "\x85",
        "\u2028",
        "\ufeff",
    ),
    *('"', "'", '"""', "'''", "\\", "\\u0041", "#", "$", "${HOME}", "$(id)", "`id`", "%00", "%20"),
    *(
        "{{ 7 * 7 }}",
        "{% raw %}",
        "{#",
        "[",
        "](x)",
        "<b>",
        "&",
        "*",
        "|",
        "- ",
        ": ",
        "!!python",
        "~",
    ),
    *(
        "..",
        "/",
        "//",
        "@",
        "@b.org",
        "://",
        "https://",
        "github.com",
        ":99999",
        "x" * 600,
        "\udcff",
        "😀",
    ),
]
TEXT = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
VERSION = st.sampled_from(
    ["0.30.1", "01.02", "1.85", "2.0", "1.085", "2024", "2025", "1.85\n", "latest"]
)


# A valid answer to each question of free text.
VALID = {
    "project_name": "my-package",
    "package_name": "my_package",
    "crate_name": "my-package",
    "description": "Fast.",
    "user_name": "Ada Lovelace",
    "user_email": "ada@example.org",
    "repository_url": "https://github.com/ada/new",
    **{question: value for question, value in EVERYWHERE.items() if "_to" not in question},
}


def around(value: str, text: str) -> list[str]:
    """Return a value with a text before it, inside it and after it."""
    middle = len(value) // 2
    return [text + value, value[:middle] + text + value[middle:], value + text]


def near(value: str) -> st.SearchStrategy[str]:
    """Return a valid value, mostly with something before, inside or after it."""
    return TEXT.flatmap(lambda text: st.sampled_from([value, *around(value, text)]))


QUESTIONS: dict[str, st.SearchStrategy[Any]] = {
    **{question: near(value) for question, value in VALID.items()},
    "license": st.sampled_from(["MIT", "MIT OR Apache-2.0", "proprietary", "GPL", "MIT\n"]),
    "pyo3_version": VERSION,
    "msrv": VERSION,
    "edition": VERSION,
}
# One or two answers of a set are hostile: with more, all sets would be refused.
ANSWERS = st.lists(st.sampled_from(sorted(QUESTIONS)), min_size=1, max_size=2, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: QUESTIONS[name] for name in names})
)


@pytest.fixture(scope="module")
def data_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template with the files that hold answers, which renders in a third of the time."""
    folder = tmp_path_factory.mktemp("template")
    shutil.copy(ROOT / "copier.yml", folder)
    shutil.copytree(ROOT / "extensions", folder / "extensions")
    for path in (ROOT / "template").rglob("*.jinja"):
        copied = folder / path.relative_to(ROOT)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copied)
    return folder


def render_or_refuse(template: Path, folder: Path, answers: dict[str, Any]) -> str:
    """Render the template, or return the refusal."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        copier.run_copy(
            str(template), folder, data=answers, defaults=True, quiet=True, vcs_ref="HEAD"
        )
    except ValueError as error:
        assert not folder.exists(), "something was left half made"
        return str(error)
    return ""


def check_rendered(folder: Path, answers: dict[str, Any]) -> None:
    """Check that each answer stands in its file as it was given, and that every file is valid."""
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        text = path.read_text("utf-8")
        if path.suffix == ".toml":
            tomllib.loads(text)
    metadata = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    project, uv = metadata["project"], metadata["tool"]["uv"]
    cargo = tomllib.loads((folder / "Cargo.toml").read_text("utf-8"))["workspace"]
    stored = yaml.safe_load((folder / ".copier-answers.yml").read_text("utf-8"))
    for question, answer in answers.items():
        if question in stored:
            assert stored[question] == answer, question
    assert project["name"] == stored["project_name"]
    assert project["description"] == (answers.get("description") or project["description"])
    author = {"name": answers.get("user_name"), "email": answers.get("user_email")}
    given_author = {key: value for key, value in author.items() if value}
    assert project.get("authors", [{}]) == [given_author]
    assert cargo["package"]["rust-version"] == stored["msrv"]
    assert cargo["dependencies"]["rust_core"]["package"] == stored["crate_name"]
    assert [index["name"] for index in uv.get("index", [])] == ["azure", "private"]
    for index in uv["index"]:
        for key in ("url", "publish-url"):
            assert re.fullmatch(r"https?://[!-~]+", index[key]), index[key]


REFUSAL = (
    r"Validation error for question '\w+': |Invalid choice for '\w+'|Question \"\w+\" is required"
)


def tried(template: Path, folder: Path, answers: dict[str, Any]) -> str:
    """Render with some answers, check what came of it, and return that."""
    destinations = {"wheels_to": ["azure", "private"], "crate_to": ["azure", "private"]}
    everything = {**EVERYWHERE, **destinations, **answers}
    refusal = render_or_refuse(template, folder, everything)
    if refusal:
        assert re.match(REFUSAL, refusal), refusal
    else:
        check_rendered(folder, answers)
    return "refused" if refusal else "rendered"


SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=30, deadline=None, suppress_health_check=SLOW)
@given(answers=ANSWERS)
def test_an_answer_is_refused_or_kept(
    data_only: Path, tmp_path: Path, answers: dict[str, Any]
) -> None:
    event(tried(data_only, tmp_path / "new", answers))  # --hypothesis-show-statistics counts


@pytest.mark.nightly
@settings(max_examples=1200, deadline=None, suppress_health_check=SLOW)
@given(answers=ANSWERS)
def test_a_thousand_answers_are_refused_or_kept(
    data_only: Path, tmp_path: Path, answers: dict[str, Any]
) -> None:
    event(tried(data_only, tmp_path / "new", answers))  # --hypothesis-show-statistics counts


@pytest.mark.nightly
@pytest.mark.parametrize("question", VALID)
def test_each_hostile_text_at_each_place_is_refused_or_kept(
    data_only: Path, tmp_path: Path, question: str
) -> None:
    for piece in PIECES:
        for answer in around(VALID[question], piece):
            tried(data_only, tmp_path / "new", {question: answer})
