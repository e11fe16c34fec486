"""Take what is new from the template, and say what that does: Copier does the work.

Usage: python tools/template.py answer              change the answers in $ANSWERS, such as "platforms=wide"
       python tools/template.py update [VERSION]    take the newest version of the template, or this one
       python tools/template.py drift               show where the template's own files were changed
"""

import itertools
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path

from contents import PACKAGE, capture
from platforms import ROOT
from wheels import build_environment, forget_folder, unpacked

ANSWERS_FILE = ROOT / ".copier-answers.yml"
# The template's own files, with every answer; all else is yours.
OWNED = (
    ".cargo/config.toml",
    ".copier-answers.yml",
    ".editorconfig",
    ".gitattributes",
    ".github/dependabot.yml",
    ".github/workflows/ci.yml",
    ".github/workflows/publish-azure.yml",
    ".github/workflows/publish-crates-io.yml",
    ".github/workflows/publish-private.yml",
    ".github/workflows/publish-pypi.yml",
    ".github/workflows/release.yml",
    ".github/workflows/security.yml",
    ".github/workflows/wheels.yml",
    ".gitignore",
    "Cargo.toml",
    "RELEASING.md",
    "crates/core/Cargo.toml",
    "crates/py/Cargo.toml",
    "deny.toml",
    "justfile",
    "pyproject.toml",
    "tools/checks.py",
    "tools/contents.py",
    "tools/platforms.py",
    "tools/platforms.toml",
    "tools/publish.py",
    "tools/release.py",
    "tools/stubs.py",
    "tools/template.py",
    "tools/wheels.py",
)
QUESTIONS = (
    "project_name",
    "package_name",
    "crate_name",
    "description",
    "repository_url",
    "user_name",
    "user_email",
    "license",
    "python_min",
    "platforms",
    "platform_ids",
    "wheels_to",
    "crate_to",
    "azure_organization",
    "azure_project",
    "azure_feed",
    "private_index_url",
    "private_upload_url",
    "private_registry_url",
    "extras",
    "starter",
    "pyo3_version",
    "msrv",
    "edition",
)
ASKED_ONCE = {
    "package_name": "it names the folder under python/, and what is in there is yours",
    "crate_name": "Rust code that you wrote uses it",
    "license": "its text is yours, and those who have a copy rely on it",
    "starter": "its code is yours, so no update brings or removes any",
}
LISTS = ("platform_ids", "wheels_to", "crate_to", "extras")
UNDO = "To undo all of it: git restore --source=HEAD --staged --worktree . && git clean -fd ."


