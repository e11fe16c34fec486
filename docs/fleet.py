# /// script
# requires-python = ">=3.11"
# dependencies = ["copier>=9.19.1,<10", "pyyaml>=6"]
# ///
"""Say of many repositories which version of the template they have, and what an update would meet.

Usage: uv run fleet.py [--answer NAME]… FOLDER…
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml


def run(folder: Path, *command: str) -> str:
    """Run a command in a folder, and give what it prints."""
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def conflicts(folder: Path) -> str:
    """Update a clone, and name the files in conflict."""
    with tempfile.TemporaryDirectory() as scratch:
        run(folder, "git", "clone", "--quiet", ".", scratch)
        clone = Path(scratch)
        try:
            command = [sys.executable, "-m", "copier", "update", "--context-lines", "100000"]
            run(clone, *command, "--defaults", "--quiet")
        except subprocess.CalledProcessError as error:
            return str(error.stderr.strip().splitlines()[-1])
        return run(clone, "git", "diff", "--name-only", "--diff-filter=U").replace("\n", " ") or "-"


def main() -> None:
    """Print a table, a row a repository."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--answer", action="append", default=[], help="an answer to show")
    parser.add_argument("folders", nargs="+", type=Path, help="clones of the repositories")
    options = parser.parse_args()
    print("repository", "version", *options.answer, "conflicts", sep="\t")
    for folder in options.folders:
        if (answers_file := folder / ".copier-answers.yml").exists():
            answers = yaml.safe_load(answers_file.read_text("utf-8"))
            shown = [answers.get(name, "-") for name in ("_commit", *options.answer)]
            print(folder.resolve().name, *shown, conflicts(folder), sep="\t", flush=True)


if __name__ == "__main__":
    main()
