"""What a release needs.

Usage: python tools/release.py check      compare the places where the version stands
       python tools/release.py rehearse   check, and package the core crate as a registry would get it
"""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any


def read(path: str) -> dict[str, Any]:
    """Parse a TOML file."""
    return tomllib.loads(Path(path).read_text("utf-8"))


def check() -> None:
    """Stop if Python and Rust do not have the same version."""
    python = read("pyproject.toml")["project"]["version"]
    workspace = read("Cargo.toml")["workspace"]
    places = {
        "[workspace.package] in Cargo.toml": workspace["package"]["version"],
        "rust_core in Cargo.toml": workspace["dependencies"]["rust_core"]["version"],
    }
    for place, version in places.items():
        if version != python:
            sys.exit(f"pyproject.toml has version {python}, but {place} has {version}.")


def rehearse() -> None:
    """Package the core crate, and compile what is in the package."""
    check()
    core = read("Cargo.toml")["workspace"]["dependencies"]["rust_core"]["package"]
    locked = ["--locked"] if os.environ.get("CI") else ["--allow-dirty"]
    sys.exit(
        subprocess.run(["cargo", "package", *locked, "--package", core], check=False).returncode
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["check"]:
            check()
        case ["rehearse"]:
            rehearse()
        case _:
            sys.exit(__doc__)
