"""Take what is new from the template, and say what that does: Copier does the work.

Usage: python tools/template.py answer              change the answers in $ANSWERS, such as "platforms=wide"
       python tools/template.py update [VERSION]    take the newest version of the template, or this one
       python tools/template.py drift               show where the template's own files were changed
"""

import ast
import itertools
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
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
    "clippy.toml",
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
# Copier reads what Git prints. With these settings of a person's own it would lose edits, or stop:
# unlisted files, blanks that count as errors, hooks that refuse a commit. Git before 2.31 ignores this.
SAFE_SETTINGS = {
    "status.showUntrackedFiles": "normal",
    "apply.whitespace": "nowarn",
    "core.hooksPath": os.devnull,
}
# With fewer lines of context, as by default, an edit can land where the lines around it are the same,
# such as in another job of a workflow. With the whole file, Git merges file by file.
WHOLE_FILE = ("--context-lines", "100000")
NOTHING = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # the empty tree, as every repository has it
# One value of YAML: in quotes, or without any.
VALUE = r"""(?:'(?:[^']|'')*'|"(?:\\.|[^"\\])*"|[^'"\s#]\S*(?: (?!#)\S+)*)?"""
UNDO = "To undo all of it, in the project's folder: git restore --source=HEAD --staged --worktree . && git clean -fd ."


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
    return result.stdout.rstrip()


