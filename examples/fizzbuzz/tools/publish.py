"""Publish the files of a release to one registry; safe to run again.

Usage: python tools/publish.py DESTINATION DIR [all | ID…]

DESTINATION is pypi, crates-io, azure or private. What the registry has already with the same contents is
left alone; other contents under the same name stop everything before anything is sent. Credentials come from
the environment:

  pypi       UV_PUBLISH_TOKEN (in CI, its own action sends the files)
  crates-io  CARGO_REGISTRY_TOKEN
  azure      AZURE_TOKEN: a personal access token, or a token of Microsoft Entra
  private    CARGO_REGISTRIES_PRIVATE_TOKEN with its scheme, such as "Bearer …"; for wheels
             UV_INDEX_PRIVATE_USERNAME and UV_INDEX_PRIVATE_PASSWORD
"""

import base64
import hashlib
import http.client
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Sequence
from email.parser import HeaderParser
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import IO, Any

from contents import SDIST, find
from platforms import select
from release import ROOT, crate_file, files, package, published, read, version

DESTINATIONS = ("pypi", "crates-io", "azure", "private")
CRATES_IO = "sparse+https://index.crates.io/"
PYPI = {"name": "pypi", "url": "https://pypi.org/simple/"}
AZURE_DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"
SENT: list[str] = []  # what was published by this run
NEWEST_METADATA = (2, 4)  # what private indexes are known to accept


def stop(message: str) -> None:
    """Stop, and say what was published up to here."""
    done = f"Published before that: {', '.join(SENT)}." if SENT else "Nothing was published."
    sys.exit(f"{message} {done}")


def credentials(destination: str) -> None:
    """Spread the one token of Azure over the variables that Cargo and uv read."""
    token = os.environ.get("AZURE_TOKEN") or (azure_login() if destination == "azure" else "")
    if destination == "azure" and token:
        # Tokens of Entra are JSON Web Tokens; a personal one goes with any user name.
        basic = base64.b64encode(f"PAT:{token}".encode()).decode()
        scheme = f"Bearer {token}" if token.startswith("eyJ") else f"Basic {basic}"
        os.environ.setdefault("CARGO_REGISTRIES_AZURE_TOKEN", scheme)
        os.environ.setdefault("UV_INDEX_AZURE_USERNAME", "PAT")
        os.environ.setdefault("UV_INDEX_AZURE_PASSWORD", token)


def azure_login() -> str:
    """Get a token as whoever is logged in to Azure, such as a workload identity; nothing if nobody is."""
    az = shutil.which("az")
    if not az:
        return ""
    # The resource is Azure DevOps itself.
    command = [az, "account", "get-access-token", "--resource", AZURE_DEVOPS]
    command += ["--query", "accessToken", "--output", "tsv"]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout.strip()


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, without credentials where they lead to another server.

    Feeds keep files in a storage that refuses them, and that should not see them.
    """

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Make the request that follows."""
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        if new and new.host != req.host:
            new.remove_header("Authorization")
        return new


BROWSER = urllib.request.build_opener(Redirects)


def get(url: str, authorization: str, registry: str) -> bytes:
    """Read an address; nothing if it does not exist."""
    request = urllib.request.Request(url, headers={"User-Agent": f"publish.py ({version()})"})
    if authorization:
        request.add_header("Authorization", authorization)
    try:
        with BROWSER.open(request, timeout=60) as response:
            content: bytes = response.read()
            return content
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return b""
        hint = " Are the credentials right?" if error.code in (401, 403) else ""
        stop(f"{registry} answers {error.code} {error.reason} to {url}.{hint}")
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        stop(f"{registry} cannot be reached at {url}: {error}.")
    raise AssertionError


# Crates


class CargoRegistry:
    """A registry of crates, read as Cargo reads it.

    https://doc.rust-lang.org/cargo/reference/registry-index.html
    """

    def __init__(self, name: str) -> None:
        """Know its address and its token."""
        self.name = name
        if name == "crates-io":
            self.index, self.token = CRATES_IO, ""  # reading is free
        else:
            registries = read(".cargo/config.toml").get("registries", {})
            self.index = registries[name]["index"]
            self.token = os.environ.get(f"CARGO_REGISTRIES_{name.upper()}_TOKEN", "")
        self.index = self.index.removeprefix("sparse+")

    def contents(self, crate: dict[str, Any]) -> dict[str, str] | None:
        """Give the files of this version of a crate with their checksums; None if it is not there."""
        name = crate["name"].lower()
        place = f"{self.index}{prefix(name)}/{name}"
        lines = get(place, self.token, self.name).decode().splitlines()
        for entry in map(json.loads, lines):
            if entry["vers"] == crate["version"]:
                settings = json.loads(get(f"{self.index}config.json", self.token, self.name))
                token = self.token if settings.get("auth-required") else ""
                file = get(self.download(settings["dl"], entry), token, self.name)
                return unpacked(file) if file else None  # some list it before they serve it
        return None

    def has(self, crate: dict[str, Any]) -> bool:
        """Tell whether it has this version of a crate."""
        return self.contents(crate) is not None

    def download(self, pattern: str, entry: dict[str, Any]) -> str:
        """Give the address of a crate's file."""
        if "{" not in pattern:
            return f"{pattern}/{entry['name']}/{entry['vers']}/download"
        values = {
            "crate": entry["name"],
            "version": entry["vers"],
            "prefix": prefix(entry["name"]),
            "lowerprefix": prefix(entry["name"].lower()),
            "sha256-checksum": entry["cksum"],
        }
        return re.sub(r"\{([\w-]+)\}", lambda found: str(values[found[1]]), pattern)


