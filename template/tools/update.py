"""Take what is new from the template, as a commit that Git merges.

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
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from project import ROOT, checkout, main, read, run

FILE = ".copier-answers.yml"
ASKED_ONCE = {
    "package_name": "it names the folder under python/",
    "crate_name": "your Rust code uses it",
    "license": "its text is yours",
    "starter": "its code is yours",
}
Answers = dict[str, Any]


def git(*arguments: str | Path, cwd: Path = ROOT, check: bool = True, index: Path | None = None) -> str:
    """Run Git, with an index of its own if one is given, and return what it prints."""
    environment = {**os.environ, "GIT_INDEX_FILE": str(index)} if index else os.environ
    command = ["git", "-C", str(cwd), *map(str, arguments)]
    result = subprocess.run(
        command, env=environment, capture_output=True, check=False, encoding="utf-8", errors="surrogateescape"
    )
    if check and result.returncode:
        sys.exit(f"`git {arguments[0]}` failed: {result.stderr.strip()}")
    return result.stdout.rstrip("\n")


def refuse_unready() -> None:
    """Exit unless the project has a commit and no other change, so that Git can undo what follows."""
    if not (ROOT / FILE).exists():
        sys.exit(f"{FILE} is missing: restore it from the history.")
    if not git("rev-parse", "--verify", "--quiet", "HEAD", check=False):
        sys.exit("The project has no commit yet: type `git init`, `git add --all`, `git commit`.")
    for head in ("CHERRY_PICK_HEAD", "MERGE_HEAD", "REBASE_HEAD", "REVERT_HEAD"):
        if git("rev-parse", "--verify", "--quiet", head, check=False):
            verb = head.removesuffix("_HEAD").lower().replace("_", "-")
            sys.exit(f"A {verb} is not finished: type `git {verb} --continue`, or `--abort`.")
    status = git("status", "--porcelain", "--untracked-files=normal", "--", ".").splitlines()
    # The recipe itself makes uv.lock, where there is none yet.
    locks = re.compile(r'\?\? "?(.*/)?(uv|Cargo)\.lock"?')
    if changed := [line for line in status if not locks.fullmatch(line)]:
        sys.exit("\n".join(["Commit or stash these changes first:", *changed]))
    if staged := git("diff", "--cached", "--name-only"):  # elsewhere in a larger repository
        sys.exit(f"Commit these staged changes first, or unstage them:\n{staged}")


def answers_at(commit: str) -> Answers:
    """Return the answers file of a commit."""
    try:
        loaded = yaml.safe_load(git("show", f"{commit}:./{FILE}"))
        return {**loaded, "_commit": str(loaded["_commit"]), "_src_path": loaded["_src_path"]}
    except (yaml.YAMLError, TypeError, KeyError) as error:
        sys.exit(f"{FILE} is damaged ({error}): restore it from the history.")


def last_rendered() -> str:
    """Return the commit of the last update: answers that were edited since then are not rendered yet."""
    log = ("log", "-1", "--no-show-signature", "--basic-regexp", "--format=%H")
    newest = ""
    for commit in (
        git(*log, "--grep=^Template-Version: ", "--", "."),
        git(*log, "-G^_commit:", "--", FILE),
        git(*log, "--grep=^This reverts commit ", "--", FILE),
    ):
        if commit and (not newest or git("merge-base", newest, commit) == newest):
            newest = commit
    return newest or "HEAD"


def parse(text: str, now: Answers) -> Answers:
    """Return the answers in a text such as "platforms=wide extras+=deep description=Two words"."""
    names = "|".join([*now, "platform_ids", r"azure_\w+", r"private_\w+"])
    answers: Answers = {}
    for part in re.split(rf"\s+(?=(?:{names})\+?=)", text.strip()):
        written, separator, value = part.partition("=")
        key = written.removesuffix("+")
        is_list = key == "platform_ids" or isinstance(now.get(key), list)
        if not separator or not re.fullmatch(r"\w+", key) or (key != written and not is_list):
            sys.exit(f"{part!r} is no answer: type it as `just answer platforms=wide`.")
        before = now.get(key, []) if key != written else []
        answers[key] = [*before, *yaml.safe_load(f"[{value.strip('[] ')}]")] if is_list else value
    return answers


def render(version: str, answers: Answers, folder: Path) -> list[str]:
    """Render a version of the template, and return its news; exit with Copier's reason if it fails."""
    data = folder.with_name(f"{folder.name}.yml")
    questions = {key: value for key, value in answers.items() if not key.startswith("_")}
    data.parent.mkdir(parents=True, exist_ok=True)
    data.write_text(yaml.safe_dump(questions), "utf-8")
    command = [sys.executable, "-m", "copier", "copy", "--defaults", "--data-file", str(data)]
    command += ["--vcs-ref", version] if version else []
    command += [str(answers["_src_path"]), str(folder)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode:
        said = re.findall("fatal: (.*)", result.stderr) or result.stderr.strip().splitlines()
        reason = re.sub(r"^\w+Error: ", "", said[-1] if said else "it said nothing")
        sys.exit(f"Copier refuses: {reason.rstrip('.')}. Nothing was changed.")
    return [line for line in result.stderr.splitlines() if line.startswith("- ")]


def store(folder: Path, yours: str, added: Iterable[str] = ()) -> str:
    """Store a render in Git, without what is yours but what is added, and return the tree of the repository's root."""
    patterns = [line.removeprefix("/") for line in yours.splitlines() if line.startswith("/")]
    excluded = [f":(exclude,glob){name}{end}" for name in patterns for end in ("", "/**")]
    directory = f"--git-dir={git('rev-parse', '--absolute-git-dir')}"
    options = (directory, f"--work-tree={folder}", "-c", "core.sparseCheckout=false")
    index, project = folder.with_suffix(".index"), folder / git("rev-parse", "--show-prefix")
    git(*options, "add", "--all", "--force", "--", ".", *excluded, cwd=project, index=index)
    for name in added:
        git(*options, "add", "--force", "--", f":(literal){name}", cwd=project, index=index)
    return git("write-tree", index=index)


def rendered(version: str, then: Answers, now: Answers, subject: str) -> tuple[str, str, Answers, list[str]]:
    """Commit what the template rendered before, and what it renders now; return both, the answers and the news."""
    with tempfile.TemporaryDirectory() as scratch:
        roots = Path(scratch, "old"), Path(scratch, "new")
        old, new = (root / git("rev-parse", "--show-prefix") for root in roots)
        render(str(then["_commit"]), then, old)
        news = render(version, now, new)
        if not (new / FILE).exists():
            sys.exit(f"The template is no Git repository with versions: see _src_path in {FILE}.")
        answers = yaml.safe_load((new / FILE).read_text("utf-8"))
        # Copier owns this file, so that it never conflicts.
        (old / FILE).write_text(git("show", f"HEAD:./{FILE}") + "\n", "utf-8")
        version = str(answers["_commit"])
        message = f"{subject or f'Template {version}'}\n\nTemplate-Version: {version}"
        yours = (new / "tools/yours.txt").read_text("utf-8")
        # Files that are yours come with the answer that asks for them, once.
        names = [path.relative_to(new).as_posix() for path in new.rglob("*") if path.is_file()]
        missing = [name for name in names if not (old / name).exists() and not os.path.lexists(ROOT / name)]
        added = missing if version == str(then["_commit"]) else []
        before, after = store(roots[0], yours), store(roots[1], yours, added)
        parent = git("commit-tree", before, "-m", "What the template rendered before")
        child = git("commit-tree", after, "-p", parent, "-m", message)
        return parent, child, answers, news


def refuse_overwriting(before: str, after: str) -> None:
    """Exit where a new file of the template's would replace a file that Git ignores."""
    listing = ("diff", "--name-only", "--no-renames", "--relative", "-z", "--diff-filter=A")
    for name in filter(None, git(*listing, before, after).split("\0")):
        for place in [name, *map(str, Path(name).parents)][:-1]:
            is_in_the_way = os.path.lexists(ROOT / place) and not (ROOT / place).is_dir()
            if is_in_the_way and not git("ls-files", "--", place):
                sys.exit(f"{name} is new in the template, and Git ignores {place}: move yours away.")


def pick(before: str, after: str) -> bool:
    """Take the later commit, and return whether there was anything to take."""
    if git("rev-parse", f"{before}:") == git("rev-parse", f"{after}:"):
        return False
    head = git("rev-parse", "HEAD")
    command = ["git", "cherry-pick", "--allow-empty", "--keep-redundant-commits", after]
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
    for name, command in {"uv.lock": "uv lock --quiet", "Cargo.lock": "cargo update --workspace --quiet"}.items():
        if git("ls-files", "--", name):
            program = shutil.which(command.split()[0])
            if not program or subprocess.run(command.split(), cwd=ROOT, check=False).returncode:
                print(f"{name} was not brought up to date: type `{command}`, and commit it.")
            elif git("status", "--porcelain", "--", name):
                print(f"{name} was brought up to date.")
                git("add", "--", name)
    if git("diff", "--cached", "--name-only"):
        git("commit", "--amend", "--no-edit", "--no-verify", "--quiet")


def report(then: Answers, now: Answers, given: Mapping[str, object]) -> None:
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


def state(commit: str) -> tuple[dict[str, bytes], dict[str, object]]:
    """Return the members of this machine's wheel of a commit, and how each platform's wheels are built."""
    # Always the same folder: the bytes depend on it.
    with checkout(commit, ROOT / "target/compared") as source:
        # With the maturin that is locked there.
        command = ["uv", "run", "--quiet", "--only-group", "build", "maturin", "build", "--quiet"]
        command += ["--release", "--out", str(source / "dist")]
        if "abi3" in read(source / "crates/py/Cargo.toml").get("features", {}):  # since 1.1.0
            command += ["--features", "abi3"]
        target = os.environ.get("CARGO_TARGET_DIR") or ROOT / "target"
        variables = {"CARGO_TARGET_DIR": f"{target}/dist", "SOURCE_DATE_EPOCH": "315532800"}
        environment = {**os.environ, **variables, "VIRTUAL_ENV": ""}
        if subprocess.run(command, cwd=source, env=environment, check=False).returncode:
            sys.exit("The wheels cannot be compared: one of them cannot be built, see above.")
        (wheel,) = (source / "dist").glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/RECORD")]
            members = {name: archive.read(name) for name in names}
        jobs = json.loads(run(sys.executable, "tools/platforms.py", "plan", cwd=source, quiet=True))
        shared = read(source / "pyproject.toml")["tool"].get("cibuildwheel")
        return members, {job["id"]: (job, shared) for job in jobs["native"] + jobs["cross"]}


def compare_wheels() -> str:
    """Return what the last commit changes in the wheels."""
    (old, before), (new, after) = state("HEAD~"), state("HEAD")
    different = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    sentence = "This machine's wheel stays byte for byte the same."
    if different:
        sentence = f"This changes in this machine's wheel: {', '.join(different)}."
    groups = {
        "Built with other settings": [id for id in after if before.get(id, after[id]) != after[id]],
        "New": [id for id in after if id not in before],
        "No longer built": [id for id in before if id not in after],
    }
    lines = [f"{title}: {', '.join(ids)}." for title, ids in groups.items() if ids]
    return "\n".join([sentence, *(lines or ["The settings of all platforms stay the same."])])


def answer() -> None:
    """Change the answers in $ANSWERS."""
    update(answering=True)


def update(version: str = "", *, answering: bool = False) -> None:
    """Take a version of the template, the newest if none is named, or change the answers in a text."""
    refuse_unready()
    then, now = answers_at(last_rendered()), answers_at("HEAD")
    then["_src_path"] = now["_src_path"]  # the template may have moved
    text = os.environ["ANSWERS"] if answering else ""
    given = parse(text, now) if answering else {}
    for key, reason in ASKED_ONCE.items():
        if {**now, **given}.get(key) != then.get(key):
            sys.exit(f"{key} is asked only once, since {reason}: it stays {then.get(key)}, also in {FILE}.")
    version = version or (str(now["_commit"]) if text else "")
    subject = f"Answer {text}" if text else ""
    before, after, answers, news = rendered(version, then, now | given, subject)
    if unknown := given.keys() - answers.keys():
        names = ", ".join(key for key in answers if not key.startswith("_"))
        sys.exit(f"{', '.join(unknown)} is not a question of these answers. Questions: {names}. Nothing was changed.")
    refuse_overwriting(before, after)
    if not pick(before, after):
        print("Nothing changes: the project has this version, and these answers. See `just drift`.")
        return
    refresh_locks()
    report({**then, **now}, answers, given)
    print(*news, sep="\n")
    if subprocess.run([os.environ.get("JUST", "just"), "check"], cwd=ROOT, check=False).returncode:
        sys.exit("`just check` fails after this, see above. To undo the update: git revert HEAD")
    print(f"\n{compare_wheels()}\nIt is committed. To undo it: git revert HEAD")


def drift() -> None:
    """Print how the template's own files differ from what it renders for the recorded answers."""
    now = answers_at("HEAD")
    _, after, _, _ = rendered(str(now["_commit"]), now, now, "")
    names = git("ls-tree", "-r", "--name-only", after, ".").splitlines()
    different = ("--no-ext-diff", "--relative", after, "--", *names)
    text = git("diff", *different) or "No file of the template's was changed."
    print(text.encode(errors="replace").decode())
    log = ("log", "--basic-regexp", "--format=%H", "--no-merges", "--diff-filter=a")
    by_hand = (*log, "--invert-grep", "--grep=^Template-Version: ")
    for name in git("diff", "--name-only", *different).splitlines():
        if not git(*by_hand, "--", name):
            print(
                f"{name} differs, though no commit of yours changed it: answers that were not rendered, or"
                " two updates that were merged. `just update` renders it again."
            )


if __name__ == "__main__":
    for name in git("rev-parse", "--local-env-vars").split():
        os.environ.pop(name, None)  # a Git hook sets these, and they would lead elsewhere
    main(answer, update, drift)
