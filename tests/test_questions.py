"""Every answer is checked with a helpful message, and no trust is needed."""

import dataclasses
import keyword
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from copier._user_data import Question
from project import ROOT, render, template

IMAGES = ("kind", "images_to")  # what only a repository of images stores


def documents() -> list[dict[str, Any]]:
    """Read copier.yml without its includes, as a project sees it: test_images.py has the questions of the other kind."""
    text = (ROOT / "copier.yml").read_text("utf-8").replace("!include", "#")
    text = text.replace("""  when: "{{ kind == 'project' }}"\n""", "").replace(
        "kind == 'project' and ", ""
    )
    settings, questions = (document for document in yaml.safe_load_all(text) if document)
    return [settings, {name: questions[name] for name in questions if name not in IMAGES}]


QUESTIONS = documents()[1]
EXTRAS = list(QUESTIONS["extras"]["choices"].values())
# What is stored where nothing but defaults are taken: questions without a condition.
STORED = {name for name, question in QUESTIONS.items() if "when" not in question}


def known(file: str) -> Any:  # noqa: ANN401  # YAML holds anything
    """Read a file of extensions/, whose YAML or JSON Python's YAML reads alike."""
    loaded = yaml.safe_load((ROOT / "extensions" / file).read_text("utf-8"))
    return loaded["versions"]["default"] if file == "versions.yml" else loaded


def reserved(*reasons: str) -> set[str]:
    """Return the names that are reserved for these reasons."""
    return {name for reason in reasons for name in known("reserved.json")[reason]}


@pytest.mark.parametrize(
    "folder",
    [
        *(
            "my-package",
            "My Package",
            "größe",
            "async",
            "3d-tools",
            "x" * 80,
            "pytest",
            ".hidden",
            "_",
        ),
        *("test-package", "test-collatz", "py", "packaging", "dist"),
    ],
)
def test_the_defaults_work_in_a_folder_of_any_name(tmp_path: Path, folder: str) -> None:
    project = render(tmp_path / folder)
    assert set(project.answers()) - {"_src_path", "_commit"} == STORED
    assert (project / f"python/{project.answers()['package_name']}/__init__.py").exists()


@pytest.mark.parametrize(
    ("project", "package", "crate"),
    [
        ("my-package", "my_package", "my-package"),
        ("My.Package", "my_package", "my-package"),
        ("3d-tools", "py3d_tools", "rs3d-tools"),
        ("a__b", "a_b", "a-b"),
    ],
)
def test_other_names_follow_from_the_projects(
    tmp_path: Path, project: str, package: str, crate: str
) -> None:
    answers = render(tmp_path, project_name=project).answers()
    assert (answers["package_name"], answers["crate_name"]) == (package, crate)


