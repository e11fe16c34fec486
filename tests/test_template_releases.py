"""A release of the template is a row of releases.yml that keeps what earlier ones promised."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import releases
import yaml
from packaging.version import Version
from project import ROOT, git, posix
from releases import RELEASES
from test_questions import documents, known
from versions import GONE, owner


def at(version: str, path: str) -> str:
    """Read a file of a release."""
    return git(ROOT, "show", f"{RELEASES[version]}:{path}")


def released_documents(version: str) -> list[dict[str, Any]]:
    """Read copier.yml of a release without its includes."""
    return whole_documents(at(version, "copier.yml"))


def whole_documents(text: str) -> list[dict[str, Any]]:
    """Parse copier.yml without its includes, with the questions of each kind."""
    return [document for document in yaml.safe_load_all(text.replace("!include", "#")) if document]


def default_of_now(name: str) -> str:
    """Write out all defaults, which may read an older question."""
    return " ".join(str(q.get("default")) for q in documents()[1].values() if name in str(q))


def paths(text: str) -> set[str]:
    """List paths of templates as the rendered project has them."""
    return {path.removeprefix("template/").removesuffix(".jinja") for path in text.splitlines()}


def test_versions_rise() -> None:
    versions = [Version(version) for version in RELEASES]
    assert versions == sorted(set(versions))
    assert [str(version) for version in versions] == list(RELEASES)


def test_each_version_is_a_commit_of_this_history() -> None:
    assert git(ROOT, "rev-parse", "--is-shallow-repository") == "false", "fetch the whole history"
    for commit in RELEASES.values():
        assert re.fullmatch("[0-9a-f]{40}", commit)
        git(ROOT, "merge-base", "--is-ancestor", commit, "HEAD")
    for commit in git(ROOT, "log", "--format=%H", "--", "releases.yml").splitlines():
        before = yaml.safe_load(git(ROOT, "show", f"{commit}:releases.yml")) or {}
        assert before.items() <= RELEASES.items(), f"{commit} had other rows"


def test_the_changelog_has_every_version() -> None:
    for version in RELEASES:
        assert releases.notes(version), f"CHANGELOG.md has no section {version}"


@pytest.mark.parametrize("version", RELEASES)
def test_a_file_that_is_given_up_stays_where_plain_copier_updates(version: str) -> None:
    """Copier would delete it with what people made of it; `just update` makes a conflict of that."""
    listing = git(ROOT, "ls-tree", "-r", "--name-only", RELEASES[version], "template/")
    given_up = {f"/{path}" for path in paths(listing) - paths(git(ROOT, "ls-files", "template/"))}
    assert {path for path in given_up if owner(path) == "template"} <= {*GONE}


@pytest.mark.parametrize("version", RELEASES)
def test_no_question_or_choice_of_a_release_is_gone(version: str) -> None:
    now = whole_documents((ROOT / "copier.yml").read_text("utf-8"))[1]
    for name, question in released_documents(version)[1].items():
        if question.get("when") is False:
            continue
        assert name in now or f"{name} | default(" in default_of_now(name), (
            f"no default reads {name}"
        )
        if isinstance(question.get("choices"), dict) and name in now:
            offered = set(map(str, now[name]["choices"].values()))
            for value in map(str, question["choices"].values()):
                assert value in offered or f"'{value}'" in str(now[name]["default"]), (name, value)


@pytest.mark.parametrize("version", RELEASES)
def test_no_python_and_no_platform_of_a_release_is_gone(version: str) -> None:
    """Copier takes another one silently where a choice is gone."""
    then = yaml.safe_load(at(version, "extensions/versions.yml"))["versions"]["default"]
    assert set(then["pythons"]) <= set(known("versions.yml")["pythons"])
    suffix = "yml" if Version(version) <= Version("1.0.5") else "json"
    ids = re.findall(r'\bid"?: "?([\w-]+)', at(version, f"extensions/platforms.{suffix}"))
    assert {"manylinux-x86_64"} <= {*ids} <= {row["id"] for row in known("platforms.json")}


@pytest.mark.parametrize("version", RELEASES)
def test_no_release_needs_trust(version: str) -> None:
    settings = released_documents(version)[0]
    assert not settings.keys() & {"_jinja_extensions", "_migrations", "_tasks"}


def test_the_checklist_names_tests_that_there_are() -> None:
    checklist = (ROOT / "docs/releasing.md").read_text("utf-8")
    names = re.findall(r"\| `(test_\w+)` \|", checklist)
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").glob("test_*.py"))
    assert len(names) == 14
    assert [name for name in names if f"def {name}(" not in tests] == []


# Stands for GitHub's client, which cannot reach GitHub here: https://cli.github.com/manual/gh_release_list
GH = "#!/bin/sh\necho 0.1.0\n"


@posix
def test_each_new_row_is_listed_with_its_notes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gh").write_text(GH)
    (tmp_path / "gh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setattr(releases, "RELEASES", {"0.1.0": "a" * 40, "0.2.0": "b" * 40})
    monkeypatch.setattr(releases, "notes", lambda version: f"What {version} brings.")
    releases.main(tmp_path / "notes")
    rows = [{"version": "0.2.0", "commit": "b" * 40}]
    assert json.loads(capsys.readouterr().out) == rows
    assert (tmp_path / "output").read_text() == f"missing={json.dumps(rows)}\n"
    assert (tmp_path / "notes/0.2.0.md").read_text() == "What 0.2.0 brings."
    assert {path.name for path in (tmp_path / "notes").iterdir()} == {"0.2.0.md", "list.json"}


def test_the_job_whose_token_can_write_installs_nothing() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text("utf-8"))["jobs"]
    assert jobs["notes"]["permissions"] == {"contents": "read"}
    assert jobs["release"]["permissions"] == {"contents": "write"}
    download, create = jobs["release"]["steps"]
    assert download["uses"].startswith("actions/download-artifact@")
    assert create["run"].startswith('gh release create "$VERSION" --target "$COMMIT"')
