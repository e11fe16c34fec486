"""What the other programs share: the project's settings, running commands, and being run."""

import contextlib
import inspect
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def read(path: str | Path) -> dict[str, Any]:
    """Parse a TOML file of the project, or return nothing if there is none."""
    file = ROOT / path
    try:
        return tomllib.loads(file.read_text("utf-8")) if file.exists() else {}
    except (OSError, ValueError) as error:
        sys.exit(f"{path} cannot be read: {error}.")


PROJECT = read("pyproject.toml")
NAME = re.sub(r"[-_.]+", "_", PROJECT["project"]["name"]).lower()  # as files of a release have it
VERSION: str = PROJECT["project"]["version"]
MODULE: str = PROJECT["tool"]["maturin"]["module-name"]  # such as my_package._rust
PACKAGE = MODULE.rpartition(".")[0]


def main(*commands: Callable[..., None]) -> None:
    """Call the command that the arguments begin with, or list the commands."""
    name, *arguments = sys.argv[1:] or [""]
    by_name = {command.__name__: command for command in commands}
    usage = "\n".join(f"{key}{inspect.signature(command)}: {command.__doc__}" for key, command in by_name.items())
    if name not in by_name:
        sys.exit(usage)
    try:
        inspect.signature(by_name[name]).bind(*arguments)
    except TypeError:
        sys.exit(usage)
    by_name[name](*arguments)


def run(
    *command: str | Path, cwd: Path = ROOT, environment: Mapping[str, str] = os.environ, quiet: bool = False
) -> str:
    """Run a command, exit if it fails, and return what it printed on stdout."""
    if not quiet:
        print("$", *command, flush=True)
    if not shutil.which(command[0]):
        sys.exit(f"{command[0]} is not on PATH: install it first.")
    lines = []
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=pipe, encoding="utf-8", errors="replace"
    ) as running:
        for line in running.stdout or ():
            lines.append(line)
            print("" if quiet else line, end="", flush=True)
    if running.returncode:
        sys.exit(f"`{' '.join(map(str, command[:3]))}` failed with exit code {running.returncode}, see above.")
    return "".join(lines).strip()


def need(program: str) -> None:
    """Exit without a program that Cargo installs."""
    if not shutil.which(program):
        sys.exit(f"{program} is missing: type `cargo install --locked {program}`.")


@contextlib.contextmanager
def checkout(commit: str, folder: Path) -> Iterator[Path]:
    """Yield where the project is in a folder that has a commit, submodules included, for as long as it is needed."""
    shutil.rmtree(folder, ignore_errors=True)
    run("git", "worktree", "prune", quiet=True)
    run("git", "worktree", "add", "--quiet", "--force", "--detach", folder, commit, quiet=True)
    try:
        if (folder / ".gitmodules").exists():
            run("git", "submodule", "update", "--quiet", "--init", "--recursive", cwd=folder, quiet=True)
        yield folder / capture("git", "rev-parse", "--show-prefix")
    finally:
        run("git", "worktree", "remove", "--force", folder, quiet=True)


def show(text: str, path: Path) -> None:
    """Print a table, write it to a file, and put it into the summary of a CI job."""
    print(f"\n{text}")
    path.write_text(text, "utf-8")
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(text)


def capture(*command: str | Path, environment: Mapping[str, str] = os.environ) -> str:
    """Return what a command prints, or nothing if it is missing or fails."""
    silent = subprocess.DEVNULL
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        return subprocess.check_output(command, cwd=ROOT, env=environment, stderr=silent, text=True).strip()
    return ""
