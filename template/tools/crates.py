"""Package the crates that are published, and send them to a registry.

Usage: python tools/crates.py DIR    package them into DIR, as a registry would get them
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

from project import ROOT, VERSION, read, run

Crate = dict[str, Any]  # what `cargo metadata` says of it


def metadata() -> dict[str, Any]:
    """Return what Cargo says of the workspace."""
    command = ("cargo", "metadata", "--no-deps", "--format-version=1", "--quiet")
    loaded: dict[str, Any] = json.loads(run(*command, quiet=True))
    return loaded


def published() -> list[Crate]:
    """Return the crates of the workspace that some registry gets."""
    packages = metadata()["packages"]
    core = read("Cargo.toml")["workspace"]["dependencies"]["rust_core"]["package"]
    (registries,) = (crate["publish"] for crate in packages if crate["name"] == core)
    for crate in packages:
        if crate["publish"] is None and registries != []:  # Cargo would send it to crates.io
            line = f"publish = {json.dumps(registries or ['crates-io'])}"
            sys.exit(f"{crate['name']} does not say where it goes: add {line} or publish = false.")
    return [crate for crate in packages if crate["publish"]]


def file_name(crate: Crate) -> str:
    """Return the name of the file of a crate, which may have a version of its own."""
    return f"{crate['name']}-{crate['version']}.crate"


def package_options(crates: list[Crate]) -> list[str]:
    """Return the options that name crates for Cargo."""
    return [option for crate in crates for option in ("--package", crate["name"])]


def refuse_circles(crates: list[Crate]) -> None:
    """Exit if a crate is tested with a crate that needs it: neither could be published first."""
    needs = {crate["name"]: {need["name"] for need in crate["dependencies"] if not need["kind"]} for crate in crates}
    for crate in crates:
        for need in crate["dependencies"]:
            is_versioned = need["kind"] == "dev" and need["req"] != "*"
            if is_versioned and crate["name"] in needs.get(need["name"], ()):
                sys.exit(
                    f"{crate['name']} and {need['name']} need each other: leave `version` out of the dev-dependency"
                    f" in the manifest of {crate['name']}, and Cargo packages it without."
                )


def package(crates: list[Crate], *options: str) -> Path:
    """Package crates as a registry would get them, and return the folder."""
    refuse_circles(crates)
    options += ("--locked",) if os.environ.get("CI") else ("--allow-dirty",)
    run("cargo", "package", *options, *package_options(crates))
    return Path(metadata()["target_directory"], "package")


def attempt(*command: str | Path, cwd: Path = ROOT) -> tuple[int, str]:
    """Run a command, print its messages, and return its exit code and the messages."""
    # No input: a question of uv would stand in the messages, which nobody sees before the end.
    result = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    print(result.stderr, end="", flush=True)
    return result.returncode, result.stderr


def contents(crate: Path) -> dict[str, bytes]:
    """Return the files in a crate: compression differs between versions of Cargo."""
    with tarfile.open(crate) as archive:
        files = {member.name.partition("/")[2]: archive.extractfile(member) for member in archive}
        return {name: file.read() for name, file in files.items() if file}


def is_published(crate: Crate, destination: str, file: Path) -> bool:
    """Return whether a registry has a crate, or exit if it has other contents under the same version."""
    if not file.exists():
        sys.exit(f"{file.parent.name}/ lacks {file.name}: type `just crates`. Nothing was published.")
    cache = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"), "registry/cache")
    for path in cache.glob(f"*/{file.name}"):
        path.unlink()  # it may be from another registry
    consumer = ROOT / "target/published"  # below the project, where Cargo reads its registries
    (consumer / "src").mkdir(parents=True, exist_ok=True)
    (consumer / "src/lib.rs").touch()
    (consumer / "Cargo.lock").unlink(missing_ok=True)
    requirement = f'version = "={crate["version"]}"\nregistry = "{destination}"'
    manifest = '[workspace]\n[package]\nname = "consumer"\nedition = "2021"\n[dependencies.'
    (consumer / "Cargo.toml").write_text(f"{manifest}{crate['name']}]\n{requirement}\n", "utf-8")
    code, messages = attempt("cargo", "fetch", cwd=consumer)
    if code and not re.search("no matching package|failed to select a version", messages):
        sys.exit(f"{destination} cannot be read. Are the credentials right? Nothing was published.")
    for path in cache.glob(f"*/{file.name}"):
        theirs, ours = contents(path), contents(file)
        if crate["version"] != VERSION:  # these go on while a crate keeps a version of its own
            for name in (".cargo_vcs_info.json", "Cargo.lock", "README.md"):
                theirs.pop(name, None), ours.pop(name, None)
        if theirs != ours:
            sys.exit(f"{destination} has {file.name} with other contents: release a new version.")
        print(f"{destination} has {file.name} already.")
    return not code


def check_packages(crates: list[Crate], folder: Path) -> None:
    """Exit unless the released crates hold what this commit holds: Cargo sends what it packages here."""
    packaged = package(crates, "--no-verify")  # the release compiled it
    for name in map(file_name, crates):
        here, released = contents(packaged / name), contents(folder / name)
        if differing := sorted(path for path in here | released if here.get(path) != released.get(path)):
            sys.exit(f"{name} is not what this commit holds: {', '.join(differing)} differ.")


def unpublished(crates: list[Crate], destination: str, folder: Path) -> list[Crate]:
    """Return the crates that a registry lacks, or exit if one of them may not be sent."""
    missing = [crate for crate in crates if not is_published(crate, destination, folder / file_name(crate))]
    if missing:
        check_packages(missing, folder)
    return missing


def send(crates: list[Crate], destination: str) -> None:
    """Publish crates in the order of their dependencies."""
    command = ("cargo", "publish", "--locked", "--no-verify", "--registry", destination)
    if crates and attempt(*command, *package_options(crates))[0]:
        names = ", ".join(map(file_name, crates))
        sys.exit(f"Cargo could not publish {names} to {destination}, see above.")


def main(folder: Path) -> None:
    """Package the crates that are published, into a folder."""
    crates = published()
    if not crates:
        print("No registry gets a crate.")
        return
    packaged = package(crates)
    folder.mkdir(exist_ok=True)
    for name in map(file_name, crates):
        shutil.copy(packaged / name, folder)
        print(f"Packaged: {name}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]).resolve())
