"""The released versions of the template, as releases.yml has them.

Usage: python tests/releases.py FOLDER     list those that GitHub has not, and write their notes into a folder

gh is asked, with the token in GH_TOKEN. In a step of GitHub's CI, the list becomes an output of the step.
"""

import json
import os
import re
import sys
from pathlib import Path

import yaml
from freshness import ROOT, ask

RELEASES: dict[str, str] = yaml.safe_load((ROOT / "releases.yml").read_text("utf-8")) or {}


def notes(version: str) -> str:
    """Return what the changelog says of a version."""
    sections = re.split(
        r"^## (.*)\n", (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE
    )
    return dict(zip(sections[1::2], sections[2::2], strict=True)).get(version, "").strip()


def main(folder: Path) -> None:
    """List the versions that have no release yet, and write their notes."""
    listed = ask("gh", "release", "list", "--limit=1000", "--json=tagName", "--jq=.[].tagName")
    missing = {
        version: commit for version, commit in RELEASES.items() if version not in listed.split()
    }
    folder.mkdir(exist_ok=True)
    for version in missing:
        (folder / f"{version}.md").write_text(notes(version), "utf-8")
    rows = [{"version": version, "commit": commit} for version, commit in missing.items()]
    (folder / "list.json").write_text(
        json.dumps(rows), "utf-8"
    )  # a folder without a file is no artifact
    print(json.dumps(rows))
    if output := os.environ.get("GITHUB_OUTPUT"):
        with Path(output).open("a", encoding="utf-8") as file:
            file.write(f"missing={json.dumps(rows)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
