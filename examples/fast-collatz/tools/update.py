"""Take what is new from the template, as a commit that Git merges.

Usage: python tools/update.py answer              change the answers in $ANSWERS, such as "platforms=wide"
       python tools/update.py update [VERSION]    take the newest version of the template, or this one
       python tools/update.py drift               show where the template's own files were changed

Copier renders the project twice, as it was and as it should be, without the files that are yours. Both become
commits, parent and child, and `git cherry-pick` takes the child.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import wheels
import yaml

ROOT = Path(__file__).resolve().parent.parent
ANSWERS = ".copier-answers.yml"
YOURS = "tools/yours.txt"
ASKED_ONCE = {
    "package_name": "it names the folder under python/",
    "crate_name": "your Rust code uses it",
    "license": "its text is yours",
    "starter": "its code is yours",
}
# Questions that only some answers ask, so that they may not be in the file yet.
CONDITIONAL = (
    "platform_ids",
    "azure_organization",
    "azure_project",
    "azure_feed",
    "private_index_url",
    "private_upload_url",
    "private_registry_url",
)
LISTS = {"platform_ids", "wheels_to", "crate_to", "extras"}
Answers = dict[str, object]


def git(
    *arguments: str | Path, cwd: Path = ROOT, check: bool = True, index: Path | None = None
) -> str:
    """Run Git, with an index of its own if one is given, and return what it prints."""
    command = ["git", *map(str, arguments)]
    environment = {**os.environ, "GIT_INDEX_FILE": str(index)} if index else os.environ
    result = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )
    if check and result.returncode:
        sys.exit(f"`git {arguments[0]}` failed: {result.stderr.strip()}")
    return result.stdout.rstrip("\n")


# What stands in the repository


def refuse_unready() -> None:
    """Stop unless the project has a commit and no other change, so that Git can undo what follows."""
    if not (ROOT / ANSWERS).exists():
        sys.exit(f"{ANSWERS} is missing: restore it from the history.")
    if not git("rev-parse", "--verify", "--quiet", "HEAD", check=False):
        sys.exit("The project has no commit yet: type `git init`, `git add --all`, `git commit`.")
    for head in ("CHERRY_PICK_HEAD", "MERGE_HEAD", "REBASE_HEAD", "REVERT_HEAD"):
        if git("rev-parse", "--verify", "--quiet", head, check=False):
            verb = head.split("_HEAD")[0].lower().replace("_", "-")
            sys.exit(
                f"A {verb} is not finished: type `git {verb} --continue` or `git {verb} --abort`."
            )
    status = git("status", "--porcelain", "--untracked-files=normal", "--", ".").splitlines()
    # The recipe itself makes uv.lock, where there is none yet.
    locks = re.compile(r'\?\? "?(.*/)?(uv|Cargo)\.lock"?')
    if changed := [line for line in status if not locks.fullmatch(line)]:
        sys.exit("\n".join(["Commit or stash these changes first:", *changed]))
    if staged := git("diff", "--cached", "--name-only"):  # elsewhere in a larger repository
        sys.exit(f"Commit these staged changes first, or unstage them:\n{staged}")


def read_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, OSError) as error:
        sys.exit(f"{path.name} cannot be read: {error}.")


def answers_at(commit: str) -> Answers:
    """Read the answers file of a commit."""
    try:
        loaded = yaml.safe_load(git("show", f"{commit}:./{ANSWERS}"))
        return {**loaded, "_commit": str(loaded["_commit"]), "_src_path": loaded["_src_path"]}
    except (yaml.YAMLError, TypeError, KeyError) as error:
        sys.exit(f"{ANSWERS} is damaged ({error}): restore it from the history.")


def last_rendered() -> str:
    """Return the commit that the template's files were last rendered for.

    Answers that were edited by hand since then have not been rendered.
    """
    log = ("log", "-1", "--no-show-signature", "--basic-regexp", "--format=%H")
    commits = [
        git(*log, "--grep=^Template-Version: ", "--", "."),
        git(*log, "-G^_commit:", "--", ANSWERS),
        git(*log, "--grep=^This reverts commit ", "--", ANSWERS),
    ]
    newest = ""
    for commit in filter(None, commits):
        if not newest or git("merge-base", newest, commit) == newest:
            newest = commit
    return newest or "HEAD"


def refuse_renamed(now: Answers, then: Answers) -> None:
    """Stop if the answers file names something that is asked once, and the project has another."""
    project = read_toml(ROOT / "pyproject.toml")
    workspace = read_toml(ROOT / "Cargo.toml").get("workspace", {})
    core = workspace.get("dependencies", {}).get("rust_core", {})
    maturin = project.get("tool", {}).get("maturin", {})
    declared = project.get("project", {}).get("license")
    license = "proprietary" if declared == "LicenseRef-Proprietary" else declared
    has = {
        "package_name": maturin.get("module-name", "").rpartition(".")[0],
        "crate_name": core.get("package") if isinstance(core, dict) else None,
        "license": license if isinstance(license, str) else None,
        "starter": then.get("starter"),
    }
    for key, value in has.items():
        if value and now.get(key) not in (value, then.get(key)):
            sys.exit(
                f"{ANSWERS} says {key}: {now.get(key)}, but the project has {value}. Write {value}"
                f" there: {key} is asked only once, since {ASKED_ONCE[key]}."
            )


def parse(text: str) -> dict[str, str]:
    """Split "platforms=wide description=Two words" at the names of questions."""
    names = "|".join([*answers_at("HEAD"), *CONDITIONAL])
    parts = re.split(rf"\s+(?=(?:{names})=)", text.strip())
    if wrong := [part for part in parts if not re.match(r"\w+=", part)]:
        sys.exit(f"{wrong[0]!r} is no answer: type it as `just answer platforms=wide`.")
    answers = dict(part.split("=", 1) for part in parts)
    for key in answers.keys() & ASKED_ONCE.keys():
        sys.exit(f"{key} is asked only once, since {ASKED_ONCE[key]}.")
    for key in answers.keys() & LISTS:
        answers[key] = f"[{answers[key].strip('[] ')}]"
    return answers


# What the template renders


def render(version: str, answers: Answers, folder: Path) -> list[str]:
    """Render a version of the template, and return its news; stop with Copier's last line if it fails."""
    data = folder.with_name(f"{folder.name}.yml")
    questions = {key: value for key, value in answers.items() if not key.startswith("_")}
    data.write_text(yaml.safe_dump(questions), "utf-8")
    command = [sys.executable, "-m", "copier", "copy", "--defaults"]
    command += ["--data-file", str(data), *(["--vcs-ref", version] if version else [])]
    result = subprocess.run(
        [*command, str(answers["_src_path"]), str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        said = re.findall("fatal: (.*)", result.stderr) or result.stderr.strip().splitlines()
        reason = re.sub(r"^\w+Error: ", "", said[-1] if said else "it said nothing")
        sys.exit(f"Copier refuses: {reason.rstrip('.')}. Nothing was changed.")
    return [line for line in result.stderr.splitlines() if line.startswith("- ")]


def keep_template(folder: Path, patterns: Path) -> None:
    """Delete what is yours from a render."""
    listing = ("ls-files", "--others", "--ignored", f"--exclude-from={patterns}")
    with tempfile.TemporaryDirectory() as scratch:
        git("init", "--quiet", cwd=Path(scratch))
        options = (f"--git-dir={scratch}/.git", f"--work-tree={folder}")
        for name in git(*options, *listing, "-z", cwd=folder).split("\0"):
            (folder / name).unlink() if name else None


def store(folder: Path) -> str:
    """Store a render in Git, below the project's place in the repository, and return its tree."""
    directory = git("rev-parse", "--absolute-git-dir")
    prefix = git("rev-parse", "--show-prefix")
    with tempfile.TemporaryDirectory() as scratch:
        index = Path(scratch, "index")
        options = (
            f"--git-dir={directory}",
            f"--work-tree={folder}",
            "-c",
            "core.sparseCheckout=false",
        )
        git(*options, "add", "--all", "--force", ".", cwd=folder, index=index)
        tree = git("write-tree", index=index)
        if prefix:
            git("read-tree", "--empty", index=index)
            git("read-tree", f"--prefix={prefix}", tree, index=index)
            tree = git("write-tree", index=index)
    return tree


@dataclass
class Change:
    """A commit with what the template rendered before, and one with what it renders now."""

    before: str
    after: str
    answers: Answers
    news: list[str]


@contextmanager
def rendered(version: str, then: Answers, now: Answers, subject: str) -> Iterator[Change]:
    """Render the project as it was and as it should be, and make parent and child of them."""
    with tempfile.TemporaryDirectory() as scratch:
        old, new = Path(scratch, "old"), Path(scratch, "new")
        render(str(then["_commit"]), then, old)
        news = render(version, now, new)
        own = new / YOURS if (new / YOURS).exists() else ROOT / YOURS
        patterns = Path(scratch, "yours")
        patterns.write_bytes(own.read_bytes())
        for folder in (old, new):
            keep_template(folder, patterns)
        if not (new / ANSWERS).exists():
            sys.exit(
                "The template is no Git repository with versions: look at _src_path in " + ANSWERS
            )
        answers = yaml.safe_load((new / ANSWERS).read_text("utf-8"))
        # Copier owns this file, so that it never conflicts.
        (old / ANSWERS).write_text(git("show", f"HEAD:./{ANSWERS}") + "\n", "utf-8")
        message = f"{subject or 'Template ' + str(answers['_commit'])}\n\nTemplate-Version: {answers['_commit']}"
        before = git("commit-tree", store(old), "-m", "What the template rendered before")
        after = git("commit-tree", store(new), "-p", before, "-m", message)
        yield Change(before, after, answers, news)


def refuse_overwriting(change: Change) -> None:
    """Stop where a new file of the template's would replace a file that Git ignores."""
    listing = ("diff", "--name-only", "--no-renames", "--relative", "-z", "--diff-filter=A")
    added = git(*listing, change.before, change.after)
    for name in filter(None, added.split("\0")):
        places = [name, *(str(parent) for parent in Path(name).parents)][:-1]
        for place in places:
            is_in_the_way = os.path.lexists(ROOT / place) and not (ROOT / place).is_dir()
            if is_in_the_way and not git("ls-files", "--", place):
                sys.exit(
                    f"{name} is new in the template, and Git ignores {place}: move yours away."
                )


# What Git makes of it


def pick(change: Change) -> bool:
    """Take the change as a commit, and return whether there was anything to take."""
    if git("rev-parse", f"{change.before}:") == git("rev-parse", f"{change.after}:"):
        return False
    head = git("rev-parse", "HEAD")
    command = ["git", "cherry-pick", "--allow-empty", "--keep-redundant-commits", change.after]
    picked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    conflicts = git("diff", "--name-only", "--relative", "--diff-filter=U").splitlines()
    if conflicts:
        print("Conflicts, in these files:", *conflicts, sep="\n  ")
        sys.exit(
            "Choose between the lines in each, then `git add` it. `git cherry-pick --continue` ends the"
            " update; type `just setup check` after it. `git cherry-pick --abort` undoes all of it."
        )
    if git("rev-parse", "HEAD") == head:
        git("cherry-pick", "--abort", check=False)
        sys.exit(f"Git did not take the change, and nothing was changed: {picked.stderr.strip()}")
    return True


def refresh_locks() -> None:
    """Bring the locks in line with the manifests, in the same commit."""
    for name, command in {
        "uv.lock": ["uv", "lock", "--quiet"],
        "Cargo.lock": ["cargo", "update", "--workspace", "--quiet"],
    }.items():
        if not git("ls-files", "--", name):
            continue
        if (
            not shutil.which(command[0])
            or subprocess.run(command, cwd=ROOT, check=False).returncode
        ):
            print(f"{name} was not brought up to date: type `{' '.join(command)}`, and commit it.")
        if git("status", "--porcelain", "--", name):
            print(f"{name} was brought up to date.")
            git("add", "--", name)
    if git("diff", "--cached", "--name-only"):
        git("commit", "--amend", "--no-edit", "--no-verify", "--quiet")


def report(then: Answers, now: Answers, given: Mapping[str, str]) -> None:
    """Print what became of the version and of each answer, and which files are gone."""
    for key, value in now.items():
        if key not in then and key not in given:
            print(f"{key} is new; its default was taken: {value}")
        elif value != then.get(key) and key != "_src_path":
            name = "The version of the template" if key == "_commit" else key
            print(f"{name} was {then.get(key, 'not set')}, and is {value} now.")
    for key in then.keys() - now.keys():
        print(f"{key} was {then[key]}, and is not stored any more.")
    deleted = git("diff", "--name-only", "--relative", "--diff-filter=D", "HEAD~", "HEAD")
    for name in deleted.splitlines():
        print(f"{name} is deleted. To have it back: git checkout HEAD~ -- {name}")


# What it does to the wheels


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """Check a commit out beside the project, always in the same folder, so that Cargo compiles PyO3 once."""
    folder = ROOT / "target/compared"
    git("worktree", "prune")
    git("worktree", "add", "--quiet", "--force", "--detach", folder, commit)
    try:
        if (folder / ".gitmodules").exists():
            git("submodule", "update", "--quiet", "--init", "--recursive", cwd=folder)
        yield folder / git("rev-parse", "--show-prefix")
    finally:
        git("worktree", "remove", "--force", folder)


def build(source: Path) -> dict[str, bytes]:
    """Build the wheel of this machine with the maturin that is locked there, and return its members."""
    maturin = ["uv", "run", "--quiet", "--only-group", "build", "maturin", "build", "--quiet"]
    features = read_toml(source / "crates/py/Cargo.toml").get("features", {})
    maturin += (
        ["--features", "abi3"] if "abi3" in features else []
    )  # before 1.1.0 it was no feature
    environment = wheels.build_environment(source)
    environment.pop("VIRTUAL_ENV", None)
    command = [*maturin, "--release", "--out", str(source / "dist")]
    if subprocess.run(command, cwd=source, env=environment, check=False).returncode:
        sys.exit("The wheels cannot be compared: one of them cannot be built, see above.")
    (wheel,) = (source / "dist").glob("*.whl")
    wheels.forget_folder(wheel, source)
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/RECORD")]
        return {name: archive.read(name) for name in names}


def plan(source: Path) -> dict[str, object]:
    """Return how the wheels of each platform are built: its job, and what all of them share."""
    command = [sys.executable, "tools/platforms.py", "plan"]
    result = subprocess.run(command, cwd=source, stdout=subprocess.PIPE, text=True, check=True)
    jobs = json.loads(result.stdout)
    shared = read_toml(source / "pyproject.toml")["tool"].get("cibuildwheel")
    return {job["id"]: (job, shared) for job in jobs["native"] + jobs["cross"]}


def compare_wheels() -> str:
    """Return what the last commit changes in the wheels."""
    with checkout("HEAD~") as source:
        old, before = build(source), plan(source)
    with checkout("HEAD") as source:
        new, after = build(source), plan(source)
    different = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    sentence = "This machine's wheel stays byte for byte the same."
    if different:
        sentence = f"This changes in this machine's wheel: {', '.join(different)}."
    groups = {
        "Built with other settings": [
            id for id in after if id in before and before[id] != after[id]
        ],
        "New": [id for id in after if id not in before],
        "No longer built": [id for id in before if id not in after],
    }
    lines = [f"{title}: {', '.join(ids)}." for title, ids in groups.items() if ids]
    return "\n".join([sentence, *(lines or ["The settings of all platforms stay the same."])])


# The verbs


def update(version: str, given: Mapping[str, str]) -> None:
    """Take a version of the template with these answers; the newest version if none is named."""
    refuse_unready()
    then, now = answers_at(last_rendered()), answers_at("HEAD")
    then["_src_path"] = now["_src_path"]  # the template may have moved
    refuse_renamed(now, then)
    subject = (
        f"Answer {' '.join(f'{key}={value}' for key, value in given.items())}" if given else ""
    )
    lists = {key: yaml.safe_load(value) for key, value in given.items() if key in LISTS}
    answers = {**now, **given, **lists}
    with rendered(
        version or str(now["_commit"]) if given else version, then, answers, subject
    ) as change:
        if unknown := given.keys() - change.answers.keys():
            names = ", ".join(key for key in change.answers if not key.startswith("_"))
            sys.exit(
                f"{', '.join(unknown)} is not a question of these answers. Questions: {names}."
                " Nothing was changed."
            )
        refuse_overwriting(change)
        if not pick(change):
            print(
                "Nothing changes: the project has this version, and these answers. See `just drift`."
            )
            return
        refresh_locks()
        report({**then, **now}, change.answers, given)
        print(*change.news, sep="\n")
    if subprocess.run([os.environ.get("JUST", "just"), "check"], cwd=ROOT, check=False).returncode:
        sys.exit("`just check` fails after this, see above. To undo the update: git revert HEAD")
    print(f"\n{compare_wheels()}\nIt is committed. To undo it: git revert HEAD")


def unedited(names: Sequence[str]) -> list[str]:
    """Return the files that no commit of a person changed: merging two updates can leave such a mixture."""
    born = git("log", "--format=%H", "--diff-filter=A", "--", ANSWERS).splitlines()
    by_hand = (
        "log",
        "--basic-regexp",
        "--format=%H",
        "--no-merges",
        "--invert-grep",
        "--grep=^Template-Version: ",
    )
    return [name for name in names if not {*git(*by_hand, "--", name).splitlines()} - {*born}]


def drift() -> None:
    """Show how the template's own files differ from what it renders for the recorded answers."""
    now = answers_at("HEAD")
    with rendered(str(now["_commit"]), now, now, "") as change:
        names = git("ls-tree", "-r", "--name-only", change.after, ".").splitlines()
        different = ("--no-ext-diff", "--relative", change.after, "--", *names)
        changed = git("diff", "--name-only", *different).splitlines()
    if not changed:
        print("No file of the template's was changed.")
        return
    print(git("diff", *different).encode(errors="replace").decode())
    for name in unedited(changed):
        print(
            f"{name} differs, though no commit of yours changed it: answers that were not rendered, or"
            " two updates that were merged. `just update` renders it again."
        )


def main(words: list[str]) -> None:
    """Do what the words say."""
    for name in git("rev-parse", "--local-env-vars").split():
        os.environ.pop(name, None)  # a Git hook sets these, and they would lead elsewhere
    match words:
        case ["answer"]:
            update("", parse(os.environ["ANSWERS"]))
        case ["update", *version] if len(version) < 2:
            update("".join(version), {})
        case ["drift"]:
            drift()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
