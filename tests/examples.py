"""Render examples/ anew: what depends on the answers in a project with a good deal switched on."""

import shutil
from pathlib import Path

from project import ROOT, Answer, render

ANSWERS: dict[str, Answer] = {
    "project_name": "fizzbuzz-example",
    "description": "A worked example of types, errors and conversions.",
    "license": "MIT OR Apache-2.0",
    "repository_url": "https://github.com/OWNER/fizzbuzz-example",
    "user_name": "Ada Lovelace",
    "user_email": "ada@example.org",
    "starter": "fizzbuzz",
    "wheels_to": "[pypi, private]",
    "crate_to": "[crates-io]",
    "private_index_url": "https://registry.example.org/pypi/simple/",
    "private_upload_url": "https://registry.example.org/pypi/upload/",
}
README = """# An example

`fizzbuzz/` is what the template renders for the answers in its `.copier-answers.yml`, without the files that every project has alike: those
are in [template/](../template), such as the workflows, the justfile and `tools/`. `just examples` renders it.
"""


def render_examples(folder: Path) -> None:
    """Render the example into a folder."""
    project = render(folder / "fizzbuzz", None, None, **ANSWERS)
    for path in [*project.files()]:
        plain = ROOT / "template" / path
        if plain.is_file() and path.parts[0] not in ("crates", "python", "tests"):
            (project / str(path)).unlink()
    for path in sorted(project.path.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    stored = project / ".copier-answers.yml"
    # Where the template lay, and at which commit, differs from machine to machine.
    lines = stored.read_text("utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(("_commit", "_src_path"))]
    stored.write_text("".join(kept), "utf-8")
    (folder / "README.md").write_text(README, "utf-8")


if __name__ == "__main__":
    shutil.rmtree(ROOT / "examples", ignore_errors=True)
    render_examples(ROOT / "examples")