def git(*arguments: str, **environment: str) -> str:
    """Run Git, and give what it prints; stop if it fails."""
    result = subprocess.run(
        ["git", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        sys.exit(f"`git {' '.join(arguments)}` failed: {result.stderr.strip()}")
    return result.stdout.strip()


def copier(*arguments: str | Path) -> str:
    """Run Copier without asking, and give what it says; stop with its last line if it fails."""
    result = subprocess.run(
        [sys.executable, "-m", "copier", *arguments, "--defaults"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode:
        *_, last = result.stdout.strip().splitlines() or ["it said nothing"]
        last = (re.findall("fatal: (.*)", result.stdout) or [last])[0]  # Git's own words
        changed = "" if git("status", "--porcelain", "--", ".") else " Nothing was changed."
        reason = re.sub(r"^\w+Error: ", "", last)
        sys.exit(f"Copier refuses: {reason}{changed}")
    return result.stdout


def stored() -> dict[str, str]:
    """Read the stored answers, each as YAML."""
    if not ANSWERS_FILE.exists():
        sys.exit(f"{ANSWERS_FILE.name} is not there: take it out of the history again.")
    return parsed(read(ANSWERS_FILE.name))


def parsed(text: str) -> dict[str, str]:
    """Split an answers file into answers, each as YAML."""
    keys = re.split(r"^(\w+):", text, flags=re.MULTILINE)[1:]
    return {key: " ".join(value.split()) for key, value in zip(keys[::2], keys[1::2], strict=True)}


# Before


def refuse_unsafe() -> None:
    """Stop where an update could lose something, or could not be undone."""
    stored()  # stops where there are no answers
    if not capture("git", "rev-parse", "--verify", "--quiet", "HEAD"):
        sys.exit(
            "The project has no commit yet: type `git init`, `git add --all` and `git commit`."
        )
    if changed := git("status", "--porcelain", "--untracked-files=normal", "--", "."):
        sys.exit(f"There are changes that no commit has; commit or stash them first:\n{changed}")
    # Copier sees no edits in ignored files, be they tracked or not, and whoever's rule it is.
    rules = capture("git", "check-ignore", "--verbose", "--no-index", "--", *OWNED)
    # A rule that begins with ! is the reason why a file is not ignored.
    rules = "\n".join(line for line in rules.splitlines() if not re.match(r".*?:\d+:!", line))
    if rules:
        sys.exit(
            "An update would overwrite your edits in files that Git ignores. Take these rules out,"
            f" or make them narrower:\n{rules}"
        )
    if notes := re.findall("^#.*", read(ANSWERS_FILE.name), re.MULTILINE)[1:]:
        sys.exit(
            f"An update would lose what stands in {ANSWERS_FILE.name}: {notes[0]}. Take it out."
        )
    refuse_answers_changed_by_hand()


def refuse_answers_changed_by_hand() -> None:
    """Stop where the answers file says something of what is asked once that the project is not."""
    commit = git(
        "log", "-1", "--no-show-signature", "--format=%H", "-G^_commit:", "--", ANSWERS_FILE.name
    )
    now, then = stored(), parsed(git("show", f"{commit}:./{ANSWERS_FILE.name}"))
    core = re.search(r'^rust_core = .*package = "(.*?)"', read("Cargo.toml"), re.MULTILINE)
    license = now.get("license", "")
    spdx = license.replace("proprietary", "LicenseRef-Proprietary")
    relicensed = f'license = "{spdx}"' in read("pyproject.toml").splitlines()
    is_there = {
        "package_name": PACKAGE,
        "crate_name": core[1] if core else "",
        "license": license if relicensed else then["license"],
        "starter": then["starter"],
    }
    for key, value in is_there.items():
        found = now.get(key, "nothing").strip("'\"")
        if found != value:
            sys.exit(
                f"{ANSWERS_FILE.name} says {key}: {found}, but the project has {value}."
                f" Write {value} there: {key} is asked only once, since {ASKED_ONCE[key]}."
            )


def read(name: str) -> str:
    """Read a file of the project."""
    return (ROOT / name).read_text("utf-8")


def pairs(words: str) -> dict[str, str]:
    """Split "platforms=wide description=Two words" at the names."""
    parts = re.split(r"(?:^|\s+)(\w+)=", words)
    answers = dict(zip(parts[1::2], parts[2::2], strict=True))
    if parts[0] or not answers:
        sys.exit(f"{parts[0] or words!r} is no answer: type it as `just answer platforms=wide`.")
    for key, value in answers.items():
        if key not in QUESTIONS:
            sys.exit(f"{key} is no question of the template. The questions: {', '.join(QUESTIONS)}")
        if key in ASKED_ONCE:
            sys.exit(f"{key} is asked only once, since {ASKED_ONCE[key]}.")
        if key in LISTS and not value.startswith("["):
            answers[key] = f"[{value}]"
    return answers


# After


def report_answers(before: Mapping[str, str], given: Mapping[str, str]) -> None:
    """Name the versions, the new questions whose defaults were taken, and what else became of answers."""
    after = stored()
    if before["_commit"] != after["_commit"]:
        print(f"The template was {before['_commit']}, and is {after['_commit']} now.")
    for key, value in after.items():
        if key in given or key.startswith("_") or value == before.get(key):
            continue
        if key in before:
            print(f"{key} was {before[key]}, and is {value} now.")
        else:
            print(f"{key} is new, and its default was taken: {value}")
    report_unasked(given)


def report_unasked(given: Iterable[str]) -> None:
    """Name answers that were given for nothing."""
    for key in given:
        if key not in stored():
            print(f"{key} was not stored: with these answers, nobody is asked for it.")


def report_files(news: Iterable[str]) -> None:
    """Print the template's own news, and name files that are gone."""
    for line in news:
        given_up = re.match(r"- (\S+), if you have it,", line)
        if not given_up or (ROOT / given_up[1]).exists():
            print(line)
    for name in git("diff", "HEAD", "--name-only", "--relative", "--diff-filter=D").splitlines():
        print(
            f"{name} is deleted. To have it back: git restore --source=HEAD --staged --worktree {name}"
        )


def stop_at_conflicts() -> None:
    """List conflicts file by file, and stop if there is one."""
    names = git("diff", "--name-only", "--relative", "--diff-filter=U").splitlines()
    if not names:
        print("No conflicts.", flush=True)
        return
    print(
        "Conflicts. In each file choose between the lines, then `git add` it, and type `just check`:"
    )
    for name in names:
        print(f"  {name}: {len(re.findall('^<<<<<<< ', read(name), re.MULTILINE))}")
    sys.exit(UNDO)


def compare_wheels() -> str:
    """Build a wheel of the last commit and one of what is there now, and say what differs in them."""
    before, after = (build_wheel(tree) for tree in ("HEAD", work_tree()))
    if before == after:
        return "Your wheel stays byte for byte the same."
    old, new = members(before), members(after)
    changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    return f"This changes in your wheel: {', '.join(changed)}"


def work_tree() -> str:
    """Store what is there now in Git, without a commit, and give its name."""
    with tempfile.TemporaryDirectory() as scratch:
        index = str(Path(scratch, "index"))
        git("read-tree", "HEAD", GIT_INDEX_FILE=index)
        git("add", "--all", ".", GIT_INDEX_FILE=index)
        return git("write-tree", GIT_INDEX_FILE=index)


def build_wheel(tree: str) -> bytes:
    """Build a wheel of a tree of Git."""
    archive = subprocess.check_output(["git", "archive", "--prefix=tree/", tree], cwd=ROOT)
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        source = unpacked(files)
    command = ["maturin", "build", "--release", "--quiet", "--interpreter", sys.executable]
    environment = build_environment(source)
    command += ["--out", str(source / "dist")]
    if subprocess.run(command, cwd=source, env=environment, check=False).returncode:
        sys.exit(f"The wheels cannot be compared: one of them cannot be built, see above.\n{UNDO}")
    (wheel,) = (source / "dist").glob("*.whl")
    forget_folder(wheel, source)
    return wheel.read_bytes()


def members(wheel: bytes) -> dict[str, bytes]:
    """Read what a wheel holds, but for the list of it."""
    with zipfile.ZipFile(BytesIO(wheel)) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/RECORD")]
        return {name: archive.read(name) for name in names}


# The verbs


def apply(options: Iterable[str], given: Mapping[str, str]) -> None:
    """Let Copier update the project, and say all that a person wants to know before a commit."""
    refuse_unsafe()
    before = stored()
    said = copier("update", *options)
    if not git("status", "--porcelain", "--", "."):
        print("Nothing changes: the project has this version, and these answers.")
        report_unasked(given)
        return
    report_answers(before, given)
    report_files([line for line in said.splitlines() if line.startswith("- ")])
    stop_at_conflicts()
    check = [os.environ.get("JUST", "just"), "check"]
    if subprocess.run(check, cwd=ROOT, check=False).returncode:
        sys.exit(f"`just check` fails after this, see above.\n{UNDO}")
    print(f"\n{compare_wheels()}\nTo keep it: git add --all . && git commit\n{UNDO}")


def answer(words: str) -> None:
    """Change answers; the version of the template stays."""
    given = pairs(words)
    data = [part for key, value in given.items() for part in ("--data", f"{key}={value}")]
    apply(["--vcs-ref", ":current:", *data], given)


def drift() -> None:
    """Compare the template's own files with a fresh copy of the recorded version."""
    answers = stored()
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch, "fresh")
        recorded = answers["_commit"].strip("'\"")  # YAML quotes a commit that looks like a number
        version = ("--quiet", "--vcs-ref", recorded, "--data-file", ANSWERS_FILE)
        copier("copy", *version, answers["_src_path"], fresh)
        rendered = [path for path in fresh.rglob("*") if path.is_file()]
        names = [path.relative_to(fresh).as_posix() for path in rendered]
        owned = [name for name in names if name in OWNED]
        for source, name in itertools.product((fresh, ROOT), owned):
            copy = Path(scratch, "template" if source is fresh else "project", name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if (source / name).exists():
                shutil.copy(source / name, copy)
        compare = ["git", "diff", "--no-index", "template", "project"]
        if not subprocess.run(compare, cwd=scratch, check=False).returncode:
            print("No file of the template's was changed.")


def main(words: list[str]) -> None:
    """Do what the words say."""
    match words:
        case ["answer"]:
            answer(os.environ["ANSWERS"])
        case ["update", *version] if len(version) < 2:
            apply(["--vcs-ref", *version] if version else [], {})
        case ["drift"]:
            drift()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
