"""The released versions of the template, as releases.yml has them.

Usage: python tests/releases.py         make a GitHub release, and so a tag, for each that has none

gh is asked, with the token in GH_TOKEN.
"""

import re

import yaml
from freshness import ROOT, ask

RELEASES: dict[str, str] = yaml.safe_load((ROOT / "releases.yml").read_text("utf-8")) or {}


def notes(version: str) -> str:
    """Return what the changelog says of a version."""
    sections = re.split(
        r"^## (.*)\n", (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE
    )
    return dict(zip(sections[1::2], sections[2::2], strict=True)).get(version, "").strip()


def main() -> None:
    """Release what is not yet released; what is, stays as it is."""
    listed = ask("gh", "release", "list", "--limit=1000", "--json=tagName", "--jq=.[].tagName")
    for version, commit in RELEASES.items():
        if version in listed.split():
            print(f"{version} is there.")
            continue
        title = ("--title", version, "--notes-file", "-")
        create = ("gh", "release", "create", version, "--target", commit)
        print(ask(*create, *title, given=notes(version)))


if __name__ == "__main__":
    main()
