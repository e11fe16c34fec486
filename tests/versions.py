"""Versions of the template: those that were released, and pretended ones with a typical change each."""

import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import copier
import pytest
from pathspec import PathSpec
from project import ROOT, Answer, Project, commit, git, render, template
from releases import RELEASES

Change = Callable[[Path], None]
NOW = "90.0.0"  # what stands in the working tree
# From which versions the tests update: the newest release at each push, all of them at night.
OLDER = [
    *(pytest.param(version, marks=pytest.mark.nightly) for version in [*RELEASES][:-1]),
    [*RELEASES][-1],
]
YOURS = (ROOT / "template/tools/yours.txt").read_text("utf-8").splitlines()[1:]
# Rendered by earlier versions, and left to the projects that have them.
GONE = ["/tools/checks.py", "/tools/contents.py", "/tools/emulation.py"]
# What a project owns, and what new projects get in a pretended version.
NEWER = [
    ("pyo3_version", "0.30.1", "0.99.0"),
    ("msrv", "1.85", "1.99"),
    ("edition", "2024", "2027"),
]

AZURE = {
    "azure_organization": "contoso",
    "azure_project": "tools",
    "azure_feed": "feed",
}
PRIVATE = {
    "private_index_url": "https://registry.example.org/pypi/simple/",
    "private_registry_url": "https://registry.example.org/cargo/index/",
    "private_upload_url": "https://registry.example.org/pypi/upload/",
}
ANSWERS: dict[str, dict[str, Answer]] = {
    "defaults": {},
    "everything": {
        **AZURE,
        **PRIVATE,
        "crate_to": ["crates-io", "azure", "private"],
        "description": 'Fast: "things" & # more.',
        "extras": ["pypy"],
        "license": "MIT OR Apache-2.0",
        "platforms": "wide",
        "repository_url": "https://github.com/ada/new",
        "starter": "fizzbuzz",
        "user_email": "ada@example.org",
        "user_name": "Ada Lovelace",
        "wheels_to": ["pypi", "azure", "private"],
    },
    "azure only": {
        **AZURE,
        "crate_to": ["azure"],
        "license": "proprietary",
        "python_min": "3.13",
        "wheels_to": ["azure"],
    },
    "none": {"starter": "none", "wheels_to": []},
}

# Files that people edit as well, and the line in each after which the template adds one.
KEYS = {
    ".cargo/config.toml.jinja": r"\[registry\]",
    ".editorconfig": r"\[\*\]",
    ".gitattributes": r"\* text=auto.*",
    ".github/dependabot.yml": r"version: 2",
    ".github/workflows/ci.yml": r"permissions: {}",
    ".gitignore": r"/target/",
    "Cargo.toml.jinja": r"\[workspace\.lints\.rust\]",
    "crates/core/Cargo.toml.jinja": r"\[lints\]",
    "crates/py/Cargo.toml.jinja": r"\[features\]",
    "deny.toml": r"\[bans\]",
    "justfile": r"ci := .*",
    "pyproject.toml.jinja": r"\[tool\.ruff\]",
    "tools/platforms.toml.jinja": r"# The platforms .*",
}

# Lines that the template adds last, before the one under which people add theirs.
LAST = {
    ".gitattributes": "*.new binary",
    ".github/workflows/ci.yml": "      # new last",
    ".gitignore": "/new-last/",
    "justfile": "# New\nnew-last:\n    uv version\n",
}


