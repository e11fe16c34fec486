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
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from crates import attempt, file_name, published, send, unpublished
from platforms import select
from project import NAME, PROJECT, capture
from release import files
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


def trim_credentials() -> None:
    """Remove blanks and line breaks around credentials, which a shell or a secret may have added."""
    for name, value in os.environ.items():
        if name.startswith(("AZURE_TOKEN", "CARGO_REGISTR", "UV_INDEX_", "UV_PUBLISH_")):
            os.environ[name] = value.strip()


def check_credentials(name: str, url: str) -> None:
    """Exit if an index cannot be read with these credentials: uv only warns of it."""
    user, password = (os.environ.get(f"UV_INDEX_{name.upper()}_{key}", "") for key in ("USERNAME", "PASSWORD"))
    basic = base64.b64encode(f"{user}:{password}".encode()).decode()
    request = urllib.request.Request(f"{url}{NAME.replace('_', '-')}/")
    request.add_unredirected_header("Authorization", f"Basic {basic}")
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            # Azure answers 203 with a page to sign in; others lead to one.
            if reply.status == 203 or urlsplit(reply.url).netloc != urlsplit(url).netloc:
                sys.exit(f"{name} answers with a page to sign in. Are the credentials right? Nothing was published.")
    except urllib.error.HTTPError as error:  # the words of a server are not printed: they may control a terminal
        if error.code in (401, 403):
            sys.exit(f"{name} answers {error.code}. Are the credentials right? Nothing was published.")
        if error.code != 404:  # which means that it has no file of this project yet
            sys.exit(f"{name} answers {error.code} at {url}. Nothing was published.")
    except (OSError, HTTPException) as error:
        sys.exit(f"{name} cannot be reached at {url}: {error!r}. Nothing was published.")


def uv_command(destination: str, folder: Path) -> list[str]:
    """Return how uv sends the wheels and the sdist in a folder."""
    command = ["uv", "publish", "--trusted-publishing", "never"]
    if destination == "pypi":
        command += ["--check-url", "https://pypi.org/simple/"]
    else:
        command += ["--index", destination, "--no-attestations"]
    return command + [str(path) for path in files(folder) if path.suffix != ".crate"]


def main(destination: str, folder: Path, ids: Sequence[str]) -> None:
    """Publish what the project has for a destination; check everything before anything is sent."""
    if destination not in DESTINATIONS:
        sys.exit(f'There is no destination "{destination}": type one of {", ".join(DESTINATIONS)}.')
    indexes = {index["name"]: index["url"] for index in PROJECT["tool"]["uv"].get("index", [])}
    uv = uv_command(destination, folder) if destination in [*indexes, "pypi"] else []
    crates = [crate for crate in published() if destination in crate["publish"]]
    if not uv and not crates:
        sys.exit(f"This project sends nothing to {destination}: `just answer` adds a destination.")
    trim_credentials()
    if destination == "azure":
        set_azure_credentials()
    if uv:
        find(select(ids), folder, SDIST)
        if destination in indexes:
            check_credentials(destination, indexes[destination])
        if attempt(*uv, "--dry-run")[0]:
            sys.exit(f"uv will not send these files to {destination}, see above. Nothing was published.")
    missing = unpublished(crates, destination, folder)
    send(missing, destination)
    sent = sorted(map(file_name, missing))
    if uv:
        code, messages = attempt(*uv)
        sent += re.findall(r"^Uploading (\S+)", messages, re.MULTILINE)
        if code:
            sys.exit(f"uv failed, see above. Sent to {destination} until then: {', '.join(sent)}.")
    print(f"Sent to {destination}: {', '.join(sent) or 'nothing, since it has everything'}.")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]).resolve(), sys.argv[3:])
