"""Compare the places where the version stands.

Usage: python tools/release.py check
"""

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


if __name__ == "__main__":
    if sys.argv[1:] != ["check"]:
        sys.exit(__doc__)
    check()
