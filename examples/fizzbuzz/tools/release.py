"""Releases: one version, in every file at once, and drafts that hold exactly what was verified.

Usage: python tools/release.py check                 compare the places where the version stands
       python tools/release.py rehearse              check, and package the crates as a registry would get them
       python tools/release.py prepare VERSION       set the version (or major, minor, patch), and commit
       python tools/release.py gate REF DEFAULT      stop unless this commit may be released
       python tools/release.py crates DIR            package the crates that are published into DIR
       python tools/release.py draft DIR COMMIT      draft a release on GitHub with every file in DIR
       python tools/release.py fetch TAG DIR         fetch the files of a release, and check where they were built
"""

import datetime
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CHANGELOG = ROOT / "CHANGELOG.md"
UNRELEASED = re.compile(r"^## (Unreleased|\[Unreleased\])\n", re.MULTILINE)
WORKFLOW = ".github/workflows/release.yml"


def read(path: str) -> dict[str, Any]:
    """Parse a TOML file."""
    return tomllib.loads((ROOT / path).read_text("utf-8"))


def run(*command: str, given: str | None = None) -> str:
    """Run a command, stop if it fails, and give what it prints."""
    if not shutil.which(command[0]):
        sys.exit(f"{command[0]} is not on PATH: install it first.")
    result = subprocess.run(
        command, cwd=ROOT, input=given, stdout=subprocess.PIPE, text=True, check=False
    )
    if result.returncode:
        sys.exit(f"`{' '.join(command[:4])}` failed with exit code {result.returncode}, see above.")
    return result.stdout.strip()


def version() -> str:
    """Read the version."""
    return str(read("pyproject.toml")["project"]["version"])


def check() -> None:
    """Stop if Python and Rust do not have the same version, or a crate another than others ask for."""
    workspace = read("Cargo.toml")["workspace"]
    common = workspace["package"]["version"]
    if common != version():
        place = "[workspace.package] in Cargo.toml"
        sys.exit(
            f"pyproject.toml has version {version()}, but {place} has {common}: change it back, then set"
            " the version in both with `just release VERSION`."
        )
    for name, dependency in workspace["dependencies"].items():
        if isinstance(dependency, dict) and "path" in dependency:
            own = read(f"{dependency['path']}/Cargo.toml")["package"]["version"]
            wanted = own if isinstance(own, str) else common
            found = dependency.get("version", "no version")
            if found != wanted:
                place = f"{name} in Cargo.toml"
                sys.exit(
                    f"{dependency['path']} has version {wanted}, but {place} has {found}: write"
                    f" {wanted} there."
                )


def core_name() -> str:
    """Read the name of the core crate."""
    return str(read("Cargo.toml")["workspace"]["dependencies"]["rust_core"]["package"])


def cargo_metadata() -> dict[str, Any]:
    """Ask Cargo about the workspace."""
    command = ("cargo", "metadata", "--no-deps", "--format-version=1", "--quiet")
    metadata: dict[str, Any] = json.loads(run(*command))
    return metadata


def published() -> list[dict[str, Any]]:
    """List the crates of the workspace that some registry gets, each after those it depends on."""
    packages = cargo_metadata()["packages"]
    (of_the_core,) = (one["publish"] for one in packages if one["name"] == core_name())
    for one in packages:
        if one["publish"] is None and of_the_core:  # Cargo packages only crates that agree
            line = f"publish = {json.dumps(of_the_core)}"
            sys.exit(f"{one['name']} does not say where it goes: add {line} or publish = false.")
        one["publish"] = one["publish"] or []
    waiting = [one for one in packages if one["publish"]]
    ordered: list[dict[str, Any]] = []
    while waiting:
        names = {package["name"] for package in waiting}
        ready = [
            package
            for package in waiting  # tests may need what comes later
            if not names & {d["name"] for d in package["dependencies"] if d["kind"] != "dev"}
        ]
        if not ready:
            sys.exit(f"{', '.join(sorted(names))} depend on each other: none can be the first.")
        ordered += ready
        waiting = [package for package in waiting if package not in ready]
    return ordered