@pytest.mark.parametrize(
    ("question", "answer", "message"),
    [
        ("project_name", "", "Try my-package: project_name is empty."),
        (
            "project_name",
            "größe",
            'Try my-package: project_name "größe" cannot be used. It may hold ASCII',
        ),
        ("project_name", "-x", 'project_name "-x" cannot be used. It may hold ASCII letters'),
        ("project_name", "a/b", 'project_name "a/b" cannot be used. It may hold ASCII letters'),
        ("project_name", "x\n", "cannot be used. It may hold ASCII letters"),
        (
            "project_name",
            "json",
            'Try json-rs: project_name "json" is a module of Python\'s standard',
        ),
        ("project_name", "con", 'Try con-rs: project_name "con" is a device name of Windows.'),
        (
            "project_name",
            "pytest",
            'Try pytest-rs: project_name "pytest" is a dependency of the project itself.',
        ),
        (
            "project_name",
            "x" * 65,
            "Type a shorter name: project_name has 65 characters and may have 64.",
        ),
        (
            "package_name",
            "my-package",
            'Try my_package: package_name "my-package" cannot be used. It may hold lower-case',
        ),
        ("package_name", "3d", "does not begin with a digit."),
        ("package_name", "class", 'Try class_rs: package_name "class" is a keyword of Python.'),
        ("package_name", "_rust", "is a name that the project already uses"),
        ("package_name", "test_package", "is a name that the project already uses"),
        ("package_name", "packaging", 'Try packaging_rs: package_name "packaging" is a module of'),
        ("package_name", "json.tools", "is a module of Python's standard library"),
        ("package_name", "acme.class", 'package_name "acme.class" is a keyword of Python.'),
        ("package_name", "acme..tools", 'package_name "acme..tools" cannot be used.'),
        ("crate_name", "my crate", 'Try my-package: crate_name "my crate" cannot be used. It may'),
        ("crate_name", "Core", "is a crate of Rust's standard library"),
        (
            "crate_name",
            "pyo3",
            'Try pyo3-core: crate_name "pyo3" is a crate that the project needs',
        ),
        ("crate_name", "core", "is a crate of Rust's standard library"),
        ("crate_name", "proc-macro", "is a crate of Rust's standard library"),
        ("crate_name", "3d", "begins with a letter."),
        (
            "description",
            "a\nb",
            "Type one line of plain text: description holds a line break, another",
        ),
        (
            "description",
            "a\x7fb",
            "Type one line of plain text: description holds a line break, another",
        ),
        ("description", "a ", "Type it without the blank: description begins or ends with one."),
        (
            "user_name",
            "A\tB",
            "Type one line of plain text: user_name holds a line break, another",
        ),
        (
            "user_email",
            "ada",
            'Try ada@example.org: user_email "ada" is no e-mail address. It may be empty.',
        ),
        ("user_email", 'a"@b.org', "Try ada@example.org: user_email "),
        ("repository_url", "github.com/a/b", "Type https://HOST/OWNER/NAME: repository_url "),
        ("repository_url", "https://github.com:99999/a/b", "is no address of a repository"),
        ("repository_url", "http://github.com/a/b", "is no address of a repository"),
        ("repository_url", "https://me:secret@github.com/a/b", "Type it without a password: repo"),
        ("user_email", "a\x07@b.org", "Try ada@example.org: user_email "),
        ("user_email", "a@b.or\u2028g", "Try ada@example.org: user_email "),
        ("description", "a\udcffb", "Type one line of plain text: description holds a line break"),
        ("description", "x" * 513, "Type a shorter line: description has 513 characters, and PyPI"),
        ("edition", "2025", 'Try 2024: edition "2025" is no edition of Rust.'),
        ("msrv", "2.0", 'msrv "2.0" is no version of Rust.'),
        ("pyo3_version", "01.02", 'pyo3_version "01.02" is no version.'),
        ("license", "GPL-9", "Invalid choice for 'license'"),
        ("python_min", "3.10", "Invalid choice for 'python_min'"),
        ("wheels_to", "[testpypi]", "Invalid choice for 'wheels_to'"),
        ("crate_to", "[pypi]", "Invalid choice for 'crate_to'"),
        ("wheels_to", "[azure]", 'Question "azure_organization" is required'),
        (
            "crate_to",
            "[private]",
            'Question "private_registry_url" is required',
        ),
        ("platforms", "all", "Invalid choice for 'platforms'"),
        ("extras", "[jython]", "Invalid choice for 'extras'"),
        ("starter", "all", "Invalid choice for 'starter'"),
    ],
)
def test_a_wrong_answer_is_refused_with_what_to_type(
    tmp_path: Path, question: str, answer: str, message: str
) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011  # the message is compared below
        render(tmp_path / "project", None, **{question: answer})
    assert message in str(refusal.value)
    assert not (tmp_path / "project").exists()


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("project_name", "new"),
        ("package_name", "new"),
        ("crate_name", "new"),
        ("user_email", "ada@example.org"),
        ("repository_url", "https://github.com/ada/new"),
        ("library_name", "new_rust"),
        ("pyo3_version", "0.30.1"),
        ("msrv", "1.85"),
        ("edition", "2024"),
    ],
)
def test_a_line_break_at_the_end_is_refused(tmp_path: Path, question: str, answer: str) -> None:
    """As a block of YAML in a data file has it; the same without it is accepted."""
    render(tmp_path / "accepted", None, **{question: answer})
    with pytest.raises(ValueError, match=f"question '{question}'"):
        render(tmp_path / "refused", None, **{question: f"{answer}\n"})


