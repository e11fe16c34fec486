"""The how-tos work when they are typed as they stand."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from project import ROOT, Project, render
from test_platforms import card, edit_row, image, tool


def blocks(path: Path, heading: str) -> Iterator[tuple[str, str, str]]:
    """Give each block of code below a heading: its language, the file named before it, its text."""
    section, file = "", ""
    tokens = MarkdownIt("commonmark").parse(path.read_text("utf-8"))
    for before, token in zip([tokens[0], *tokens], tokens, strict=False):
        if token.type == "inline" and before.type == "heading_open":
            section = token.content
        elif token.type == "inline":
            names = re.findall(r"`([\w/]+\.\w+)`", token.content)
            file = names[-1] if names else ""
        elif token.type == "fence" and section == heading:
            yield token.info, file, token.content


def type_it(project: Project, heading: str, env: dict[str, str]) -> str:
    """Do what a section says, and give what its last line prints."""
    output = ""
    for language, file, text in blocks(ROOT / "docs/c-dependencies.md", heading):
        if language == "sh":
            for line in text.splitlines():
                cross = env if line.startswith("just wheels") else {}
                line = re.sub(r"^just ", "uvx --from rust-just just ", line)
                output = project.run("bash", "-euc", line, env=cross)
        elif language in ("rust", "python"):
            (project / file).write_text(text, "utf-8")
    return output


@pytest.mark.slow
def test_ring_is_cross_compiled_and_runs_under_emulation(
    tmp_path: Path, cross: dict[str, str]
) -> None:
    project = render(tmp_path / "my-package", platforms="wide", starter="none")
    edit_row(project, "manylinux-s390x", "image", f'"{image("s390x-3.11")}"')
    built = card(type_it(project, "ring", cross))
    assert built["cp311-abi3-manylinux_2_28_s390x"]["emulated"] == "3.11"


@pytest.mark.nightly
@pytest.mark.slow
def test_vendored_openssl_is_cross_compiled(tmp_path: Path, cross: dict[str, str]) -> None:
    project = render(tmp_path / "my-package", platforms="wide")
    edit_row(project, "manylinux-aarch64", "image", f'"{image("aarch64-3.11")}"')
    type_it(project, "openssl", cross)
    core = "crates/core/src/collatz.rs"
    project.replace(core, "let mut length = 1;", "openssl::init();\n    let mut length = 1;")
    built = card(project.just("wheels", "manylinux-aarch64", env=cross))
    assert built["cp311-abi3-manylinux_2_28_aarch64"]["emulated"] == "3.11"


def test_the_settings_of_renovate_are_valid(tmp_path: Path) -> None:
    ((_, _, text),) = [
        b for b in blocks(ROOT / "docs/bots.md", "Renovate instead") if b[0] == "json"
    ]
    (tmp_path / "renovate.json").write_text(text)
    schema = [tool("check-jsonschema"), "--builtin-schema", "vendor.renovate"]
    subprocess.run([*schema, str(tmp_path / "renovate.json")], check=True)
    assert json.loads(text)["enabledManagers"] == ["cargo", "pep621", "copier"]


def test_the_place_for_a_before_all_is_marked(tmp_path: Path) -> None:
    marked = "before-all = [\n  # What your crate needs beside Rust comes here"
    assert marked in (render(tmp_path) / "pyproject.toml").read_text("utf-8")
