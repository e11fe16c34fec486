"""What the other programs share: the project's settings, and running commands."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
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


def run(*command: str | Path, cwd: Path = ROOT, environment: Mapping[str, str] = os.environ) -> None:
    """Run a command, and exit if it fails."""
    print("$", *command, flush=True)
    if not shutil.which(command[0]):
        sys.exit(f"{command[0]} is not on PATH: install it first.")
    if code := subprocess.run(command, cwd=cwd, env=environment, check=False).returncode:
        sys.exit(f"{command[0]} failed with exit code {code}, see above.")


def output(*command: str | Path, cwd: Path = ROOT) -> str:
    """Return what a command prints, and exit if it fails."""
    if not shutil.which(command[0]):
        sys.exit(f"{command[0]} is not on PATH: install it first.")
    result = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode:
        sys.exit(f"`{' '.join(map(str, command[:3]))}` failed, see above.")
    return result.stdout.strip()


def capture(*command: str | Path, environment: Mapping[str, str] = os.environ) -> str:
    """Return what a command prints, or nothing if it is missing or fails."""
    silent = subprocess.DEVNULL
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        return subprocess.check_output(command, cwd=ROOT, env=environment, stderr=silent, text=True).strip()
    return ""
