"""Releases: one version in every file, and drafts that hold exactly what was verified.

bump-my-version sets the version, as [tool.bumpversion] in pyproject.toml says; gh drafts and verifies.
"""

import datetime
import hashlib
import json
import re
import sys
import tempfile
from pathlib import Path

from platforms import number
from project import NAME, PACKAGE, PROJECT, ROOT, VERSION, capture, main, need, read, run

CHANGELOG = ROOT / "CHANGELOG.md"
SUMS = "SHA256SUMS"  # the whole set of a release, in a file that is signed with it


def check() -> None:
    """Exit if Python and Rust differ in version or licence, or if a panic would end Python."""
    cargo = read("Cargo.toml")
    rust, python = cargo["workspace"]["package"], PROJECT["project"]
    version = rust["version"]
    if version != VERSION:
        sys.exit(
            f"pyproject.toml has version {VERSION}, but [workspace.package] in Cargo.toml has {version}: change"
            " it back, then set the version in both with `just release VERSION`."
        )
    if rust.get("license", "LicenseRef-Proprietary") != python.get("license", rust.get("license")):
        sys.exit(
            f"pyproject.toml has license {python['license']}, but Cargo.toml has {rust.get('license')}: write one."
        )
    for name, profile in cargo.get("profile", {}).items():
        if profile.get("panic") == "abort":
            sys.exit(f'Cargo.toml has panic = "abort" in profile {name}, so a panic would end Python: delete it.')


def published() -> str:
    """Return the name of the core crate if a registry gets it."""
    core = read("crates/core/Cargo.toml")["package"]
    return str(core["name"]) if core.get("publish", True) else ""


def api() -> None:
    """List the changes since the last release that break users' code, and exit if there are any."""
    tag = capture("git", "describe", "--tags", "--abbrev=0", "--match", "v*")
    if not tag:
        print("No tag v* can be reached, so nothing breaks. If there is a release, type `git fetch --tags`.")
        return
    folder = capture("git", "rev-parse", "--show-prefix") + "python"
    # From commits, as a development build beside the stub would be compared in its place.
    check = ["griffe", "check", PACKAGE, "--search", folder, "--base-ref", "HEAD", "--against", tag]
    run(*check, "--extensions", "tools/api_reference.py")
    if crate := published():
        need("cargo-semver-checks")
        check = ["cargo", "semver-checks", "--package", crate, "--baseline-rev", tag]
        run(*check, "--release-type", "minor")  # what only asks for a minor version breaks nothing


def prepare(version: str) -> None:
    """Commit a higher version in every file, or change nothing."""
    status = run("git", "status", "--porcelain", "--untracked-files=normal", "--", ".", quiet=True)
    if changes := status or run("git", "diff", "--cached", "--name-only", quiet=True):  # staged elsewhere
        sys.exit(f"Commit these changes first, or `git stash` them:\n{changes}")
    check()
    changelog = CHANGELOG.read_text("utf-8")
    if not (unreleased := re.search(r"^## \[?Unreleased\]?\n+(?=###|[^#\s])", changelog, re.MULTILINE)):
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
    is_patch = version == "patch" or version.rpartition(".")[0] == VERSION.rpartition(".")[0]
    if is_patch and not is_first and "\n### Breaking" not in changelog[unreleased.start() :].split("\n## ")[0]:
        if published():
            need("cargo-semver-checks")
        try:
            api()
        except SystemExit as broken:
            sys.exit(
                f"{broken} A patch must not break code: release a minor version (from 1.0 on, a major one), or write"
                ' "### Breaking" below Unreleased.'
            )
    try:
        if is_first:
            heading = f"## {VERSION} ({datetime.date.today()})\n\n"
            text = changelog[: unreleased.end()] + heading + changelog[unreleased.end() :]
            CHANGELOG.write_text(text, "utf-8", newline="\n")
            command = ["git", "commit", "--message", f"Release {VERSION}", CHANGELOG.name]
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
    if run("git", "tag", "--list", f"v{VERSION}", quiet=True):
        sys.exit(f"v{VERSION} was released already: type `just release VERSION` for a higher one.")
    print(f"Version {VERSION} may be released.")


