# /// script
# requires-python = ">=3.11"
# dependencies = ["copier>=9.19.1,<10", "pyyaml>=6"]
# ///
"""Compare projects with the newest version of their template, and try the update of each in a clone.

columns:
  version    the recorded version of the template
  newest     its newest version
  drift      files that the template maintains and that were changed in the repository
  conflicts  files that an update to the newest version would leave in conflict
  refuses    why an update would not start

In a table and in CSV, "-" means none and "?" means unknown; in JSON, these are [] and null.
Folders without .copier-answers.yml are skipped.

exit code:
  0  all repositories have the newest version, and none refuses an update
  1  a repository is behind, would have conflicts, or refuses an update
  2  the arguments are wrong, or no folder has .copier-answers.yml
"""

import argparse
import ast
import csv
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ANSWERS_FILE = ".copier-answers.yml"
# With -P, Python ignores a file such as copier.py in the repository.
COPIER = (sys.executable, "-P", "-m", "copier")
HOME = str(Path.home())
# Copier expands these, and `git ls-remote` does not.
ALIASES = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/", "git+": "", "~": HOME}
COLUMNS = ("version", "newest", "branch", "drift", "conflicts", "refuses")
NO_COMMIT = "The repository has no commit yet: commit its files."
Row = dict[str, Any]


class RefusedError(Exception):
    """The reason why an update would not start, as a sentence."""


