"""What is no longer the newest is found, and one issue is kept about it."""

from pathlib import Path

import freshness
import pytest
from project import ROOT, posix

# Stands for GitHub's client, which cannot reach GitHub here: https://cli.github.com/manual/
GH = """#!/bin/bash
echo "$*" >> {log}
case "$*" in
*releases/latest*) echo v9.9.9 ;;
*commits/v9.9.9*) echo 0123456789012345678901234567890123456789 ;;
"issue list"*) cat {number} ;;
"issue create"* | "issue edit"*) cat > {body} ;;
esac
"""


def test_versions_are_compared_with_the_registries() -> None:
    text = 'pyo3: 0.1.0 # crates.io: pyo3\nmaturin: "1" # PyPI: maturin\n'
    (old,) = freshness.old_versions(text)
    assert old.startswith("pyo3 is 0.1.0, and crates.io has 0.")
    (old,) = freshness.old_versions("# For Linux.\nuv==0.1.0 \\\n    --hash=sha256:0\n")
    assert old.startswith("uv is 0.1.0, and PyPI has 0.")


def test_ranges_that_leave_out_the_newest_are_named() -> None:
    text = (ROOT / "template/pyproject.toml.jinja").read_text("utf-8")
    assert {name for name, _ in freshness.RANGE.findall(text)} == {
        "cibuildwheel",
        "copier",
        "maturin",
    }
    (old,) = freshness.old_ranges('  "copier>=8,<9",\n  "maturin>={{ versions.maturin }},<99"')
    assert old.startswith("copier in template/pyproject.toml.jinja is below 9; PyPI has ")


def test_every_version_that_a_registry_has_is_annotated() -> None:
    text = (ROOT / "extensions/versions.yml").read_text("utf-8")
    assert {found[0] for found in freshness.ANNOTATED.findall(text)} == {"pyo3", "maturin"}


def test_uv_has_one_version_everywhere() -> None:
    paths = [ROOT / "docs/bots.md"]
    for folder in ("template/.github", ".github"):
        paths += (ROOT / folder).glob("*s/**/*.yml")
    text = "".join(path.read_text("utf-8") for path in paths)
    versions = [row[1] for row in freshness.ANNOTATED.findall(text) if row[3] == "uv"]
    assert len(versions) == text.count("uses: astral-sh/setup-uv@")
    assert len(set(versions)) == 1


@posix
@pytest.mark.parametrize(("number", "verb"), [("", "create"), ("7", "edit 7")])
def test_one_issue_lists_what_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: str, verb: str
) -> None:
    paths = {name: tmp_path / name for name in ("log", "number", "body")}
    paths["number"].write_text(number)
    (tmp_path / "gh").write_text(GH.format(**paths))
    (tmp_path / "gh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    old = freshness.old_actions((ROOT / "tests/actions.yml").read_text("utf-8"))
    freshness.keep_issue(old)
    assert f"issue {verb}" in paths["log"].read_text()
    commit = "0123456789012345678901234567890123456789"
    assert f"- actions/checkout is v7.0.1, and v9.9.9 is {commit}\n" in paths["body"].read_text()
    freshness.keep_issue([])
    assert ("issue close 7" in paths["log"].read_text()) == bool(number)