def files(folder: Path) -> list[Path]:
    """Return the files of a release in a folder."""
    endings = (".whl", ".tar.gz", ".crate")
    return sorted(path for path in folder.iterdir() if path.name.endswith(endings))


def sums(folder: Path) -> str:
    """Return the SHA-256 and the name of each file of a release, as sha256sum prints them."""
    digests = ((hashlib.sha256(path.read_bytes()).hexdigest(), path.name) for path in files(folder))
    return "".join(f"{digest}  {name}\n" for digest, name in digests)


def draft(name: str, commit: str) -> None:
    """Draft a release on GitHub. Only maintainers can see it, and nothing is published yet."""
    folder = Path(name).resolve()
    section = CHANGELOG.read_text("utf-8").partition(f"\n## {VERSION} ")[2].partition("\n")[2]
    changes = re.split(r"^## ", section, maxsplit=1, flags=re.MULTILINE)[0].strip()
    notes = folder / "notes.md"
    card = (folder / "proof-card.md").read_text("utf-8")
    notes.write_text(f"{changes}\n\n## What was tested\n\n{card}", "utf-8")
    signed = [folder / SUMS]
    if (bundle := folder / "attestation.json").exists():  # Scorecard counts signatures with this ending
        signed.append(bundle.rename(folder / f"{NAME}-{VERSION}.intoto.jsonl"))
    create = ("gh", "release", "create", f"v{VERSION}", "--draft", "--target", commit)
    run(*create, "--title", f"v{VERSION}", "--notes-file", notes, *files(folder), *signed)


def fetch(tag: str, name: str) -> None:
    """Fetch the files of a release, and exit unless they are all that its release workflow built, and no more."""
    folder = Path(name).resolve()
    run("gh", "release", "download", tag, "--dir", folder)
    about = json.loads(run("gh", "repo", "view", "--json", "nameWithOwner,defaultBranchRef,isPrivate", quiet=True))
    repository, branch = about["nameWithOwner"], about["defaultBranchRef"]["name"]
    commit = run("gh", "api", f"repos/{repository}/commits/tags/{tag}", "--jq", ".sha", quiet=True)
    if about["isPrivate"]:
        built = sums_of_run(commit)
    else:
        verify = ("gh", "attestation", "verify", folder / SUMS, "--repo", repository)
        signer = ("--signer-workflow", f"{repository}/.github/workflows/release.yml", "--source-digest", commit)
        run(*verify, *signer, "--source-ref", f"refs/heads/{branch}")
        built = (folder / SUMS).read_text("utf-8")
    if changed := {*built.splitlines()} ^ {*sums(folder).splitlines()}:
        names = ", ".join(sorted({line.split()[-1] for line in changed}))
        sys.exit(f"{names}: not what the release workflow built. Nothing was published.")
    if f"  {NAME}-{tag.removeprefix('v')}.tar.gz\n" not in built:
        sys.exit(f"The files of {tag} have another version. Nothing was published.")


def sums_of_run(commit: str) -> str:
    """Return what the release run of a commit built: a private repository has no signatures."""
    listing = ("gh", "run", "list", "--workflow", "release.yml", "--commit", commit)
    number = run(*listing, "--status", "success", "--json", "databaseId", "--jq", ".[0].databaseId", quiet=True)
    if not number:
        sys.exit(f"No release run for {commit} was a success. Nothing was published.")
    print(
        f"There is no signature, so the files are compared with run {number}: whoever may write to this"
        " repository could have replaced both."
    )
    with tempfile.TemporaryDirectory() as scratch:
        run("gh", "run", "download", number, "--name", "release-files", "--dir", scratch)
        return Path(scratch, SUMS).read_text("utf-8")


if __name__ == "__main__":
    main(api, check, prepare, gate, draft, fetch)