def package(*names: str, verify: bool = True) -> Path:
    """Package crates as a registry would get them, and say in which folder they are."""
    options = ["--locked"] if os.environ.get("CI") else ["--allow-dirty"]
    options += [] if verify else ["--no-verify"]
    options += [option for name in names for option in ("--package", name)]
    run("cargo", "package", *options)
    return Path(cargo_metadata()["target_directory"], "package")


def rehearse() -> None:
    """Do what can be done of a release without publishing anything."""
    check()
    package(*([crate["name"] for crate in published()] or [core_name()]))
    print(f"Version {version()}; nothing was published.")


def next_version(word: str) -> str:
    """Give the version that a word stands for, and stop if it is not a higher one."""
    numbers = r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}"
    if not re.fullmatch(numbers, version()):
        sys.exit(
            f"{version()} is no version of three numbers: set one such as 1.2.0 by hand first."
        )
    parts = [int(part) for part in version().split(".")]
    steps = ["major", "minor", "patch"]
    if word in steps:
        place = steps.index(word)
        parts[place] += 1
        parts[place + 1 :] = [0] * (2 - place)
        return ".".join(map(str, parts))
    if not re.fullmatch(numbers, word):
        sys.exit(
            f'"{word}" is no version: type three numbers such as 1.2.0, or {", ".join(steps)}.'
        )
    first = not re.search(r"^## \[?\d", CHANGELOG.read_text("utf-8"), re.MULTILINE)
    if [int(part) for part in word.split(".")] <= parts and not (first and word == version()):
        sys.exit(f"{word} is not higher than {version()}: type a higher one, or minor.")
    return word


def entries() -> str:
    """Give what the changelog has under Unreleased."""
    changelog = CHANGELOG.read_text("utf-8")
    found = UNRELEASED.search(changelog)
    if not found:
        sys.exit('CHANGELOG.md has no "## Unreleased": write it above the newest version.')
    text = re.split(r"^## ", changelog[found.end() :], maxsplit=1, flags=re.MULTILINE)[0].strip()
    if not text:
        sys.exit('CHANGELOG.md says nothing new: write a line under "## Unreleased".')
    return text


def prepare(word: str) -> None:
    """Set the version everywhere, renew the locks, move the changelog's heading, and commit."""
    if changes := run("git", "status", "--porcelain", "--untracked-files=normal"):
        sys.exit(
            f"The working tree has changes: commit them, or `git stash` them, first.\n{changes}"
        )
    check()
    new = next_version(word)
    entries()
    bump = ("bump-my-version", "bump", "--current-version", version(), "--new-version", new)
    try:
        if new != version():  # the first release may have the version that the project began with
            run(*bump, "--no-commit", "--no-tag")
        today = datetime.datetime.now(tz=datetime.UTC).date()
        heading = rf"\g<0>\n## {new} ({today})\n"
        text = UNRELEASED.sub(heading, CHANGELOG.read_text("utf-8"), count=1)
        CHANGELOG.write_text(text, "utf-8", newline="\n")
        run("cargo", "update", "--workspace", "--quiet")
        run("uv", "lock", "--quiet")
        check()
        run("git", "add", "--all", ".")  # a lock may be new
        run("git", "commit", "--message", f"Release {new}")
    except BaseException:
        run("git", "add", "--all", ".")  # so that what is new goes as well
        run("git", "restore", "--source=HEAD", "--staged", "--worktree", ".")
        print("Nothing was changed.", file=sys.stderr)
        raise
    print(f"Committed version {new}. Push it, and start the workflow Release when CI is green.")


def gate(reference: str, default: str) -> None:
    """Stop unless this commit may be released, and say what will be."""
    check()
    if reference != f"refs/heads/{default}":
        sys.exit(f"{reference} is not refs/heads/{default}: releases come from {default} only.")
    if not re.search(rf"^## {re.escape(version())} ", CHANGELOG.read_text("utf-8"), re.MULTILINE):
        sys.exit(f"CHANGELOG.md has no heading for {version()}: type `just release VERSION`.")
    if run("git", "tag", "--list", f"v{version()}"):
        sys.exit(
            f"v{version()} was released already: type `just release VERSION` for a higher one."
        )
    names = [crate["name"] for crate in published()]
    print(f"Version {version()}; crates: {', '.join(names) or 'none'}.")
    if output := os.environ.get("GITHUB_OUTPUT"):
        with Path(output).open("a", encoding="utf-8") as file:
            file.write(f"version={version()}\ncrates={json.dumps(names)}\n")


