"""The how-tos work when they are typed as they stand."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from project import ROOT, Project, edit_row, git, posix, render, skip_without
from test_wheels import card, image
from versions import NOW


def blocks(path: Path, heading: str) -> Iterator[tuple[str, str, str]]:
    """Return each block of code below a heading: its language, the file named before it, its text."""
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


def type_it(
    project: Project,
    guide: str,
    heading: str,
    env: Mapping[str, str] = os.environ,
    cross: Mapping[str, str] = os.environ,
    names: Mapping[str, str] | None = None,
) -> str:
    """Do what a section of a guide says, and give what its lines print; with names of one's own.

    `just wheels` gets `cross` on top: a toolchain for foreign targets need not have rustfmt.
    """
    output = ""
    for language, file, text in blocks(ROOT / "docs" / guide, heading):
        for old, new in (names or {}).items():
            file, text = file.replace(old, new), text.replace(old, new)
        if language == "sh":
            lines = re.sub(r"^just ", "uvx --from rust-just just ", text, flags=re.MULTILINE)
            # The template as it stands here.
            lines = lines.replace(
                "https://github.com/OWNER/copier-pyo3", f"--vcs-ref {NOW} ${{TEMPLATE-}}"
            )
            for line in lines.splitlines():
                on_top = cross if "just wheels" in line else {}
                output += project.run("bash", "-euc", line, env={**env, **on_top})
        elif language in ("rust", "python"):
            (project / file).write_text(text, "utf-8")
    return output


def test_the_readme_begins_with_code_and_commands_of_the_template() -> None:
    (code,) = [
        text
        for language, _, text in blocks(ROOT / "README.md", "copier-pyo3")
        if language == "rust"
    ]
    assert code in (ROOT / "template/crates/py/src/collatz.rs.jinja").read_text("utf-8")
    _, (_, _, start) = blocks(ROOT / "README.md", "Start")
    message = (ROOT / "extensions/after_copy.jinja").read_text("utf-8")
    typed = [
        line.split("  #")[0].strip() for line in message.splitlines() if line.startswith("    ")
    ]
    commands = [line.split("  #")[0].strip() for line in start.splitlines()]
    assert commands[2:] == typed[1:]


@posix
@pytest.mark.slow
def test_the_readme_starts_on_a_machine_without_uv(tmp_path: Path) -> None:
    (_, _, install), (_, _, start) = blocks(ROOT / "README.md", "Start")
    git(tmp_path, "clone", "--quiet", str(ROOT), "template")
    address = "copier copy https://github.com/OWNER/copier-pyo3"
    assert address in start
    start = start.replace(address, "copier copy --defaults --quiet --vcs-ref HEAD ./template")
    lines = start.split("uvx --from rust-just just check")[0]  # other tests go on from there
    # Folders that have uv are hidden, and what else is needed of them is linked.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").symlink_to(Path(sys.executable).resolve())
    for name in ("cargo", "rustc", "git"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or skip_without(name, "README.md"))
    folders = os.environ["PATH"].split(os.pathsep)
    without = [name for name in folders if not (Path(name) / "uvx").exists()]
    home = {
        "HOME": str(tmp_path),
        "CARGO_HOME": os.environ.get("CARGO_HOME", str(Path.home() / ".cargo")),
        "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup")),
        "UV_CACHE_DIR": subprocess.check_output(["uv", "cache", "dir"], text=True).strip(),
        "PATH": os.pathsep.join([str(tmp_path / "bin"), *without]),
    }
    assert "uvx: command not found" in Project(tmp_path).run(
        "bash", "-euc", lines, code=1, env=home
    )
    output = Project(tmp_path).run("bash", "-euc", install + lines, env=home)
    assert re.search(r"\d+ passed", output)
    assert (tmp_path / "my-package/Cargo.lock").exists()


@pytest.mark.nightly
@pytest.mark.slow
def test_the_readmes_first_command_needs_no_cache(tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(ROOT), "copier-pyo3")
    readme = (ROOT / "README.md").read_text("utf-8")
    (line,) = re.findall("^python3 -m venv .* demo$", readme, re.MULTILINE)
    caches = ("CARGO_HOME", "PIP_CACHE_DIR", "UV_CACHE_DIR")
    empty = {name: str(tmp_path / name) for name in caches}
    command = ("env", "-u", "CARGO_TARGET_DIR", "CI=true", "bash", "-euc", line)
    output = Project(tmp_path / "copier-pyo3").run(*command, env=empty)
    assert "All checks passed." in output
    assert len(re.findall(r"^\| my_package-0.1.0-cp3\S+\.whl \|", output, re.MULTILINE)) == 3


@pytest.mark.nightly
@pytest.mark.slow
def test_ring_is_cross_compiled_and_runs_under_emulation(
    tmp_path: Path, cross: dict[str, str]
) -> None:
    project = render(tmp_path / "my-package", platforms="wide", starter="none")
    edit_row(project, "manylinux-s390x", "image", f'"{image("s390x-3.11")}"')
    built = card(type_it(project, "c-dependencies.md", "ring", cross=cross))
    assert built["cp311-abi3-manylinux_2_28_s390x"]["emulated"] == "3.11"


@pytest.mark.nightly
@pytest.mark.slow
def test_vendored_openssl_is_cross_compiled(
    tmp_path: Path, cross: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CARGO_TARGET_DIR")  # OpenSSL keeps its folder, below the project's
    project = render(tmp_path / "my-package", platforms="wide")
    edit_row(project, "manylinux-aarch64", "image", f'"{image("aarch64-3.11")}"')
    type_it(project, "c-dependencies.md", "openssl", cross=cross)
    core = "crates/core/src/collatz.rs"
    project.replace(core, "let mut length = 1;", "openssl::init();\n    let mut length = 1;")
    built = card(project.just("wheels", "manylinux-aarch64", env=cross))
    assert built["cp311-abi3-manylinux_2_28_aarch64"]["emulated"] == "3.11"


def test_the_place_for_a_before_all_is_marked(tmp_path: Path) -> None:
    marked = "before-all = [\n  # What your crate needs beside Rust comes here"
    assert marked in (render(tmp_path) / "pyproject.toml").read_text("utf-8")
