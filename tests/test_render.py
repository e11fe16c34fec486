"""Every pair of answers renders a finished project."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from allpairspy import AllPairs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import Environment
from markdown_it import MarkdownIt
from project import ROOT, Project, git, render, tool
from test_questions import ADDRESSES, EXTRAS, documents, known

from examples import render_examples

# What a free-text question gets beside its default, so that each branch is rendered.
OTHER = {
    "project_name": ["Other.Name", "x" * 64],
    "package_name": ["something_else"],
    "crate_name": ["another-crate"],
    "description": ['She said "C:\\new" # {{ 1 }} *bold* ünï 🦀'],
    "repository_url": ["https://github.com/ada/my-package.git", "https://gitlab.com/a/b/c/"],
    "user_name": ['Ada "Countess" O\'Lovelace'],
    "user_email": ["ada@example.org"],
    "platform_ids": ["[manylinux-x86_64]", "[musllinux-riscv64, windows-x86]"],
    "wheels_to": ["[]", "[azure]", "[pypi, private]"],
    "crate_to": ["[azure]", "[crates-io, azure, private]"],
    "extras": ["[pypy]", "[]", str(EXTRAS)],
}
CORE = "crates/core"
# What proprietary projects get instead.
PUBLIC = {"[pypi, private]": "[private]", "[crates-io, azure, private]": "[azure, private]"}


def choices() -> dict[str, list[Any]]:
    """Read from copier.yml the values that each question can have; None is the default."""
    values: dict[str, list[Any]] = {}
    for name, question in documents()[1].items():
        if question.get("when") is False or question.get("ask") is False or name in ADDRESSES:
            continue
        if name in OTHER:
            values[name] = [None, *OTHER[name]]
        elif name == "python_min":
            values[name] = known("versions.yml")["pythons"]
        else:
            values[name] = list(question["choices"].values())
    return values


def allowed(*values: object) -> bool:
    """Return whether these answers may go together: what is proprietary goes to no public registry."""
    return "proprietary" not in values or not any(public in values for public in PUBLIC)


def rows() -> list[dict[str, Any]]:
    """List sets of answers that hold every pair of values at least once."""
    values = choices()
    table = []
    for row in AllPairs(list(values.values())):
        answers = dict(zip(values, row, strict=True))
        if not allowed(*answers.values()):  # two rows instead, which hold the same pairs
            table.append({**answers, "license": "MIT"})
            for name in ("wheels_to", "crate_to"):
                answers[name] = PUBLIC.get(answers[name], answers[name])
        table.append(answers)
    return [
        {name: value for name, value in answers.items() if value is not None} | ADDRESSES
        for answers in table
    ]


@pytest.fixture(scope="session")
def projects(tmp_path_factory: pytest.TempPathFactory) -> list[Project]:
    """Render each set of answers once."""
    folder = tmp_path_factory.mktemp("pairs")
    return [render(folder / f"row{i}", **answers) for i, answers in enumerate(rows())]


def text_files(project: Project) -> dict[Path, str]:
    """Read every file."""
    return {path: (project.path / path).read_text("utf-8") for path in project.files()}


def test_every_pair_of_answers_is_there() -> None:
    values = choices()
    table = rows()
    for question, firsts in values.items():
        for other, seconds in values.items():
            seen = {(row.get(question), row.get(other)) for row in table}
            if question < other:
                wanted = {(a, b) for a in firsts for b in seconds if allowed(a, b)}
                assert seen >= wanted, (question, other)


def test_every_format_parses(projects: list[Project]) -> None:
    for project in projects:
        for path, text in text_files(project).items():
            if path.suffix == ".toml":
                tomllib.loads(text)
            elif path.suffix in (".yml", ".yaml"):
                assert yaml.load(text, yaml.CSafeLoader)  # the same in C: there are hundreds
            elif path.suffix in (".py", ".pyi"):
                compile(text, str(path), "exec")
            elif path.suffix == ".json":
                json.loads(re.sub(r"^\s*//.*", "", text, flags=re.MULTILINE))  # of editors


def test_nothing_is_left_unrendered_and_whitespace_is_clean(projects: list[Project]) -> None:
    for project in projects:
        hostile = project.answers()["description"]
        for path, text in text_files(project).items():
            names = ("py.typed", "justfile", ".copier-answers.yml")
            if path.name in names or path.suffix == ".just":
                continue
            plain = text.replace(hostile, "").replace(hostile.replace('"', '\\"'), "")
            if path.is_relative_to(".github"):  # expressions of GitHub's
                plain = re.sub(r"\$\{\{ .*? \}\}", "", plain)
            # There a description with braces stands quoted, which is another test's.
            quoted = (
                path.name in ("CITATION.cff", "README.md", "mkdocs.yml", "pyproject.toml")
                or path.parent.name == "core"
            )
            if not quoted or "{{" not in hostile:
                assert not re.search(r"\{\{|\{%|\{#|Undefined|None\b.*None\b.*None", plain), path
            assert text.endswith("\n"), path
            assert not text.endswith("\n\n"), path
            assert "\r" not in text, path
            assert "\n\n\n\n" not in text, path
            if "LICENSE" not in path.name:
                assert not re.search(r"[ \t]+$", text, re.MULTILINE), path
                prose = re.sub(
                    r"```.*?```", "code", text, flags=re.DOTALL
                )  # code keeps its blank lines
                assert path.suffix == ".py" or "\n\n\n" not in prose, path


def test_paths_are_short_and_legal_on_windows(projects: list[Project]) -> None:
    for project in projects:
        for path in project.files():
            assert len(str(path)) < 120
            assert not re.search(r'[<>:"\\|?*]', str(path))


def test_the_default_project_is_small(tmp_path: Path) -> None:
    assert len(list(render(tmp_path).files())) <= 60


# What RELEASING.md says of each registry: what to set there, and how people install from it.
RELEASING = {
    "pypi": [
        "| Environment name | `pypi` |",
        "within fourteen days",
        "\npip install new\nuv add new\n",
        "\njust publish pypi dist ID…\n",
        "- pypi: `UV_PUBLISH_TOKEN`",
    ],
    "crates-io": [
        "CARGO_REGISTRY_TOKEN=… just publish crates-io dist",
        "\ncargo add new\n",
        "- crates-io: `CARGO_REGISTRY_TOKEN`",
    ],
    "azure": [
        "`AZURE_CLIENT_ID` and `AZURE_TENANT_ID`",
        "\ncargo add new --registry azure\n",
        "- azure: `AZURE_TOKEN`",
    ],
    "private": [
        "- private: `UV_INDEX_PRIVATE_USERNAME` and `UV_INDEX_PRIVATE_PASSWORD`; `CARGO_REG",
        "`PRIVATE_CARGO_TOKEN`",
        "`PRIVATE_PASSWORD`",
        "\ncargo add new --registry private\n",
    ],
}


@pytest.mark.parametrize("chosen", [[], *([registry] for registry in RELEASING), list(RELEASING)])
def test_releasing_is_about_the_chosen_registries_only(tmp_path: Path, chosen: list[str]) -> None:
    wheels = [name for name in chosen if name != "crates-io"]
    crate = [name for name in chosen if name != "pypi"]
    project = render(tmp_path / "new", None, wheels_to=wheels, crate_to=crate, **ADDRESSES)
    text = (project / "RELEASING.md").read_text("utf-8")
    for registry, sentences in RELEASING.items():
        for sentence in sentences:
            assert (sentence in text) == (registry in chosen), sentence
    private = bool(set(wheels) - {"pypi"})
    assert ("Never mix two indexes with pip's `--extra-index-url`" in text) == private
    assert "require the checks *All green* and *Licences and sources of dependencies*" in text
    assert "Protect tags\n  that begin with `v`" in text
    assert ("from tags `v*` only" in text) == bool(chosen)
    assert "switch on immutable releases" in text
    assert "\njust wheels all\njust verify dist ID…\n" in text


def test_what_was_built_is_not_linted(tmp_path: Path) -> None:
    project = render(tmp_path / "new")  # without Git, whose rules ruff would read
    (project / "target/unpacked").mkdir(parents=True)
    (project / "target/unpacked/old.py").write_text("import os\n", "utf-8")
    project.run(sys.executable, "-m", "ruff", "check", "--no-cache")


def test_recipes_call_programs_that_every_system_has(tmp_path: Path) -> None:
    lines = (render(tmp_path) / "justfile").read_text("utf-8").splitlines()
    programs = {line.split()[0].lstrip("@") for line in lines if line.startswith("    ")}
    assert programs == {
        "cargo",
        "echo",
        "just",
        "rustup",
        "uv",
        "{{",
    }  # the last one is {{ python }}


def test_formatters_change_nothing(projects: list[Project]) -> None:
    for project in projects:
        ruff = [sys.executable, "-m", "ruff"]
        subprocess.run(
            [*ruff, "format", "--check", "--no-cache", "--quiet"], cwd=project.path, check=True
        )
        subprocess.run([*ruff, "check", "--no-cache", "--quiet"], cwd=project.path, check=True)
        rust = [str(path) for path in project.files() if path.suffix == ".rs"]
        command = ["rustfmt", "--check", "--edition", "2024"]
        result = subprocess.run(
            [*command, *rust], cwd=project.path, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("oldest", ["3.11", "3.15"])
def test_the_templates_own_programs_are_as_strict_as_the_rest(tmp_path: Path, oldest: str) -> None:
    """The project leaves them out, so that a rule of its own never has to fit them."""
    project = render(tmp_path / "new", python_min=oldest)
    programs = sorted(str(path) for path in project.files() if path.match("tools/*.py"))
    wide = "--line-length=120"
    for command in (["ruff", "format", "--check", wide], ["ruff", "check"], ["mypy"]):
        project.run(
            sys.executable,
            "-m",
            *command,
            *programs,
            env={"RUFF_NO_CACHE": "true", "MYPYPATH": "tools"},
        )
    assert "/tools/" not in project.run(sys.executable, "-m", "ruff", "check", "--show-files")
    settings = project.run(sys.executable, "-m", "ruff", "check", "--show-settings")
    assert f"linter.unresolved_target_version = {oldest}\n" in settings


def test_a_package_may_be_called_like_a_program(tmp_path: Path) -> None:
    """Later programs of the template must not clash with the packages of older projects."""
    project = render(tmp_path / "wheels")
    project.run(sys.executable, "-m", "mypy", "python")


def test_two_renders_are_identical(tmp_path: Path) -> None:
    first, second = (render(tmp_path / name / "my-package") for name in "ab")
    assert text_files(first) == text_files(second)


# How each licence text begins and ends.
TEXTS = {
    "MIT": ("MIT License\n\nCopyright (c) ", "OTHER DEALINGS IN THE\nSOFTWARE."),
    "Apache-2.0": (
        "\n                                 Apache License\n",
        "limitations under the License.",
    ),
    "BSD-3-Clause": ("BSD 3-Clause License\n\nCopyright (c) ", "POSSIBILITY OF SUCH DAMAGE."),
    "MPL-2.0": ("Mozilla Public License Version 2.0\n", "the Mozilla Public License, v. 2.0."),
    "proprietary": ("Copyright (c) ", "written permission of the\ncopyright holder."),
}
TEXTS |= {"LICENSE-MIT": TEXTS["MIT"], "LICENSE-APACHE": TEXTS["Apache-2.0"]}


def test_the_readme_of_each_licence_points_to_its_text(projects: list[Project]) -> None:
    texts = {
        "MIT": ["LICENSE"],
        "MIT OR Apache-2.0": ["LICENSE-APACHE", "LICENSE-MIT"],
    }
    for project in projects:
        expected = texts.get(project.answers()["license"], ["LICENSE"])
        published = project.answers()["crate_to"] or project.answers()["license"] == "proprietary"
        for folder, names in ((".", expected), (CORE, expected if published else [])):
            assert sorted(path.name for path in (project / folder).glob("LICENSE*")) == names
        for name in expected:
            assert re.search(
                rf"\]\((https://.*/)?{name}\)", (project / "README.md").read_text("utf-8")
            )
            text = (project / name).read_text("utf-8")
            assert not published or (project / f"{CORE}/{name}").read_text("utf-8") == text
            begin, end = TEXTS[name if "-" in name else project.answers()["license"]]
            assert text.startswith(begin)
            assert text.rstrip().endswith(end)


def test_the_licence_is_the_same_everywhere(projects: list[Project]) -> None:
    for project in projects:
        license = project.answers()["license"]
        proprietary = license == "proprietary"
        metadata = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
        assert metadata["license"] == ("LicenseRef-Proprietary" if proprietary else license)
        assert metadata["license-files"] == ["LICENSE*"]
        assert ("Private :: Do Not Upload" in metadata["classifiers"]) == proprietary
        workspace = tomllib.loads((project / "Cargo.toml").read_text("utf-8"))["workspace"]
        assert workspace["package"].get("license") == (None if proprietary else license)
        for name, path in (("core", "LICENSE"), ("py", "../../LICENSE")):
            text = (project / f"crates/{name}/Cargo.toml").read_text("utf-8")
            crate = tomllib.loads(text)["package"]
            inherited = {"license": {"workspace": True}}
            own = {key: value for key, value in crate.items() if key.startswith("license")}
            assert own == ({"license-file": path} if proprietary else inherited)


def test_the_oldest_python_is_the_same_everywhere(projects: list[Project]) -> None:
    for project in projects:
        oldest = project.answers()["python_min"]
        metadata = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
        assert metadata["requires-python"] == f">={oldest}"
        listed = [line[-4:] for line in metadata["classifiers"] if ":: 3." in line]
        pythons = known("versions.yml")["pythons"]
        assert listed == pythons[pythons.index(oldest) :]
        wrapper = tomllib.loads((project / "crates/py/Cargo.toml").read_text("utf-8"))
        features = [f"pyo3/abi3-py{oldest.replace('.', '')}", "pyo3/abi3t-py315"]
        assert wrapper["features"]["abi3"] == features


def test_the_core_knows_no_python(projects: list[Project]) -> None:
    for project in projects:
        for path, text in text_files(project).items():
            if path.is_relative_to("crates/core") and path.name != "LICENSE":
                assert "pyo3" not in text.lower().replace("copier-pyo3", ""), path


# Any text that fits on one line: quotes, backslashes, Markdown, Jinja, all of Unicode.
line = (
    st.text(
        st.characters(
            exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ufeff\ufffe\uffff"
        )
        | st.sampled_from("\"'\\#{}%*_`[]<>&|~$-+1.)(!:="),
        min_size=1,
        max_size=60,
    )
    .map(str.strip)
    .filter(bool)
)


def paragraph(markdown: str) -> str:
    """Return the first paragraph as a reader sees it."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    start = next(i for i, token in enumerate(tokens) if token.type == "paragraph_open")
    children = tokens[start + 1].children or []
    assert {token.type for token in children} <= {"text", "text_special"}
    return "".join(token.content for token in children)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(description=line, user_name=line)
