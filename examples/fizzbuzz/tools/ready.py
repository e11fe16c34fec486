"""Say what this machine lacks to build the project, and what to type.

Usage: python tools/ready.py
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("Cargo.lock", "uv.lock")
LINKERS = ("cc", "gcc", "clang")


def lacking() -> str:
    """Give the first thing that is missing, or nothing."""
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text("utf-8"))
    oldest = cargo["workspace"]["package"]["rust-version"]
    if not (shutil.which("cargo") and shutil.which("rustc")):
        return "Rust is not there: install it as https://rustup.rs says."
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=False)
    version = re.search(r"(\d+)\.(\d+)", rustc.stdout)
    if version is None:
        return f"rustc does not work: {rustc.stderr.strip()}"
    if tuple(map(int, version.groups())) < tuple(map(int, oldest.split(".")[:2])):
        return f"rustc is {version[0]}, and {oldest} is needed: type `rustup update stable`."
    if sys.platform != "win32" and not any(map(shutil.which, LINKERS)):
        return (
            "A C linker is not there: install gcc or clang, on macOS with `xcode-select --install`."
        )
    missing = [name for name in LOCKS if not (ROOT / name).exists()]
    if os.environ.get("CI") and missing:
        names = " and ".join(missing)
        return f"CI needs {names}: type `just setup` at home, and commit Cargo.lock and uv.lock."
    return ""


if __name__ == "__main__":
    sys.exit(lacking() or None)
