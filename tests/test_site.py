"""A project's documentation is a site that both engines build, strictly, and that people can read."""

import functools
import http.server
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from project import ROOT, Project, render, skip_without
from servers import serve_http

pytestmark = pytest.mark.slow
SITE = "target/site"
# What both engines build: https://zensical.org/docs/compatibility/mkdocs/
MKDOCS = ("uvx", "--from", "mkdocs", "--with", "mkdocs-material", "--with", "mkdocstrings-python")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Render the worked example."""
    project = render(tmp_path_factory.mktemp("site") / "new", starter="fizzbuzz")
    project.run("uv", "lock")
    return project


def build(project: Project, engine: str, code: int = 0) -> str:
    """Build the site as a project does, or with the engine that came before."""
    if engine == "zensical":
        return project.just("docs", code=code)
    return project.run(*MKDOCS, "mkdocs", "build", code=code)


@pytest.mark.parametrize("engine", ["zensical", "mkdocs"])
def test_the_site_has_the_readme_and_the_public_names(project: Project, engine: str) -> None:
    build(project, engine)
    home = (project / SITE / "index.html").read_text("utf-8")
    assert "It runs on Python 3.11 and later" in home
    assert "CONTRIBUTING" not in home
    reference = (project / SITE / "reference.html").read_text("utf-8")
    for name in ("fizzbuzz", "longest_chain"):  # the first has overloads only
        assert f'id="new.{name}"' in reference
    changelog = (project / SITE / "changelog.html").read_text("utf-8")
    assert "The newest version comes first" in changelog


def test_the_rust_crate_has_its_reference_beside_it(project: Project) -> None:
    project.just("docs")
    project.just("docs")  # once more, over the first one
    (link,) = re.findall(
        r'href="(rust/[^"]*)"', (project / SITE / "reference.html").read_text("utf-8")
    )
    assert "fn.longest_chain.html" in (project / SITE / link).read_text("utf-8")


@pytest.mark.parametrize("engine", ["zensical", "mkdocs"])
@pytest.mark.parametrize(
    "text",
    [
        "[gone](gone.md)",
        '--8<-- "gone.md"',
        '--8<-- "README.md:gone"',
        "::: new.gone",
        "[new.gone][]",
    ],
)
def test_a_page_that_points_nowhere_fails(project: Project, engine: str, text: str) -> None:
    page = project / "docs/how-to.md"
    before = page.read_text("utf-8")
    page.write_text(f"{before}\n{text}\n", "utf-8")
    try:
        printed = build(project, engine, code=1)
        assert "gone" in re.sub(r"\x1b\[[\d;]*m", "", printed)  # zensical colours each character
    finally:
        page.write_text(before, "utf-8")


def test_wrong_examples_in_pages_fail(project: Project) -> None:
    project.replace("docs/tutorial.md", "(77031, 351)", "(77031, 352)")
    output = project.run("uv", "run", "pytest", "docs", code=1)
    assert "docs/tutorial.md" in output
    assert "Expected:\n    (77031, 352)" in output
    project.replace("docs/tutorial.md", "(77031, 352)", "(77031, 351)")
    assert "2 passed" in project.run("uv", "run", "pytest", "docs")


def test_rust_docs_with_a_broken_link_fail(tmp_path: Path) -> None:
    project = render(tmp_path / "new")
    project.replace("crates/core/src/collatz.rs", "/// A number and", "/// [`gone`] A number and")
    assert "unresolved link to `gone`" in project.just("docs", code=1)


def test_ci_says_how_the_site_gets_an_address(project: Project, tmp_path: Path) -> None:
    project.just("docs-address", env={"GITHUB_STEP_SUMMARY": str(tmp_path / "summary")})
    said = (tmp_path / "summary").read_text("utf-8")
    assert 'choose "GitHub Actions" as the source, in the settings of the repository' in said


@pytest.mark.nightly
def test_people_can_read_it_in_a_browser(project: Project, tmp_path: Path) -> None:
    """On a phone and a desk, light and dark: contrast, focus, search, and no request to elsewhere."""
    chromium = shutil.which("chromium") or skip_without("chromium", "apt install chromium")
    npm = shutil.which("npm") or skip_without("npm", "apt install npm")
    subprocess.run([npm, "install", "playwright-core", "axe-core"], cwd=tmp_path, check=True)
    shutil.copy(ROOT / "tests/browser.js", tmp_path)
    project.just("docs")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=project / SITE)
    paths = ["index.html", "tutorial.html", "how-to.html", "reference.html", "changelog.html"]
    with serve_http(handler) as port:
        command = ["node", "browser.js", f"http://127.0.0.1:{port}/", str(tmp_path), *paths]
        result = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "CHROMIUM": chromium},
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
    assert json.loads(result.stdout) == []
    assert len([*tmp_path.glob("*.png")]) == 4 * len(paths)
