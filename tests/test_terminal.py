"""In a terminal of 80 x 24, a person can answer every question by keys, and reads each text whole."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
import yaml
from project import posix
from terminal import COLUMNS, Terminal
from test_questions import QUESTIONS

pytestmark = posix
# Which keys answer a question; `enter` takes the default.
Keys = dict[str, str]
EVERYTHING: Keys = {
    "project_name": "clear my-package enter",
    "package_name": "clear my_package enter",
    "crate_name": "clear my-package enter",
    "description": "Reads_files. enter",
    "repository_url": "https://github.com/ada/fast enter",
    "user_name": "Ada enter",
    "user_email": "ada@example.org enter",
    "license": "down down enter",
    "python_min": "down enter",
    "platforms": "down down enter",
    "platform_ids": "up space enter",
    "wheels_to": "down space down space enter",
    "crate_to": "space down space down space enter",
    "azure_organization": "contoso enter",
    "azure_project": "tools enter",
    "azure_feed": "feed enter",
    "private_index_url": "https://registry.example.org/simple/ enter",
    "private_upload_url": "https://registry.example.org/upload/ enter",
    "private_registry_url": "https://registry.example.org/index/ enter",
    "extras": "up space enter",
    "starter": "down enter",
}


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """Start Copier in a folder that does not exist yet."""
    started = Terminal(tmp_path / "my-package")
    yield started
    started.process.close(force=True)


def help_lines(name: str) -> list[str]:
    """Return the lines of a question's help."""
    return [line.strip() for line in str(QUESTIONS[name]["help"]).splitlines()]


def answer(
    terminal: Terminal,
    keys: Keys,
    refused: Mapping[str, tuple[str, str]] = MappingProxyType({}),
    until: str = "",
) -> list[str]:
    """Answer the questions in their order, some wrongly at first, and return those that were asked."""
    asked = []
    for name, question in QUESTIONS.items():
        conditional = "when" in question and name not in keys
        if "help" not in question or conditional:
            continue
        if name == until:
            break
        terminal.wait_for(*help_lines(name))
        asked.append(name)
        if name in refused:
            wrong, message = refused[name]
            terminal.type(wrong)
            terminal.wait_for(message.rstrip())
            if "choices" not in question:
                terminal.type("clear")
        terminal.type(keys.get(name, "enter"))
    return asked


def answers(folder: Path) -> dict[str, object]:
    """Read the stored answers."""
    loaded: dict[str, object] = yaml.safe_load((folder / ".copier-answers.yml").read_text("utf-8"))
    return loaded


def test_every_question_is_answered_by_keys(terminal: Terminal, tmp_path: Path) -> None:
    asked = answer(terminal, EVERYTHING)
    assert terminal.end() == 0, terminal.text()
    assert asked == [name for name, question in QUESTIONS.items() if "help" in question]
    stored = answers(tmp_path / "my-package")
    ids = stored.pop("platform_ids")
    assert isinstance(ids, list)
    assert ids[-1] == "windows-x86"
    assert "Traceback" not in terminal.text()
    expected = {
        "project_name": "my-package",
        "package_name": "my_package",
        "crate_name": "my-package",
        "description": "Reads_files.",
        "repository_url": "https://github.com/ada/fast",
        "license": "MIT OR Apache-2.0",
        "python_min": "3.12",
        "platforms": "choose",
        "wheels_to": ["pypi", "azure", "private"],
        "crate_to": ["crates-io", "azure", "private"],
        "azure_organization": "contoso",
        "azure_project": "tools",
        "azure_feed": "feed",
        "private_index_url": "https://registry.example.org/simple/",
        "private_upload_url": "https://registry.example.org/upload/",
        "private_registry_url": "https://registry.example.org/index/",
        "extras": ["docs", "pypy"],
        "starter": "fizzbuzz",
        "user_name": "Ada",
        "user_email": "ada@example.org",
    }
    assert {name: stored[name] for name in expected} == expected


def test_enter_alone_takes_every_default(terminal: Terminal, tmp_path: Path) -> None:
    answer(terminal, {})
    assert terminal.end() == 0, terminal.text()
    assert answers(tmp_path / "my-package")["wheels_to"] == ["pypi"]


@pytest.mark.parametrize(
    ("destination", "questions"),
    [
        ("azure", {"azure_organization": "contoso enter", "azure_feed": "feed enter"}),
        (
            "private",
            {
                "private_index_url": "https://registry.example.org/simple/ enter",
                "private_upload_url": "https://registry.example.org/upload/ enter",
            },
        ),
    ],
)
def test_one_private_destination_is_enough(
    terminal: Terminal, tmp_path: Path, destination: str, questions: Keys
) -> None:
    steps = {"azure": "space down space enter", "private": "space down down space enter"}
    keys = {**questions, "wheels_to": steps[destination]}
    if destination == "azure":
        keys["azure_project"] = "enter"
    answer(terminal, keys)
    assert terminal.end() == 0, terminal.text()
    assert answers(tmp_path / "my-package")["wheels_to"] == [destination]


# What a person types first, and what the screen says then. Ctrl-U clears the line.
REFUSED = {
    "project_name": ("clear json enter", "Try json-rs: "),
    "package_name": ("clear a-b enter", "Try my_package: "),
    "crate_name": ("clear 1 enter", "Try my-package: "),
    "repository_url": ("github.com/a/b enter", "Type https://HOST/OWNER/NAME: "),
    "user_email": ("ada enter", "Try ada@example.org: "),
    "platform_ids": ("a a enter", "Choose at least one platform: "),
    "azure_organization": ("enter", "Try contoso: "),
    "azure_project": ("a/b enter", "Try my-project: "),
    "azure_feed": ("enter", "Try my-feed: "),
    "private_index_url": ("http://example.org enter", "Begin with https://: "),
    "private_upload_url": ("https://example.org/simple enter", "Type the upload address: "),
    "private_registry_url": ("https://a:b@example.org enter", "Type it without the user: "),
}


def test_refused_answers_say_what_to_type_and_are_corrected(
    terminal: Terminal, tmp_path: Path
) -> None:
    answer(terminal, EVERYTHING, REFUSED)
    assert terminal.end() == 0, terminal.text()
    assert answers(tmp_path / "my-package")["azure_organization"] == "contoso"


@pytest.mark.parametrize("question", ["project_name", "azure_feed"])
def test_ctrl_c_leaves_nothing(terminal: Terminal, tmp_path: Path, question: str) -> None:
    answer(terminal, EVERYTHING, until=question)
    terminal.wait_for(help_lines(question)[0])
    terminal.process.sendcontrol("c")
    assert terminal.end() == 1
    assert "Traceback" not in terminal.text()
    assert list(tmp_path.iterdir()) == []


def test_each_help_and_choice_fits_the_screen() -> None:
    for name, question in QUESTIONS.items():
        for line in str(question.get("help", "")).splitlines():
            assert len(line.strip()) + 3 < COLUMNS - 1, f"{name}: {line}"