def test_any_text_survives_in_every_format(
    tmp_path_factory: pytest.TempPathFactory, description: str, user_name: str
) -> None:
    folder = tmp_path_factory.mktemp("text")
    project = render(folder, description=description, user_name=user_name)
    metadata = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    assert metadata["description"] == description
    assert metadata["authors"] == [{"name": user_name}]
    core = tomllib.loads((project / "crates/core/Cargo.toml").read_text("utf-8"))
    assert core["package"]["description"] == description
    assert project.answers()["description"] == description
    assert paragraph((project / "README.md").read_text("utf-8")) == description
    assert user_name in (project / "LICENSE").read_text("utf-8")


name = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,30}[A-Za-z0-9])?", fullmatch=True)


@settings(max_examples=8, deadline=None)
@given(project_name=name)
def test_any_name_is_refused_or_renders(
    tmp_path_factory: pytest.TempPathFactory, project_name: str
) -> None:
    folder = tmp_path_factory.mktemp("name")
    try:
        project = render(folder / "new", project_name=project_name)
    except ValueError as refusal:
        assert re.search("[Tt](ype|ry) ", str(refusal))  # noqa: PT017  # most names are no error
        assert not (folder / "new").exists()
        return
    answers = project.answers()
    assert answers["project_name"] == project_name
    assert answers["package_name"].isidentifier()
    assert re.fullmatch("[a-z][a-z0-9_-]*", answers["crate_name"])