ADDRESSES = {
    "azure_organization": "contoso",
    "azure_project": "My Project",
    "azure_feed": "feed",
    "private_index_url": "https://registry.example.org/pypi/simple",
    "private_upload_url": "https://registry.example.org/pypi/upload/",
    "private_registry_url": "https://registry.example.org/cargo/index",
}
EVERYWHERE = {
    "wheels_to": "[pypi, azure, private]",
    "crate_to": "[crates-io, azure, private]",
    **ADDRESSES,
}


@pytest.mark.parametrize(
    ("question", "answer", "message"),
    [
        ("azure_organization", "con/toso", "Try contoso: azure_organization "),
        ("azure_project", "a/b", 'azure_project "a/b" is no name in Azure DevOps'),
        ("azure_feed", "", "Try my-feed: azure_feed is empty."),
        ("private_index_url", "registry.example.org", "Begin with https://: private_"),
        (
            "private_index_url",
            "http://registry.example.org/simple",
            "Begin with https://: private_index_url",
        ),
        ("private_index_url", "https://me:secret@example.org/simple", "Type it without the user: "),
        ("private_index_url", "HTTPS://me@example.org/simple", "Type it without the user: "),
        ("private_index_url", "https://example.org:65536/simple", "Begin with https://: private_"),
        ("azure_project", "a_b.", 'azure_project "a_b." is no name in Azure DevOps'),
        ("azure_project", "_x", 'azure_project "_x" is no name in Azure DevOps'),
        ("azure_organization", "contoso\n", "Try contoso: azure_organization "),
        (
            "private_index_url",
            "https://registry.example.org/pypi/upload/",
            "Type what pip reads: private_index_url",
        ),
        (
            "private_upload_url",
            "https://registry.example.org/pypi/simple/",
            "Type the upload address: private_upload_url",
        ),
        ("private_registry_url", "ftp://example.org", "Begin with https://: private_"),
    ],
)
def test_a_wrong_address_is_refused_with_what_to_type(
    tmp_path: Path, question: str, answer: str, message: str
) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011  # the message is compared below
        render(tmp_path / "project", None, **{**EVERYWHERE, question: answer})
    assert message in str(refusal.value)


@pytest.mark.parametrize(("question", "public"), [("wheels_to", "pypi"), ("crate_to", "crates-io")])
def test_proprietary_code_goes_to_no_public_registry(
    tmp_path: Path, question: str, public: str
) -> None:
    message = f"Leave out {public}: {question} holds it, and the licence is proprietary."
    with pytest.raises(ValueError, match=message):
        render(tmp_path / "new", None, license="proprietary", **{question: f"[{public}]"})
    assert render(tmp_path / "default", license="proprietary").answers()["wheels_to"] == []


@pytest.mark.parametrize(
    ("address", "repository", "issues", "changelog"),
    [
        (
            "https://github.com/ada/new/tree/main/docs",
            "https://github.com/ada/new",
            "/issues",
            "/blob/main/",
        ),
        (
            "https://github.com/ada/new?tab=readme-ov-file#usage",
            "https://github.com/ada/new",
            "/issues",
            "/blob/main/",
        ),
        ("git@github.com:ada/new.git", "https://github.com/ada/new", "/issues", "/blob/main/"),
        (
            "HTTPS://github.com/python-gitlab/new",
            "https://github.com/python-gitlab/new",
            "/issues",
            "/blob/main/",
        ),
        (
            "https://gitlab.com/ada/github-tools/",
            "https://gitlab.com/ada/github-tools",
            "/-/issues",
            "/-/blob/main/",
        ),
        (
            "https://gitlab.com/a/b/c/-/tree/main",
            "https://gitlab.com/a/b/c",
            "/-/issues",
            "/-/blob/main/",
        ),
        (
            "https://codeberg.org/ada/new",
            "https://codeberg.org/ada/new",
            "/issues",
            "/src/branch/main/",
        ),
        (
            "https://bitbucket.org/ada/new/src/main/",
            "https://bitbucket.org/ada/new",
            "/issues",
            "/src/main/",
        ),
        (
            "https://contoso@dev.azure.com/contoso/My Project/_git/new",
            "https://dev.azure.com/contoso/My%20Project/_git/new",
            None,
            "?version=GBmain&path=/",
        ),
        (
            "https://git.example.org:8443/ada/new.git",
            "https://git.example.org:8443/ada/new",
            "/issues",
            "/blob/main/",
        ),
    ],
)
def test_a_repository_is_given_as_people_copy_it(
    tmp_path: Path, address: str, repository: str, issues: str | None, changelog: str
) -> None:
    project = render(tmp_path / "new", repository_url=address)
    urls = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]["urls"]
    expected = {
        "Repository": repository,
        "Issues": issues and repository + issues,
        "Changelog": f"{repository}{changelog}CHANGELOG.md",
    }
    assert urls == {name: url for name, url in expected.items() if url}
    assert f"({repository}{changelog}CONTRIBUTING.md)" in (project / "README.md").read_text("utf-8")
    security = (project / "SECURITY.md").read_text("utf-8")
    assert ("/security/advisories/new" in security) == ("//github.com" in repository)


