"""Render examples/ anew: what people would get, to browse without installing anything."""

import shutil
from pathlib import Path

from project import ROOT, render

EXAMPLES = {
    "fast-collatz": {"description": "Find the longest Collatz chain below a limit."},
    "fizzbuzz": {
        "project_name": "fizzbuzz-example",
        "description": "A worked example of types, errors and conversions.",
        "license": "MIT OR Apache-2.0",
        "repository_url": "https://github.com/OWNER/fizzbuzz-example",
        "user_name": "Ada Lovelace",
        "user_email": "ada@example.org",
        "starter": "fizzbuzz",
    },
}


def render_examples(folder: Path) -> None:
    """Render each example into a folder of its own name."""
    for name, answers in EXAMPLES.items():
        project = render(folder / name, None, **answers)
        stored = project / ".copier-answers.yml"
        # Where the template lay, and at which commit, differs from machine to machine.
        lines = stored.read_text("utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith(("_commit", "_src_path"))]
        stored.write_text("".join(kept), "utf-8")


if __name__ == "__main__":
    shutil.rmtree(ROOT / "examples", ignore_errors=True)
    render_examples(ROOT / "examples")
