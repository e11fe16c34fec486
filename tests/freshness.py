"""Compare the versions that the template renders, and the actions that it pins, with the newest.

Usage: python tests/freshness.py         print what is old
       python tests/freshness.py issue   keep one issue that lists it; closed when nothing is

cargo, uv and gh are asked, each as it is set up on the machine.
"""

import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
TITLE = "Versions that are no longer the newest"
RANGE = re.compile(r'"([\w-]+)>=[\w.{} ]+,<(\d+)"')
ANNOTATED = re.compile(r'(\w+): "?([\w.]+)"? # (crates\.io|PyPI): ([\w-]+)')


def ask(*command: str, given: str = "") -> str:
    """Run a command that must succeed, and give what it prints."""
    result = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if result.returncode:
        sys.exit(f"{' '.join(command)}: {result.stderr.strip()}")
    return result.stdout


def newest(registry: str, name: str) -> str:
    """Ask a registry for the newest version of a package."""
    if registry == "crates.io":
        matched = re.search(
            r"^version: ([\d.]+)(?: \(latest ([\d.]+)\))?", ask("cargo", "info", name), re.MULTILINE
        )
        return (matched[2] or matched[1]) if matched else ""
    compile_one = (
        "uv",
        "pip",
        "compile",
        "--quiet",
        "--no-deps",
        "--no-header",
        "--no-annotate",
        "-",
    )
    return ask(*compile_one, given=name).strip().split("==")[1]


def old_versions(text: str) -> list[str]:
    """List the annotated versions, and those of requirements, that are behind."""
    old = []
    for _, version, registry, name in ANNOTATED.findall(text):
        latest = newest(registry, name)
        if not f"{latest}.".startswith(f"{version}."):
            old.append(f"{name} is {version}, and {registry} has {latest}")
    for name, version in re.findall(r"^([\w-]+)==([\d.]+)", text, re.MULTILINE):
        if (latest := newest("PyPI", name)) != version:
            old.append(f"{name} is {version}, and PyPI has {latest}")
    return old


def old_ranges(text: str) -> list[str]:
    """List the ranges of template/pyproject.toml.jinja that leave out the newest version."""
    old = []
    for name, above in sorted(set(RANGE.findall(text))):
        latest = newest("PyPI", name)
        if int(latest.split(".")[0]) >= int(above):
            old.append(
                f"{name} in template/pyproject.toml.jinja is below {above}; PyPI has {latest}"
            )
    return old


def old_actions(text: str) -> list[str]:
    """List the rows of tests/actions.yml that are behind."""
    old = []
    for row in yaml.safe_load(text):
        repository = f"repos/{row['name']}"
        latest = ask("gh", "api", f"{repository}/releases/latest", "--jq", ".tag_name").strip()
        if latest != row["version"]:
            # The commit, not the object of an annotated tag.
            commit = ask("gh", "api", f"{repository}/commits/{latest}", "--jq", ".sha").strip()
            old.append(f"{row['name']} is {row['version']}, and {latest} is {commit}")
    return old


def keep_issue(old: list[str]) -> None:
    """Open, edit or close the one issue."""
    search = ("gh", "issue", "list", "--search", f'"{TITLE}" in:title', "--json", "number")
    number = ask(*search, "--jq", ".[0].number // empty").strip()
    body = "".join(f"- {line}\n" for line in old)
    if old and number:
        ask("gh", "issue", "edit", number, "--body-file", "-", given=body)
    elif old:
        ask("gh", "issue", "create", "--title", TITLE, "--body-file", "-", given=body)
    elif number:
        ask("gh", "issue", "close", number)


def main(arguments: list[str]) -> None:
    """Compare, and say what is old."""
    old = old_versions((ROOT / "extensions/versions.yml").read_text("utf-8"))
    old += old_versions((ROOT / "template/.github/actions/setup/action.yml").read_text("utf-8"))
    old += old_versions((ROOT / "template/.devcontainer/requirements.txt").read_text("utf-8"))
    for name in ("requirements.txt", "images.py"):
        pins = re.findall(r"[\w-]+==[\d.]+", (ROOT / "images" / name).read_text("utf-8"))
        old += old_versions("\n".join(pins))
    old += old_ranges((ROOT / "template/pyproject.toml.jinja").read_text("utf-8"))
    if arguments == ["issue"]:
        old += old_actions((ROOT / "tests/actions.yml").read_text("utf-8"))
        keep_issue(old)
    print(*old or ["Everything is the newest."], sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