@pytest.mark.parametrize(
    ("answers", "index"),
    [
        (
            {"azure_project": "Größe"},
            "https://pkgs.dev.azure.com/contoso/Gr%C3%B6%C3%9Fe/_packaging/feed/pypi/simple/",
        ),
        (
            {"azure_project": "Data (EU)"},
            "https://pkgs.dev.azure.com/contoso/Data%20%28EU%29/_packaging/feed/pypi/simple/",
        ),
        (
            {"private_index_url": "HTTPS://example.org/uploads/my pypi:8/simple"},
            "https://example.org/uploads/my%20pypi:8/simple/",
        ),
        ({"private_index_url": "http://[::1]:8080/simple"}, "http://[::1]:8080/simple/"),
    ],
)
def test_an_index_is_given_as_people_copy_it(
    tmp_path: Path, answers: dict[str, str], index: str
) -> None:
    project = render(tmp_path / "new", None, **{**EVERYWHERE, **answers})
    uv = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["tool"]["uv"]
    assert index in [row["url"] for row in uv["index"]]


def test_addresses_are_spelt_as_cargo_and_uv_need_them(tmp_path: Path) -> None:
    project = render(tmp_path / "new", None, **EVERYWHERE)
    cargo = tomllib.loads((project / ".cargo/config.toml").read_text("utf-8"))["registries"]
    feed = "https://pkgs.dev.azure.com/contoso/My%20Project/_packaging/feed"
    assert {name: registry["index"] for name, registry in cargo.items()} == {
        "azure": f"sparse+{feed}/Cargo/index/",
        "private": "sparse+https://registry.example.org/cargo/index/",
    }
    uv = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["tool"]["uv"]
    assert [(index["name"], index["url"], index["publish-url"]) for index in uv["index"]] == [
        ("azure", f"{feed}/pypi/simple/", f"{feed}/pypi/upload/"),
        (
            "private",
            "https://registry.example.org/pypi/simple/",
            "https://registry.example.org/pypi/upload/",
        ),
    ]
    assert all(index["explicit"] for index in uv["index"])
    assert uv["exclude-newer"] == "7 days"
    assert all(index["exclude-newer"] is False for index in uv["index"])
    core = tomllib.loads((project / "crates/core/Cargo.toml").read_text("utf-8"))["package"]
    assert core["publish"] == ["crates-io", "azure", "private"]
    organisation = render(tmp_path / "organisation", None, **{**EVERYWHERE, "azure_project": ""})
    short = "sparse+https://pkgs.dev.azure.com/contoso/_packaging/feed/Cargo/index/"
    assert short in (organisation / ".cargo/config.toml").read_text("utf-8")


def test_without_private_registries_nothing_is_set_up_for_them(tmp_path: Path) -> None:
    project = render(tmp_path / "new", crate_to="[crates-io]")
    assert "registries" not in (project / ".cargo/config.toml").read_text("utf-8")
    uv = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["tool"]["uv"]
    assert "index" not in uv
    assert uv["exclude-newer"] == "7 days"
    workflows = {path.name for path in (project / ".github/workflows").glob("publish-*")}
    assert workflows == {"publish-pypi.yml", "publish-crates-io.yml"}


