"""Releases: one version in every file, and drafts that hold exactly what was verified.

bump-my-version sets the version, as [tool.bumpversion] in pyproject.toml says; gh drafts and verifies.
"""

import datetime
import json
import re
import sys
import tempfile
from pathlib import Path

from platforms import number
from project import ROOT, VERSION, capture, main, output, read, run

CHANGELOG = ROOT / "CHANGELOG.md"
WORKFLOW = ".github/workflows/release.yml"


def check() -> None:
    """Exit if Python and Rust differ in version."""
    version = read("Cargo.toml")["workspace"]["package"]["version"]
    if version != VERSION:
        sys.exit(
            f"pyproject.toml has version {VERSION}, but [workspace.package] in Cargo.toml has {version}: change"
            " it back, then set the version in both with `just release VERSION`."
        )


def prepare(version: str) -> None:
    """Commit a higher version in every file, or change nothing."""
    status = output("git", "status", "--porcelain", "--untracked-files=normal", "--", ".")
    if changes := status or output("git", "diff", "--cached", "--name-only"):  # staged elsewhere
        sys.exit(f"Commit these changes first, or `git stash` them:\n{changes}")
    check()
    changelog = CHANGELOG.read_text("utf-8")
    if not (unreleased := re.search(r"^## \[?Unreleased\]?\n+(?=[^#\s])", changelog, re.MULTILINE)):
        sys.exit('CHANGELOG.md says nothing new: write a line under "## Unreleased".')
    parts = ("major", "minor", "patch")
    if version not in parts and not re.fullmatch(r"\d+\.\d+\.\d+", version):
        sys.exit(f'"{version}" is no version: type one such as 1.2.0, or major, minor or patch.')
    command = ["bump-my-version", "bump", *([] if version in parts else ["--new-version"]), version]
    if version not in parts and not re.fullmatch(r"\d+\.\d+\.\d+", VERSION):
        sys.exit(f"{VERSION} is no version of three numbers: set one such as 1.2.0 by hand first.")
    # The first release may have the version that the project began with; bump-my-version does nothing then.
    is_first = version == VERSION and not re.search(r"^## \[?\d", changelog, re.MULTILINE)
    if version not in parts and not is_first and number(version) <= number(VERSION):
        sys.exit(f"{version} is not higher than {VERSION}: type a higher one, or minor.")
    try:
        if is_first:
            heading = f"## {VERSION} ({datetime.date.today()})\n\n"
            text = changelog[: unreleased.end()] + heading + changelog[unreleased.end() :]
            CHANGELOG.write_text(text, "utf-8", newline="\n")
            command = ["git", "commit", "--all", "--message", f"Release {VERSION}"]
        run(*command)
    except BaseException:
        capture("git", "add", "--all", ".")  # so that a new lock goes as well
        capture("git", "restore", "--source=HEAD", "--staged", "--worktree", ".")
        print("Nothing was changed.", file=sys.stderr)
        raise
    new_version = read("pyproject.toml")["project"]["version"]
    print(f"Committed version {new_version}. Push it, and start the workflow Release when CI is green.")


def gate(reference: str, default: str) -> None:
    """Exit unless this commit may be released."""
    check()
    if reference != f"refs/heads/{default}":
        sys.exit(f"{reference} is not refs/heads/{default}: releases come from {default} only.")
    if not re.search(rf"^## {re.escape(VERSION)} ", CHANGELOG.read_text("utf-8"), re.MULTILINE):
        sys.exit(f"CHANGELOG.md has no heading for {VERSION}: type `just release VERSION`.")
    if output("git", "tag", "--list", f"v{VERSION}"):
        sys.exit(f"v{VERSION} was released already: type `just release VERSION` for a higher one.")
    print(f"Version {VERSION} may be released.")


def files(folder: Path) -> list[Path]:
    """Return the files of a release in a folder."""
    endings = (".whl", ".tar.gz", ".crate")
    return sorted(path for path in folder.iterdir() if path.name.endswith(endings))


def draft(name: str, commit: str) -> None:
    """Draft a release on GitHub. Only maintainers can see it, and nothing is published yet."""
    folder = Path(name).resolve()
    section = CHANGELOG.read_text("utf-8").partition(f"\n## {VERSION} ")[2].partition("\n")[2]
    changes = re.split(r"^## ", section, maxsplit=1, flags=re.MULTILINE)[0].strip()
    notes = folder / "notes.md"
    card = (folder / "proof-card.md").read_text("utf-8")
    notes.write_text(f"{changes}\n\n## What was tested\n\n{card}", "utf-8")
    create = ("gh", "release", "create", f"v{VERSION}", "--draft", "--target", commit)
    run(*create, "--title", f"v{VERSION}", "--notes-file", notes, *files(folder))


def fetch(tag: str, name: str) -> None:
    """Fetch the files of a release, and exit unless this repository's release workflow built them."""
    folder = Path(name).resolve()
    if tag != f"v{VERSION}":
        sys.exit(f"{tag} is not the version of this checkout, v{VERSION}: nothing was published.")
    run("gh", "release", "download", tag, "--dir", folder)
    commit = output("git", "rev-parse", "HEAD")
    view = ("gh", "repo", "view", "--json", "nameWithOwner,defaultBranchRef,isPrivate")
    about = json.loads(output(*view))
    if about["isPrivate"]:
        compare_with_run(folder, commit)
        return
    repository, branch = about["nameWithOwner"], about["defaultBranchRef"]["name"]
    for path in files(folder):
        verify = ("gh", "attestation", "verify", path, "--repo", repository)
        signer = ("--signer-workflow", f"{repository}/{WORKFLOW}", "--source-digest", commit)
        run(*verify, *signer, "--source-ref", f"refs/heads/{branch}")


def compare_with_run(folder: Path, commit: str) -> None:
    """Compare with the artifacts of the release run: a private repository has no signatures."""
    listing = ("gh", "run", "list", "--workflow", "release.yml", "--commit", commit)
    options = ("--status", "success", "--json", "databaseId", "--jq", ".[0].databaseId")
    number = output(*listing, *options)
    if not number:
        sys.exit(f"No release run for {commit} was a success: nothing was published.")
    with tempfile.TemporaryDirectory() as scratch:
        run("gh", "run", "download", number, "--pattern", "release-*", "--dir", scratch)
        for path in files(folder):
            if [copy.read_bytes() for copy in Path(scratch).rglob(path.name)] != [path.read_bytes()]:
                sys.exit(f"{path.name} is not what run {number} built: nothing was published.")
    print(
        f"The files are those of run {number} for {commit}. There is no signature: whoever may write to this"
        " repository could have replaced both."
    )


if __name__ == "__main__":
    main(check, prepare, gate, draft, fetch)