@dataclass
class Repository:
    """A project, and a scratch folder in which to try things."""

    folder: Path
    scratch: Path
    timeout: float

    def run(self, folder: Path, *command: str | Path, failure: str = "Git failed") -> str:
        """Return what a command prints, or raise the reason why it failed."""
        environment = {
            "LC_ALL": "C.UTF-8",  # Git translates "fatal:"
            "GIT_OPTIONAL_LOCKS": "0",  # otherwise `git status` writes to the repository
            "GIT_TERMINAL_PROMPT": "0",
            # A cache for each thread: two Copiers at once would update the same clone in it.
            "COPIER_CACHE_DIR": str(self.scratch.parent / threading.current_thread().name),
            "TMPDIR": str(self.scratch),  # after a timeout, Copier leaves its folders behind
        }
        try:
            result = subprocess.run(
                command,
                cwd=folder,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=self.timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise RefusedError(f"{failure}: no answer within {self.timeout:g} s.") from error
        if result.returncode:
            # Git says why in its first such line, Copier in its last line.
            last = result.stderr.strip().rpartition("\n")[2]
            reason = (re.findall("fatal: (.*)", result.stderr) or [last])[0].rstrip(".")
            raise RefusedError(f"{failure}: " + re.sub(r"^\w+Error: ", "", reason) + ".")
        return result.stdout

    def is_project(self) -> bool:
        """Return whether the folder has an answers file, or its repository tracks one."""
        if (self.folder / ANSWERS_FILE).exists():
            return True
        with suppress(RefusedError):
            return bool(self.run(self.folder, "git", "ls-files", "--", ANSWERS_FILE))
        return False

    def state(self) -> tuple[str, list[str]]:
        """Return the branch, and why an update would refuse the working tree."""
        status = ("git", "status", "--porcelain=v2", "--branch", "--untracked-files=normal")
        lines = self.run(self.folder, *status).splitlines()
        header = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# "))
        changes = sum(not line.startswith("# ") for line in lines)
        refuses = [f"Uncommitted changes ({changes}): commit or stash them."] if changes else []
        is_unborn = header["branch.oid"] == "(initial)"
        return header["branch.head"], [NO_COMMIT] if is_unborn else refuses

    def answers(self) -> Row:
        """Return the recorded answers."""
        try:
            answers = yaml.safe_load((self.folder / ANSWERS_FILE).read_text("utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise RefusedError(f"{ANSWERS_FILE} cannot be read: {error}.") from error
        for key in ("_commit", "_src_path"):
            if not isinstance(answers, dict) or not isinstance(answers.get(key), str):
                raise RefusedError(f"{ANSWERS_FILE} must have {key}, as a string.")
        return dict(answers)

    def newest(self, source: str) -> str | None:
        """Return the newest version among the template's tags; like Copier, skip pre-releases."""
        for alias, address in ALIASES.items():
            if source.startswith(alias):
                source = address + source.removeprefix(alias)
        command = ("git", "ls-remote", "--tags", "--refs", "--", source)
        tags = self.run(self.folder, *command, failure="The template cannot be reached")
        versions = re.findall(r"\trefs/tags/(v?(\d+(?:\.\d+)*))$", tags, re.MULTILINE)
        numbers = {tag: [int(part) for part in digits.split(".")] for tag, digits in versions}
        return max(numbers, key=numbers.__getitem__, default=None)

    def drift(self, source: str, version: str) -> list[str] | None:
        """Return the template's files that differ from a fresh copy, or None if it lists none."""
        fresh = self.scratch / "fresh"
        data = str(self.folder.resolve() / ANSWERS_FILE)
        options = ("--defaults", "--quiet", "--data-file", data, f"--vcs-ref={version}")
        failure = f"Copier cannot render version {version}"
        self.run(self.scratch, *COPIER, "copy", *options, source, fresh, failure=failure)
        names = template_files(fresh)
        return names and [name for name in names if differ(fresh / name, self.folder / name)]

    def conflicts(self) -> list[str]:
        """Update a clone, and return its files in conflict."""
        clone = self.scratch / "clone"
        where = ("git", "rev-parse", "--show-toplevel", "--show-prefix")
        top, prefix = self.run(self.folder, *where).split("\n")[:2]
        # With hard links, Git would write new times to the repository's own objects.
        self.run(self.folder, "git", "clone", "--quiet", "--no-hardlinks", "--", top, clone)
        update = ("update", "--context-lines", "100000", "--defaults", "--quiet")
        self.run(clone / prefix, *COPIER, *update, failure="Copier refuses")
        unmerged = ("git", "diff", "--name-only", "--diff-filter=U", "--relative", "-z")
        return self.run(clone / prefix, *unmerged).split("\0")[:-1]

    def fill(self, row: Row, names: Sequence[str]) -> None:
        """Fill in the columns of a row, until one of them cannot be known."""
        row["branch"], row["refuses"] = self.state()
        answers = self.answers()
        row |= {name: plain(answers.get(name)) for name in names if name not in row}
        row["version"], source = answers["_commit"], answers["_src_path"]
        row["newest"] = self.newest(source)
        row["drift"] = self.drift(source, row["version"])
        if row["version"] == row["newest"]:
            row["conflicts"] = []
        elif NO_COMMIT not in row["refuses"]:
            row["conflicts"] = self.conflicts()


def template_files(fresh: Path) -> list[str] | None:
    """Return which files of a fresh copy the template maintains."""
    if (fresh / "tools/yours.txt").exists():
        subprocess.run(["git", "init", "--quiet"], cwd=fresh, check=True)
        listing = ["git", "ls-files", "--others", "--exclude-from=tools/yours.txt", "-z"]
        listed = subprocess.run(listing, cwd=fresh, capture_output=True, check=True, text=True)
        return listed.stdout.rstrip("\0").split("\0")
    # Versions before 2.0.0 list them in a program.
    program = fresh / "tools/template.py"
    source = program.read_text("utf-8") if program.exists() else ""
    for owned in re.findall(r"^OWNED = (\(.*?^\))", source, re.MULTILINE | re.DOTALL):
        with suppress(ValueError, SyntaxError):
            return [name for name in ast.literal_eval(owned) if (fresh / name).is_file()]
    return None


def differ(fresh: Path, path: Path) -> bool:
    """Return whether a file was changed or deleted."""
    return not path.is_file() or path.read_bytes() != fresh.read_bytes()


def plain(value: object) -> object:
    """Return an answer as text or a list of texts."""
    return [str(item) for item in value] if isinstance(value, list) else value and str(value)


def survey(folder: Path, scratch: Path, options: argparse.Namespace) -> Row | None:
    """Return the row of a repository, or None for a folder without a project."""
    row: Row = {"repository": str(folder), **dict.fromkeys(COLUMNS), "refuses": []}
    try:
        row["repository"] = folder.resolve().name
        if not folder.exists():
            raise RefusedError("The folder does not exist.")
        with tempfile.TemporaryDirectory(dir=scratch, ignore_cleanup_errors=True) as own_scratch:
            repository = Repository(folder, Path(own_scratch), options.timeout)
            if not folder.is_dir() or not repository.is_project():
                return None
            repository.fill(row, options.answer)
    except RefusedError as error:
        row["refuses"].append(str(error))
    except Exception as error:  # noqa: BLE001 - no fault of a repository may lose the other rows
        row["refuses"].append(f"{type(error).__name__}: {error}.")
    return row


def cell(value: object) -> str:
    """Return a value as one line of text."""
    if isinstance(value, list):
        value = " ".join(value)
    return "?" if value is None else " ".join(str(value).split()) or "-"


def write(rows: Sequence[Row], columns: Sequence[str], style: str) -> None:
    """Print the rows."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # for odd names of folders
    if style == "json":
        print(json.dumps([{name: row.get(name) for name in columns} for row in rows], indent=2))
        return
    lines = [list(columns), *([cell(row.get(name)) for name in columns] for row in rows)]
    if style == "csv":
        csv.writer(sys.stdout, lineterminator="\n").writerows(lines)
        return
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(map(str.ljust, line, widths)).rstrip())


def main() -> int:
    """Print a row for each repository, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--answer", action="append", default=[], help="also show this recorded answer"
    )
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table")
    parser.add_argument("--jobs", type=int, default=4, help="repositories at once (4)")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for each command (300)")
    parser.add_argument("folders", nargs="+", type=Path, help="clones of the repositories")
    options = parser.parse_args()
    if options.jobs < 1:
        parser.error("--jobs must be at least 1")
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch,
        ThreadPoolExecutor(options.jobs) as pool,
    ):
        surveyed = pool.map(lambda folder: survey(folder, Path(scratch), options), options.folders)
        rows = [row for row in surveyed if row]
    if not rows:
        parser.error(f"no folder has {ANSWERS_FILE}")
    columns = ("repository", *COLUMNS[:3], *options.answer, *COLUMNS[3:])
    write(rows, columns, options.format)
    current = [row["version"] == row["newest"] for row in rows]
    return int(not all(current) or any(row["refuses"] or row["conflicts"] for row in rows))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