def prefix(name: str) -> str:
    """Give the folder that an index of crates has for a name."""
    short = {1: "1", 2: "2", 3: f"3/{name[:1]}"}
    return short.get(len(name), f"{name[:2]}/{name[2:4]}")


def unpacked(crate: bytes) -> dict[str, str]:
    """Give the files in a crate with their checksums: compression differs between versions of Cargo."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(crate)) as archive:
        for member in archive:
            content = archive.extractfile(member)
            found[member.name] = hashlib.sha256(content.read() if content else b"").hexdigest()
    return found


def sources(contents: dict[str, str]) -> dict[str, str]:
    """Leave out what goes on with the package while a crate keeps a version of its own."""
    beside = (".cargo_vcs_info.json", "Cargo.lock", "README.md")
    return {name: sha for name, sha in contents.items() if name.partition("/")[2] not in beside}


def publish_crates(destination: str, folder: Path) -> bool:
    """Publish each crate that the registry may have, those that others depend on first; say if any."""
    crates = [crate for crate in published() if destination in crate["publish"]]
    if not crates:
        return False
    registry = CargoRegistry(destination)
    for crate in crates:
        check_siblings(crate, destination)
    missing = [crate for crate in crates if not has_crate(registry, crate, folder)]
    if missing:
        check_packages(crates, folder)
    for crate in missing:
        target = ["--package", crate["name"], "--registry", destination]
        command = ["cargo", "publish", "--locked", "--no-verify", *target]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            stop(f"Cargo could not publish {crate['name']} to {destination}, see above.")
        SENT.append(crate_file(crate))
        if not eventually(partial(registry.has, crate)):
            stop(f"{destination} does not show {crate_file(crate)} after a minute.")
    return True


def check_siblings(crate: dict[str, Any], destination: str) -> None:
    """Stop at a crate of this workspace that others would look for on crates.io."""
    for dependency in crate["dependencies"]:
        if dependency["kind"] == "dev":  # nobody looks for it
            continue
        private = destination != "crates-io" and dependency.get("path")
        if private and not dependency["registry"]:
            stop(
                f"{crate['name']} depends on {dependency['name']} without a registry, so that others"
                f' would look for it on crates.io: add registry = "{destination}" in Cargo.toml.'
            )


def has_crate(registry: CargoRegistry, crate: dict[str, Any], folder: Path) -> bool:
    """Tell whether a registry has a crate; stop if it has another one of the same name and version."""
    file = folder / crate_file(crate)
    if not file.exists():
        stop(f"{folder.name}/ lacks {file.name}, which {registry.name} should get.")
    present, here = registry.contents(crate), unpacked(file.read_bytes())
    if present is not None and crate["version"] != version():
        present, here = sources(present), sources(here)
    if present not in (None, here):
        stop(f"{registry.name} has {file.name} with other contents: release a new version.")
    if present is not None:
        print(f"{registry.name} has {file.name} already.")
    return present is not None


def check_packages(crates: Sequence[dict[str, Any]], folder: Path) -> None:
    """Stop unless the released crates hold what this commit holds: Cargo sends what it packages here."""
    # Nothing is compiled where something can be published; the release did that.
    packaged = package(*(crate["name"] for crate in crates), verify=False)
    for file in map(crate_file, crates):
        here, released = (unpacked((place / file).read_bytes()) for place in (packaged, folder))
        differing = sorted({one for one in here | released if here.get(one) != released.get(one)})
        if differing:
            stop(f"{file} is not what this commit holds: {', '.join(differing)} differ.")


def eventually(found: Callable[[], bool]) -> bool:
    """Ask for up to a minute: some registries take a while to show what they got."""
    for _ in range(20):
        if found():
            return True
        time.sleep(3)
    return False


# Wheels and the sdist


class Links(HTMLParser):
    """Collects the links of a page."""

    def __init__(self, page: str) -> None:
        """Read the page."""
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note where a link leads to."""
        if tag == "a":
            self.found += [value for key, value in attrs if key == "href" and value]