def history(folder: Path, changes: Sequence[Change] | None = None) -> Path:
    """Clone the template with a tag for each release, for what stands here, and for each change."""
    git(ROOT, "clone", "--quiet", str(ROOT), str(folder))
    for version, released in RELEASES.items():
        git(folder, "tag", "--force", version, released)
    for name in ("copier.yml", "extensions", "images", "template"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    shutil.copytree(template(), folder, dirs_exist_ok=True)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", NOW)
    git(folder, "tag", NOW)
    for change in [*CHANGES, *MISTAKES] if changes is None else changes:
        git(folder, "checkout", "--quiet", NOW)
        change(folder)
        commit(folder, version_of(change))
    git(folder, "checkout", "--quiet", NOW)
    git(folder, "gc", "--quiet")  # packed, as a server sends it: an update clones it five times
    return folder


def owner(name: str) -> str:
    """Return whose a rendered file is: yours, if tools/yours.txt has it."""
    return "yours" if PathSpec.from_lines("gitignore", YOURS).match_file(name) else "template"


def version_of(change: Change) -> str:
    """Return the name of the pretended version that has a change."""
    return f"90.{1 + [*CHANGES, *MISTAKES].index(change)}.0"


def copy_at(clone: Path, version: str, folder: Path, answers: Mapping[str, Answer]) -> Project:
    """Render a version into a Git repository, as a person would who starts a project."""
    project = render(folder, clone, version, **answers)
    git(folder, "init", "--quiet")
    commit(folder)
    return project


def update(project: Project, version: str | copier.VcsRef, **data: Answer) -> None:
    """Update to a version of the template, without asking, and without trust."""
    copier.run_update(
        project.path,
        data=data,
        vcs_ref=version,
        defaults=True,
        overwrite=True,
        quiet=True,
        unsafe=False,
    )


def conflicts(project: Project) -> set[str]:
    """List the files that Git shows as unmerged."""
    return set(git(project.path, "diff", "--name-only", "--diff-filter=U").splitlines())


def edit(path: Path, pattern: str, replacement: str) -> None:
    """Change a file of the template where a pattern stands, which must be there."""
    text, count = re.subn(pattern, replacement, path.read_text("utf-8"), flags=re.MULTILINE)
    assert count, f"{path} has no {pattern!r}"
    path.write_text(text, "utf-8")


# What maintainers do between two versions


def new_pin(clone: Path) -> None:
    """Take a newer version of an action, in every workflow, and of maturin."""
    edit(clone / "extensions/versions.yml", r'maturin: "1.16"', 'maturin: "1.16.0"')
    action = clone / "template/.github/actions/setup/action.yml"
    edit(action, r"actions/checkout@\S+ # v\S+", f"actions/checkout@{'1' * 40} # v99.0.0")


def new_key(clone: Path) -> None:
    """Add a line to each file that people edit as well."""
    for name, after in KEYS.items():
        edit(clone / "template" / name, f"^{after}$", r"\g<0>\n# new key")


def new_last_line(clone: Path) -> None:
    """Add something at the end of the template's part, before the line under which people add theirs."""
    for name, line in LAST.items():
        footer = "^(# Your own recipes come below this line.| *# Yours:)$"
        edit(clone / "template" / name, footer, rf"{line}\n\g<0>")


def new_file(clone: Path) -> None:
    """Add a file of the template's, and one that would be the user's."""
    for name in ("tools/later.py", "tests/test_later.py"):
        (clone / "template" / name).write_text('"""New."""\n', "utf-8")


def removed_file(clone: Path) -> None:
    """Stop rendering a file, and leave it to those who have it."""
    (clone / "template/.editorconfig").unlink()
    edit(clone / "copier.yml", r"^  # No longer rendered.*", r"\g<0>\n  - /.editorconfig")


def new_question(clone: Path) -> None:
    """Ask for something new; the answer stands in one file, and leaves out another."""
    question = "greeting:\n  type: str\n  help: Which greeting?\n  default: hello\n\n"
    edit(clone / "copier.yml", r"^starter:$", rf"{question}\g<0>")
    # With a default, since an update renders it with the answers of the older version as well.
    left_out = "{% if greeting | default('hello') == 'hello' %}/greeting.toml{% endif %}"
    edit(clone / "copier.yml", r"^_exclude:$", f'\\g<0>\n  - "{left_out}"')
    (clone / "template/greeting.toml").write_text("# hello\n", "utf-8")
    edit(clone / "template/deny.toml", r"^\[graph\]$", r"\g<0>\n# {{ greeting }}")
    (clone / "template/deny.toml").rename(clone / "template/deny.toml.jinja")


def renamed_question(clone: Path) -> None:
    """Rename a question; its default reads the old one."""
    edit(
        clone / "copier.yml",
        r"^user_email:(?s:.*?)default: \"\"$",
        "author_email:\n  type: str\n  help: Who?\n  default: \"{{ user_email | default('') }}\"",
    )
    for path in clone.rglob("*"):
        if path.is_file() and ".git" not in path.parts and path.name != "after_copy.jinja":
            text = path.read_text("utf-8")
            kept = "default: \"{{ user_email | default('') }}\""
            text = text.replace(kept, "@@").replace("user_email", "author_email")
            path.write_text(text.replace("@@", kept), "utf-8")


def new_choice(clone: Path) -> None:
    """Offer one more extra, which has a file."""
    edit(clone / "copier.yml", r"^    pypy \(.*", r"\g<0>\n    a book: book")
    left_out = "{% if 'book' not in extras %}/book.toml{% endif %}"
    edit(clone / "copier.yml", r"^_exclude:$", f'\\g<0>\n  - "{left_out}"')
    (clone / "template/book.toml").write_text("title = 1\n", "utf-8")


def newer_pyo3(clone: Path) -> None:
    """Let new projects have a PyO3 that would break the code of older ones, and a newer Rust."""
    for key, old, new in NEWER:
        name = key.removesuffix("_version")
        edit(
            clone / "extensions/versions.yml", rf'{name}: "?{re.escape(old)}"?', f'{name}: "{new}"'
        )


def every_file(clone: Path) -> None:
    """Change each file that is the template's."""
    for path in sorted((clone / "template").rglob("*")):
        name = "/" + path.relative_to(clone / "template").as_posix()
        if path.is_file() and owner(name.removesuffix(".jinja")) == "template":
            text = path.read_text("utf-8")
            start = re.search(r"\A(\{% from .*\n)?(\"\"\".*\n)?", text)
            assert start
            inside = start[2] and not start[2].rstrip().endswith('."""')  # of a docstring
            line = "planted\n" if inside else "# planted\n"
            path.write_text(text[: start.end()] + line + text[start.end() :], "utf-8")


def all_of_these(clone: Path) -> None:
    """Change all of that in one version, except every file."""
    for change in CHANGES[: CHANGES.index(every_file)]:
        change(clone)


CHANGES: list[Change] = [
    new_pin,
    new_key,
    new_last_line,
    new_file,
    removed_file,
    new_question,
    renamed_question,
    new_choice,
    newer_pyo3,
    every_file,
    all_of_these,
]


# What maintainers must never do: the tests have to notice


def forgotten_removal(clone: Path) -> None:
    """Stop rendering a file, and forget those who have it."""
    (clone / "template/.editorconfig").unlink()


def renamed_file(clone: Path) -> None:
    """Rename a file that people may have edited."""
    (clone / "template/deny.toml").rename(clone / "template/cargo-deny.toml")


MISTAKES: list[Change] = [forgotten_removal, renamed_file]


# The commands of a project, in tests

UNDONE = "`just check` fails after this, see above. To undo the update: git revert HEAD"


def tool(
    project: Project,
    *arguments: str,
    code: int = 0,
    env: Mapping[str, str] | None = None,
    **answers: str,
) -> str:
    """Run tools/update.py as the recipes do, but let `just check` fail, which ends it before the wheels."""
    settings = {"ANSWERS": " ".join(f"{k}={v}" for k, v in answers.items()), "JUST": "false"}
    command = (sys.executable, "-B", "tools/update.py", *arguments)
    return project.run(*command, code=code, env={**settings, **(env or {})})


def take(project: Project, version: str = "", **answers: str) -> str:
    """Update to a version or change answers without a conflict, and return what was printed."""
    head = git(project.path, "rev-parse", "HEAD")
    arguments = ("answer",) if answers else ("update", version)
    text = " ".join(f"{name}={value}" for name, value in answers.items())
    output = tool(project, *arguments, code=1, env={"ANSWERS": text})
    assert UNDONE in output, output
    assert git(project.path, "rev-parse", "HEAD~") == head, "the update is one commit"
    assert git(project.path, "status", "--porcelain", "--untracked-files=no") == ""
    return output


def mine(project: Project, name: str, place: str) -> None:
    """Add a line of a person's below a line, and commit it."""
    project.replace(name, place, f"{place}# MINE\n")
    commit(project.path)
