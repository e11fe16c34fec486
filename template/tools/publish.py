"""Publish the files of a release to one registry; safe to run again.

Usage: python tools/publish.py DESTINATION DIR [all | ID…]

uv sends wheels and the sdist, Cargo sends crates. Both skip what the registry has; other contents under the same
name stop everything before anything is sent. Credentials come from the environment:

  pypi       UV_PUBLISH_TOKEN (in CI, its own action sends the files)
  crates-io  CARGO_REGISTRY_TOKEN
  azure      AZURE_TOKEN: a personal access token, or a token of Microsoft Entra
  private    CARGO_REGISTRIES_PRIVATE_TOKEN with its scheme, such as "Bearer …"; for wheels
             UV_INDEX_PRIVATE_USERNAME and UV_INDEX_PRIVATE_PASSWORD
"""

import base64
import os
import re
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from platforms import select
from project import NAME, PROJECT, ROOT, VERSION, capture
from release import crate_file, files, package, published
from wheels import SDIST, find

DESTINATIONS = ("pypi", "crates-io", "azure", "private")
AZURE_DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"  # the resource that its tokens are for


def set_azure_credentials() -> None:
    """Derive the variables that Cargo and uv read from the one token of Azure, or from a login to it."""
    login = ("az", "account", "get-access-token", "--resource", AZURE_DEVOPS)
    query = ("--query", "accessToken", "--output", "tsv")
    if token := os.environ.get("AZURE_TOKEN") or capture(*login, *query):
        # Tokens of Entra are JSON Web Tokens; a personal one goes with any user name.
        basic = base64.b64encode(f"PAT:{token}".encode()).decode()
        scheme = f"Bearer {token}" if token.startswith("eyJ") else f"Basic {basic}"
        os.environ.setdefault("CARGO_REGISTRIES_AZURE_TOKEN", scheme)
        os.environ.setdefault("UV_INDEX_AZURE_USERNAME", "PAT")
        os.environ.setdefault("UV_INDEX_AZURE_PASSWORD", token)


def run(*command: str | Path, cwd: Path = ROOT) -> tuple[int, str]:
    """Run a command, print its messages, and return its exit code and the messages."""
    # No input: a question of uv would stand in the messages, which nobody sees before the end.
    result = subprocess.run(
        command, cwd=cwd, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    print(result.stderr, end="", flush=True)
    return result.returncode, result.stderr


def contents(crate: Path) -> dict[str, bytes]:
    """Return the files in a crate: compression differs between versions of Cargo."""
    with tarfile.open(crate) as archive:
        files = {member.name.partition("/")[2]: archive.extractfile(member) for member in archive}
        return {name: file.read() for name, file in files.items() if file}


def is_published(crate: dict[str, Any], destination: str, file: Path) -> bool:
    """Return whether a registry has a crate, or exit if it has other contents under the same version."""
    if not file.exists():
        sys.exit(
            f"{file.parent.name}/ lacks {file.name}: type `just crates`. Nothing was published."
        )
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
    code, messages = run("cargo", "fetch", cwd=consumer)
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


def check_packages(crates: Sequence[dict[str, Any]], folder: Path) -> None:
    """Exit unless the released crates hold what this commit holds: Cargo sends what it packages here."""
    packaged = package([*crates], "--no-verify")  # the release compiled it
    for name in map(crate_file, crates):
        here, released = contents(packaged / name), contents(folder / name)
        if differing := sorted(
            path for path in here | released if here.get(path) != released.get(path)
        ):
            sys.exit(f"{name} is not what this commit holds: {', '.join(differing)} differ.")


def check_credentials(name: str, url: str) -> None:
    """Exit if an index cannot be read with these credentials: uv only warns of it."""
    user, password = (
        os.environ.get(f"UV_INDEX_{name.upper()}_{key}", "") for key in ("USERNAME", "PASSWORD")
    )
    basic = base64.b64encode(f"{user}:{password}".encode()).decode()
    request = urllib.request.Request(f"{url}{NAME.replace('_', '-')}/")
    request.add_unredirected_header("Authorization", f"Basic {basic}")
    try:
        urllib.request.urlopen(request, timeout=60).close()
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            sys.exit(f"{name} answers {error}. Are the credentials right? Nothing was published.")
    except OSError as error:
        sys.exit(f"{name} cannot be reached at {url}: {error}. Nothing was published.")


def main(destination: str, folder: Path, ids: Sequence[str]) -> None:
    """Publish what the project has for a destination."""
    if destination not in DESTINATIONS:
        sys.exit(f'There is no destination "{destination}": type one of {", ".join(DESTINATIONS)}.')
    crates = [crate for crate in published() if destination in crate["publish"]]
    indexes = {index["name"]: index["url"] for index in PROJECT["tool"]["uv"].get("index", [])}
    to_index = destination in indexes or destination == "pypi"
    if not crates and not to_index:
        sys.exit(f"This project sends nothing to {destination}: `just answer` adds a destination.")
    if destination == "azure":
        set_azure_credentials()
    uv = ["uv", "publish", "--trusted-publishing", "never"]
    if to_index:
        find(select(ids), folder, [SDIST, *(path.name for path in folder.glob("*.crate"))])
        uv += [str(path) for path in files(folder) if path.suffix != ".crate"]
        if destination == "pypi":
            uv += ["--check-url", "https://pypi.org/simple/"]
        else:
            uv += ["--index", destination, "--no-attestations"]
            check_credentials(destination, indexes[destination])
        if run(*uv, "--dry-run")[0]:
            sys.exit(
                f"uv will not send these files to {destination}, see above. Nothing was published."
            )
    missing = [
        crate
        for crate in crates
        if not is_published(crate, destination, folder / crate_file(crate))
    ]
    sent = sorted(map(crate_file, missing))
    if missing:
        check_packages(missing, folder)
        names = [option for crate in missing for option in ("--package", crate["name"])]
        if run("cargo", "publish", "--locked", "--no-verify", "--registry", destination, *names)[0]:
            sys.exit(f"Cargo could not publish {', '.join(sent)} to {destination}, see above.")
    if to_index:
        code, messages = run(*uv)
        sent += re.findall(r"^Uploading (\S+)", messages, re.MULTILINE)
        if code:
            sys.exit(f"uv failed, see above. Sent to {destination} until then: {', '.join(sent)}.")
    print(f"Sent to {destination}: {', '.join(sent) or 'nothing, since it has everything'}.")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]).resolve(), sys.argv[3:])