class PythonIndex:
    """A package index, read as installers read it.

    https://packaging.python.org/en/latest/specifications/simple-repository-api/
    """

    def __init__(self, name: str) -> None:
        """Know its address and its credentials."""
        indexes = read("pyproject.toml")["tool"]["uv"].get("index", [])
        (self.settings,) = [one for one in [*indexes, PYPI] if one.get("name") == name]
        self.name = name
        user = os.environ.get(f"UV_INDEX_{name.upper()}_USERNAME", "")
        password = os.environ.get(f"UV_INDEX_{name.upper()}_PASSWORD", "")
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.authorization = f"Basic {basic}" if user or password else ""

    def checksums(self) -> dict[str, str]:
        """Give the files that it has for the project, with their checksums where it tells them."""
        project = re.sub(r"[-_.]+", "-", read("pyproject.toml")["project"]["name"]).lower()
        page = get(f"{self.settings['url']}{project}/", self.authorization, self.name).decode()
        found = {}
        for link in Links(page).found:
            address = urllib.parse.urlsplit(link)
            name = urllib.parse.unquote(address.path.rsplit("/", 1)[-1])
            kind, _, checksum = address.fragment.partition("=")
            found[name] = checksum if kind == "sha256" else ""
        return found


def publish_wheels(destination: str, folder: Path) -> bool:
    """Send the wheels and the sdist that an index lacks; say if it is one for wheels."""
    wheels = [path for path in files(folder) if path.suffix != ".crate"]
    names = {one.get("name") for one in read("pyproject.toml")["tool"]["uv"].get("index", [])}
    if destination not in {*names, "pypi"}:
        return False
    classifiers = read("pyproject.toml")["project"]["classifiers"]
    if destination == "pypi" and "Private :: Do Not Upload" in classifiers:
        stop("pyproject.toml marks the project as private, and PyPI is public.")
    if not wheels:
        stop(f"{folder.name}/ holds no wheels.")
    if destination != "pypi":
        for path in wheels:
            check_metadata(path, destination)
    index = PythonIndex(destination)
    present = index.checksums()
    local = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in wheels}
    for name in sorted(local.keys() & present.keys()):
        if present[name] not in ("", local[name]):
            stop(f"{destination} has {name} with other contents: release a new version.")
        print(f"{destination} has {name} already.")
    for path in wheels:
        if path.name not in present:
            send(destination, path)
    if not eventually(lambda: local.keys() <= index.checksums().keys()):
        lost = ", ".join(sorted(local.keys() - index.checksums().keys()))
        stop(f"{destination} does not show {lost} after a minute.")
    return True


def check_versions(folder: Path) -> None:
    """Stop at a wheel or an sdist of another version, such as an earlier `just wheels` leaves."""
    for path in files(folder):
        of_this = re.search(rf"-{re.escape(version())}(-|\.tar\.gz$)", path.name)
        if path.suffix != ".crate" and not of_this:
            stop(f"{folder.name}/ holds {path.name}, and the project has version {version()}.")


def check_metadata(path: Path, destination: str) -> None:
    """Stop at metadata that is newer than private indexes are known to accept."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            (name,) = [one for one in archive.namelist() if one.endswith(".dist-info/METADATA")]
            text = archive.read(name).decode()
        found = HeaderParser().parsestr(text)["Metadata-Version"]
        if tuple(map(int, found.split("."))) > NEWEST_METADATA:
            stop(f"{path.name} has Metadata-Version {found}, and {destination} may not accept it.")


def send(destination: str, path: Path) -> None:
    """Let uv upload one file: the next run continues behind it."""
    command = ["uv", "publish", "--quiet", "--trusted-publishing", "never"]
    if destination != "pypi":
        command += ["--index", destination, "--no-attestations"]
        for key in ("USERNAME", "PASSWORD"):  # uv asks for them without an index's name here
            value = os.environ.get(f"UV_INDEX_{destination.upper()}_{key}", "")
            os.environ[f"UV_PUBLISH_{key}"] = value
    if subprocess.run([*command, str(path)], cwd=ROOT, check=False).returncode:
        hint = " The token comes from UV_PUBLISH_TOKEN." if destination == "pypi" else ""
        stop(f"uv could not send {path.name} to {destination}, see above.{hint}")
    SENT.append(path.name)


def check_set(destination: str, folder: Path, platforms: Sequence[str]) -> None:
    """Stop unless a folder holds exactly the sdist and the wheels of these platforms, as in `just verify`."""
    if destination != "crates-io" and any(path.suffix == ".whl" for path in folder.iterdir()):
        find(select(platforms), folder, [SDIST, *(path.name for path in folder.glob("*.crate"))])


def main(destination: str, folder: Path, platforms: Sequence[str]) -> None:
    """Publish what the project has for a destination."""
    if destination not in DESTINATIONS:
        sys.exit(f'There is no destination "{destination}": type one of {", ".join(DESTINATIONS)}.')
    if not folder.is_dir():
        sys.exit(f"There is no folder {folder}: fetch the files of a release into it.")
    check_versions(folder)
    check_set(destination, folder, platforms)
    credentials(destination)
    crates = publish_crates(destination, folder)
    wheels = destination != "crates-io" and publish_wheels(destination, folder)
    if not crates and not wheels:
        stop(f"This project sends nothing to {destination}: `just answer` adds a destination.")
    print(f"Sent to {destination}: {', '.join(SENT) or 'nothing, since it has everything'}.")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]).resolve(), sys.argv[3:])