def copier(*arguments: str | Path) -> str:
    """Run Copier without asking, and give what it says; stop with its last line if it fails."""
    first = int(os.environ.get("GIT_CONFIG_COUNT", "0"))
    environment = {**os.environ, "GIT_CONFIG_COUNT": str(first + len(SAFE_SETTINGS))}
    for index, (key, value) in enumerate(SAFE_SETTINGS.items(), first):
        environment |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}
    result = subprocess.run(
        [sys.executable, "-m", "copier", *arguments, "--defaults"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode:
        *_, last = result.stdout.strip().splitlines() or ["it said nothing"]
        last = (re.findall("fatal: (.*)", result.stdout) or [last])[0]  # Git's own words
        reason = re.sub(r"^\w+Error:? ?", "", last)
        sys.exit(f"Copier refuses: {reason or last}")
    return result.stdout


@contextmanager
def rendered(version: Sequence[str]) -> Iterator[Path]:
    """Render a version of the template, with the stored answers, in a folder that goes away again."""
    source = stored()["_src_path"].strip("'\"")
    with tempfile.TemporaryDirectory() as scratch:
        options = ["--quiet", "--data-file", str(ANSWERS_FILE), *version]
        copier("copy", *options, source, Path(scratch, "fresh"))
        yield Path(scratch, "fresh")


def stored() -> dict[str, str]:
    """Read the stored answers, each as YAML."""
    if not ANSWERS_FILE.exists():
        sys.exit(f"{ANSWERS_FILE.name} is not there: take it out of the history again.")
    answers = parsed(read(ANSWERS_FILE.name))
    for key in ("_commit", "_src_path"):
        if key not in answers:
            sys.exit(f"{ANSWERS_FILE.name} has no {key}: take it out of the history again.")
    return answers


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
    refuse_ignored()
    refuse_hidden()
    refuse_leftovers()
    refuse_unmergeable()
    refuse_notes()
    refuse_answers_changed_by_hand()


def refuse_ignored() -> None:
    """Stop where Git ignores a file of the template's: Copier sees no edits there, tracked or not."""
    command = ["git", "check-ignore", "--verbose", "--no-index", "--", *OWNED]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode > 1:  # 1 is "none of them"
        sys.exit(f"Git cannot say which of the template's files it ignores. {result.stderr}")
    # A rule that begins with ! is the reason why a file is not ignored.
    lines = result.stdout.splitlines()
    rules = "\n".join(line for line in lines if not re.match(r".*?:\d+:!", line))
    if rules:
        sys.exit(
            "An update would overwrite your edits in files that Git ignores. Take these rules out,"
            f" or make them narrower:\n{rules}"
        )


def refuse_hidden() -> None:
    """Stop where Git was told not to look at a file of the template's."""
    for line in git("ls-files", "-v", "--", *OWNED).splitlines():
        flag, name = line.split(" ", 1)
        if (flag == "S" or flag.islower()) and (ROOT / name).exists():
            sys.exit(
                f"Git does not look at your edits in {name}, so an update would overwrite them. Type"
                f" `git update-index --no-skip-worktree --no-assume-unchanged {name}`, and commit"
                " what you changed."
            )


def refuse_leftovers() -> None:
    """Stop at what Copier would take for its own, or bring back, anywhere in the repository."""
    status = git("status", "--porcelain", "--ignored", "--untracked-files=normal", "--", ":/")
    for line in status.splitlines():
        name = line[3:].strip('"')
        if line[:2] in ("??", "!!") and name.endswith(".rej"):
            sys.exit(f"Copier takes files such as {name} for its own: move it away, or delete it.")
        if line[1] == "D":
            sys.exit(
                f"An update would bring {name} back: commit that you deleted it, or restore it."
            )


def refuse_unmergeable() -> None:
    """Stop where Git could not merge an edit: no text, no UTF-8, or a conflict that is still there."""
    counts = git("diff-tree", "-r", "--numstat", "--relative", NOTHING, "HEAD", "--", *OWNED)
    binary = re.findall(r"^-\t-\t(.*)", counts, re.MULTILINE)
    for name in filter(lambda name: (ROOT / name).is_file(), OWNED):
        try:
            text = (ROOT / name).read_text("utf-8")
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            sys.exit(f"{name} is not UTF-8, so an update would lose your edits: save it as UTF-8.")
        if name in binary:
            sys.exit(
                f"{name} is binary for Git, so an update would lose your edits: look for an attribute"
                " or a filter that makes it so, in .gitattributes or in your own settings."
            )
        if re.search("^<<<<<<< before updating", text, re.MULTILINE):
            sys.exit(f"{name} has a conflict of an earlier update: choose between the lines first.")


def refuse_notes() -> None:
    """Stop where the answers file says more than Copier writes into it."""
    notes = re.findall("^#.*", read(ANSWERS_FILE.name), re.MULTILINE)[1:]
    for key, value in stored().items():
        behind = re.fullmatch(rf"{VALUE}\s*(#.*)", value)
        notes += [behind[1]] if behind else []
        notes += [] if key in QUESTIONS or key.startswith("_") else [key]
    if notes:
        sys.exit(
            f"An update would lose what stands in {ANSWERS_FILE.name}: {notes[0]}. Take it out."
        )


def refuse_overwriting(version: Sequence[str]) -> None:
    """Stop where a file that is new in the template would replace one that Git ignores."""
    others = ("ls-files", "--others", "--ignored", "--exclude-standard", "--directory")
    # What builds and tests leave behind: the template's lines of .gitignore.
    rules = ROOT / ".gitignore"
    made = rules.read_text("utf-8").partition("# Yours:")[0].split() if rules.exists() else []
    ends = [re.findall(r"[^/]+/?", name)[-1] for name in git(*others).splitlines()]
    if all(any(fnmatch(end, pattern) for pattern in made) for end in ends):
        return
    with rendered(version) as fresh:
        source = (fresh / "tools/template.py").read_text("utf-8")
        (owned,) = re.findall(r"^OWNED = (\(.*?^\))", source, re.MULTILINE | re.DOTALL)
        names = [name for name in ast.literal_eval(owned) if (fresh / name).exists()]
    tracked = git("ls-files", "--", *names).splitlines()
    for name in names:
        if name not in tracked and (ROOT / name).exists():
            sys.exit(
                f"{name} is new in the template, and would replace yours, which no commit has:"
                " move yours away first."
            )


def refuse_answers_changed_by_hand() -> None:
    """Stop where the answers file says something of what is asked once that the project is not."""
    commit = git(
        "log", "-1", "--no-show-signature", "--format=%H", "-G^_commit:", "--", ANSWERS_FILE.name
    )
    now, then = stored(), parsed(git("show", f"{commit}:./{ANSWERS_FILE.name}"))
    workspace = tomllib.loads(read("Cargo.toml")).get("workspace", {})
    core = workspace.get("dependencies", {}).get("rust_core")
    license = now.get("license", "")
    spdx = license.replace("proprietary", "LicenseRef-Proprietary")
    relicensed = f'license = "{spdx}"' in read("pyproject.toml").splitlines()
    is_there = {
        "package_name": PACKAGE,
        "crate_name": core.get("package") if isinstance(core, dict) else None,
        "license": license if relicensed else then.get("license"),
        "starter": then.get("starter"),
    }
    for key, value in is_there.items():
        found = now.get(key, "nothing").strip("'\"")
        if value and found != value:
            sys.exit(
                f"{ANSWERS_FILE.name} says {key}: {found}, but the project has {value}."
                f" Write {value} there: {key} is asked only once, since {ASKED_ONCE[key]}."
            )


def read(name: str) -> str:
    """Read a file of the project."""
    return (ROOT / name).read_text("utf-8")


def pairs(words: str) -> dict[str, str]:
    """Split "platforms=wide description=Two words" at the names of questions."""
    parts = re.split(rf"\s+(?=(?:{'|'.join(QUESTIONS)})=)", words.strip())
    for part in parts:
        if not re.match(r"\w+=", part):
            sys.exit(f"{part!r} is no answer: type it as `just answer platforms=wide`.")
    answers = dict(part.split("=", 1) for part in parts)
    for key, value in answers.items():
        if key not in QUESTIONS:
            sys.exit(f"{key} is no question of the template. The questions: {', '.join(QUESTIONS)}")
        if key in ASKED_ONCE:
            sys.exit(f"{key} is asked only once, since {ASKED_ONCE[key]}.")
        if key in LISTS:
            answers[key] = f"[{value.strip('[] ')}]"
    return answers


# After


def report_answers(before: Mapping[str, str], given: Mapping[str, str]) -> None:
    """Name the versions, the new questions whose defaults were taken, and what became of each answer."""
    after = stored()
    if before["_commit"] != after["_commit"]:
        print(f"The template was {before['_commit']}, and is {after['_commit']} now.")
    for key, value in after.items():
        if key.startswith("_") or value.strip("'\"") == before.get(key, "\0").strip("'\""):
            continue
        if key in before:
            print(f"{key} was {before[key]}, and is {value} now.")
        elif key in given:
            print(f"{key} is {value} now.")
        else:
            print(f"{key} is new, and its default was taken: {value}")
    for key in before:
        if key not in after:
            print(f"{key} was {before[key]}, and is not stored any more.")
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
    manifest = tomllib.loads((source / "crates/py/Cargo.toml").read_text("utf-8"))
    if "abi3" in manifest.get("features", {}):  # as tools/wheels.py builds; older projects lack it
        command += ["--features", "abi3"]
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


def take(options: Iterable[str]) -> str:
    """Let Copier update the project, and say how to undo what it left if it stops midway."""
    try:
        return copier("update", *WHOLE_FILE, *options)
    except KeyboardInterrupt:
        reason = "Stopped."
    except SystemExit as refusal:
        reason = str(refusal)
    if git("status", "--porcelain", "--", "."):
        sys.exit(f"{reason}\nHalf of the update is there. {UNDO}")
    sys.exit(f"{reason} Nothing was changed.")


def apply(options: Iterable[str], given: Mapping[str, str]) -> None:
    """Let Copier update the project, and say all that a person wants to know before a commit."""
    before = stored()
    said = take(options)
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
    refuse_unsafe()
    apply(["--vcs-ref", ":current:", *data], given)


def update(version: Sequence[str]) -> None:
    """Take a version of the template, the newest if none is named."""
    options = ["--vcs-ref", *version] if version else []
    refuse_unsafe()
    refuse_overwriting(options)
    apply(options, {})


def drift() -> None:
    """Compare the template's own files with a fresh copy of the recorded version."""
    recorded = stored()["_commit"].strip("'\"")  # YAML quotes a commit that looks like a number
    with rendered(["--vcs-ref", recorded]) as fresh:
        owned = [name for name in OWNED if (fresh / name).is_file()]
        for source, name in itertools.product((fresh, ROOT), owned):
            copy = fresh.parent / ("template" if source is fresh else "project") / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if (source / name).is_file():
                shutil.copy(source / name, copy)
        compare = ["git", "diff", "--no-index", "template", "project"]
        if not subprocess.run(compare, cwd=fresh.parent, check=False).returncode:
            print("No file of the template's was changed.")


def main(words: list[str]) -> None:
    """Do what the words say."""
    match words:
        case ["answer"]:
            answer(os.environ["ANSWERS"])
        case ["update", *version] if len(version) < 2:
            update(version)
        case ["drift"]:
            drift()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