def test_every_template_file_is_valid_jinja() -> None:
    environment = Environment(autoescape=False)  # it renders no HTML
    for path in (ROOT / "template").rglob("*.jinja"):
        environment.parse(path.read_text("utf-8"))


def test_the_examples_are_what_the_template_renders(tmp_path: Path) -> None:
    render_examples(tmp_path)
    committed, rendered = Project(ROOT / "examples"), Project(tmp_path)
    names = {Path(name) for name in git(ROOT, "ls-files", "examples").splitlines()}
    assert {path.relative_to("examples") for path in names} == set(rendered.files())
    for path, text in text_files(rendered).items():
        assert (committed.path / path).read_text("utf-8") == text, f"{path}: type `just examples`"


# What sp-repo-review looks for under another name, and what stands in its place.
JUSTFILE = {"PY007": "the task runner is just", "SEC001": "a recipe runs zizmor, here and at home"}
ELSEWHERE = {
    "project": {
        **JUSTFILE,
        "GH210": "pins of actions are the template's: `just update` raises them",
        "PY006": "prek.toml, with extras=hooks",
    },
    "template": {
        **JUSTFILE,
        "PP002": "nothing is built from the template, so it has no build-system",
        "PP003": "as above",
        "PY006": "CI runs `just check`, and no hook is offered",
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("what", ["project", "template"])
def test_scientific_pythons_review_finds_nothing_else(tmp_path: Path, what: str) -> None:
    # https://learn.scientific-python.org/development/guides/repo-review/
    folder = ROOT if what == "template" else render(tmp_path / "new", extras="[docs, hooks]").path
    review = (tool("sp-repo-review"), "--format", "json", ".")
    result = subprocess.run(review, cwd=folder, stdout=subprocess.PIPE, check=False)
    checks = json.loads(result.stdout)["checks"]
    assert len(checks) > 50
    failed = {name for name, check in checks.items() if check["result"] is False}
    assert failed == set(ELSEWHERE[what])


@pytest.mark.slow
@pytest.mark.parametrize("license_", ["MIT", "MIT OR Apache-2.0", "proprietary"])
def test_the_citation_follows_its_schema(tmp_path: Path, license_: str) -> None:
    project = render(tmp_path / "new", extras="[citation]", license=license_)
    check = (tool("check-jsonschema"), "--builtin-schema", "vendor.citation-file-format")
    project.run(*check, "CITATION.cff")
    project.replace("CITATION.cff", "type: software", "type: program")
    project.run(*check, "CITATION.cff", code=1)


def test_the_form_for_bugs_follows_its_schema(projects: list[Project]) -> None:
    form = ".github/ISSUE_TEMPLATE/bug.yml"
    check = (tool("check-jsonschema"), "--builtin-schema", "vendor.github-issue-forms")
    projects[0].run(*check, form)