def test_a_list_without_brackets_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    """Copier itself refuses it, before a template can: `just answer` and README say how."""
    command = [sys.executable, "-m", "copier", "copy", "--defaults", "-d", "wheels_to=pypi"]
    command += [str(template()), str(tmp_path / "new")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.endswith("TypeError: Not a YAML list: 'pypi'\n")
    assert not (tmp_path / "new").exists()
    readme = " ".join((ROOT / "README.md").read_text("utf-8").split())
    assert "Copier wants lists in brackets: `--data 'wheels_to=[pypi, azure]'`" in readme


def test_on_the_command_line_the_message_comes_last(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "copier", "copy", "--defaults", "-d", "project_name=json"]
    result = subprocess.run(
        [*command, str(template()), str(tmp_path / "new")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.endswith('project_name "json" is a module of Python\'s standard library.')
    assert not (tmp_path / "new").exists()


def test_copier_yml_has_no_misspelt_key_and_needs_no_trust() -> None:
    settings, questions = documents()
    assert set(settings) == {
        "_subdirectory",
        "_min_copier_version",
        "_envops",
        "_exclude",
        "_message_after_copy",
        "_message_after_update",
    }
    keys = {field.name for field in dataclasses.fields(Question)} | {"ask"}
    for name, question in questions.items():
        assert set(question) <= keys, name


def test_every_question_asked_has_help_that_is_a_sentence() -> None:
    for name, question in QUESTIONS.items():
        if name in STORED and question.get("ask") is not False:
            assert question["help"].rstrip().endswith((".", "?")), name
            assert "placeholder" in question or "choices" in question, name


def test_reserved_names_are_those_of_python() -> None:
    assert {word for word in keyword.kwlist if word.islower()} == reserved("a keyword of Python")
    modules = {name.lower() for name in sys.stdlib_module_names if not name.startswith("__")}
    assert modules <= reserved("a module of Python's standard library")


@pytest.mark.slow
def test_no_project_is_called_like_what_it_needs(tmp_path: Path) -> None:
    """Else uv finds no solution, and the very first command fails."""
    project = render(tmp_path / "new", extras=str(EXTRAS))
    project.run("uv", "lock")
    lock = tomllib.loads((project / "uv.lock").read_text("utf-8"))
    needed = {re.sub("[-.]", "_", package["name"]) for package in lock["package"]} - {"new"}
    names = reserved(*known("reserved.json"))
    assert needed - names == set()
    programs = {path.stem for path in (project / "tools").glob("*.py")}
    assert programs - names == set(), "they would be imported in the package's place"


@pytest.mark.parametrize("name", ["csv", "time", "uuid", "itertools", "base64", "rich", "class"])
def test_a_crate_may_be_called_like_a_module_of_python(tmp_path: Path, name: str) -> None:
    answers = {"project_name": "my-project", "crate_name": name}
    assert render(tmp_path / "new", None, None, **answers).answers()["crate_name"] == name


@pytest.mark.nightly
@pytest.mark.slow
def test_a_crate_with_capitals_and_a_package_in_a_namespace_are_green(tmp_path: Path) -> None:
    project = render(tmp_path / "new", crate_name="Inflector", package_name="acme.tools")
    assert (project / "python/acme/tools/__init__.py").exists()
    assert not (project / "python/acme/__init__.py").exists()
    assert "All checks passed." in project.just("setup", "check")
    assert "longest_chain, one call" in project.just("race")
    project.just("wheels")


@pytest.mark.slow
def test_a_package_may_be_called_whatever_python_imports(tmp_path: Path) -> None:
    """Each reserved name, and a hundred beside it, is really imported as a package of a project is."""
    project = render(tmp_path / "new", extras=str(EXTRAS))
    project.run("uv", "sync", "--quiet", "--all-groups")
    tools, own = "a module of its tools", "a name that the project already uses"
    # Of Windows; of pytest; and three namespaces, which would give way to the package, and break mypy, copier and the site.
    elsewhere = {"colorama", "conftest", "librt", "mkdocstrings_handlers", "ruamel"}
    broken = reserved("a keyword of Python", tools, own) - elsewhere
    free = {f"{name}_rs" for name in sorted(reserved(tools, own))} | {
        "dist",
        "target",
        "fn",
        "trait",
        "build_rs",
    }
    for name in broken | free:
        package = project / f"packages/{name}"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
    script = """
import importlib.machinery, keyword, pathlib, sys
sys.path[:] = [f"{sys.argv[1]}/tests", f"{sys.argv[1]}/python", *sys.path[1:], f"{sys.argv[1]}/packages"]
for package in sorted(pathlib.Path(sys.argv[1], "packages").iterdir()):
    spec = importlib.machinery.PathFinder.find_spec(package.name)
    if package.name in keyword.kwlist or spec.origin != f"{package}/__init__.py":
        print(package.name)
"""
    read = project.run(
        "uv", "run", "--no-sync", "--quiet", "python", "-c", script, str(project.path)
    )
    names = {name.lower() for name in read.split()}
    assert (names - broken, broken - names - reserved(own)) == (set(), set())
    assert names & free == set()
    script = "import importlib.metadata as m; print(*m.packages_distributions(), sep='\\n')"
    installed = project.run("uv", "run", "--no-sync", "--quiet", "python", "-c", script).split()
    modules = {name.lower() for name in installed if re.fullmatch(r"[A-Za-z_]\w*", name)}
    compiled = {name for name in modules if name.endswith("__mypyc")}  # a name for each build
    assert modules - compiled - {"_rust", "new"} <= reserved(*known("reserved.json"))


@pytest.mark.parametrize("reason", ["a keyword of Rust", "a name that Cargo refuses"])
def test_reserved_names_are_those_of_cargo(tmp_path: Path, reason: str) -> None:
    # Cargo accepts these as packages, though they are keywords or would-be keywords of the language.
    accepted = {"gen"}
    for name in reserved(reason) - accepted:
        command = ["cargo", "new", "--quiet", "--lib", "--vcs=none", str(tmp_path / name)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 101, name


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            "starter=minimal",
            "https://pypi.org/project/my-package/ and https://crates.io/crates/my-pa",
        ),
        (
            "starter=none",
            "Your crate goes into crates/core. CONTRIBUTING.md says how Python gets to see it.",
        ),
        (
            "license=proprietary",
            "The project is marked as private, so public registries refuse it.",
        ),
    ],
)
def test_the_message_after_copy_names_the_next_lines(
    tmp_path: Path, answer: str, sentence: str
) -> None:
    command = [sys.executable, "-m", "copier", "copy", "--defaults", "-d", answer, str(template())]
    result = subprocess.run(
        [*command, str(tmp_path / "my-package")], capture_output=True, text=True, check=True
    )
    lines = [line.strip().split("  ")[0] for line in result.stderr.splitlines()]
    start = lines.index(f"cd {tmp_path / 'my-package'}")
    just = "uvx --from rust-just just"
    recipes = [f"{just} {recipe}" for recipe in ("setup", "check", "wheels")]
    assert lines[start + 1 : start + 6] == [
        "git init --initial-branch main",
        "uv run pytest",
        *recipes,
    ]
    assert sentence in result.stderr


def test_proprietary_code_is_marked_as_private(tmp_path: Path) -> None:
    project = render(tmp_path, license="proprietary")
    assert '"Private :: Do Not Upload"' in (project / "pyproject.toml").read_text("utf-8")
    assert 'license-file = "LICENSE"' in (project / "crates/core/Cargo.toml").read_text("utf-8")


def test_a_folder_that_is_not_empty_keeps_its_files(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    command = [sys.executable, "-m", "copier", "copy", "--defaults", str(template()), str(tmp_path)]
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert (tmp_path / "README.md").read_text() == "mine"
    assert result.returncode == 1
    assert re.search(r"conflict\S*  README.md", result.stderr)
    assert "Consider using `--overwrite`" in result.stderr