def crates(folder: Path) -> None:
    """Package the crates that are published into a folder."""
    several = published()
    folder.mkdir(exist_ok=True)
    packaged = package(*(crate["name"] for crate in several)) if several else ROOT
    for crate in several:
        shutil.copy(packaged / crate_file(crate), folder)
        print(crate_file(crate))


def crate_file(crate: dict[str, Any]) -> str:
    """Name the file of a crate, which may have a version of its own."""
    return f"{crate['name']}-{crate['version']}.crate"


def files(folder: Path) -> list[Path]:
    """List the files of a release."""
    endings = (".whl", ".tar.gz", ".crate")
    return sorted(path for path in folder.iterdir() if path.name.endswith(endings))


def notes(folder: Path) -> str:
    """Write the notes of a release: its part of the changelog, and the proof card."""
    _, _, rest = CHANGELOG.read_text("utf-8").partition(f"\n## {version()} ")
    changes = re.split(r"^## ", rest.partition("\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    card = (folder / "proof-card.md").read_text("utf-8")
    return f"{changes.strip()}\n\n## What was tested\n\n{card}"


def draft(folder: Path, commit: str) -> None:
    """Draft a release on GitHub. Only maintainers can see it, and nothing is published yet."""
    names = [str(path) for path in files(folder)]
    tag = f"v{version()}"
    create = ("gh", "release", "create", tag, "--draft", "--target", commit, "--title", tag)
    print(run(*create, "--notes-file", "-", *names, given=notes(folder)))


def fetch(tag: str, folder: Path) -> None:
    """Fetch the files of a release, and stop unless this repository's release workflow built them."""
    if tag != f"v{version()}":
        sys.exit(f"{tag} is not the version that stands here, v{version()}: nothing was published.")
    run("gh", "release", "download", tag, "--dir", str(folder))
    commit = run("git", "rev-parse", "HEAD")
    view = ("gh", "repo", "view", "--json", "nameWithOwner,defaultBranchRef,isPrivate")
    about = json.loads(run(*view))
    repository, branch = about["nameWithOwner"], about["defaultBranchRef"]["name"]
    for path in files(folder):
        if not about["isPrivate"]:
            verify = ("gh", "attestation", "verify", str(path), "--repo", repository)
            signer = ("--signer-workflow", f"{repository}/{WORKFLOW}", "--source-digest", commit)
            run(*verify, *signer, "--source-ref", f"refs/heads/{branch}")
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")
    if about["isPrivate"]:
        compare_with_run(folder, commit)


def compare_with_run(folder: Path, commit: str) -> None:
    """Compare with the artifacts of the release run: a private repository has no signatures."""
    listing = ("gh", "run", "list", "--workflow", "release.yml", "--commit", commit)
    number = run(*listing, "--status", "success", "--json", "databaseId", "--jq", ".[0].databaseId")
    if not number:
        sys.exit(f"No release run for {commit} was a success: nothing was published.")
    built = folder / "of-the-run"
    run("gh", "run", "download", number, "--pattern", "release-*", "--dir", str(built))
    for path in files(folder):
        others = [other.read_bytes() for other in built.rglob(path.name)]
        if others != [path.read_bytes()]:
            sys.exit(f"{path.name} is not what run {number} built: nothing was published.")
    shutil.rmtree(built)
    print(
        f"The files are those of run {number} for {commit}. There is no signature: whoever may write"
        " to this repository could have replaced both."
    )


def main(words: Sequence[str]) -> None:
    """Do what the words say."""
    match words:
        case ["check"]:
            check()
        case ["rehearse"]:
            rehearse()
        case ["prepare", word]:
            prepare(word)
        case ["gate", reference, default]:
            gate(reference, default)
        case ["crates", folder]:
            crates(Path(folder).resolve())
        case ["draft", folder, commit]:
            draft(Path(folder).resolve(), commit)
        case ["fetch", tag, folder]:
            fetch(tag, Path(folder).resolve())
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
