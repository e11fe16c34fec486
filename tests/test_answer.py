"""`just answer`, `just update` and `just drift` say what they do, and stop before they could lose anything."""

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from project import Project, commit, git, render
from test_platforms import FIRST_WHEEL
from test_questions import documents
from versions import (
    ANSWERS,
    NEWER,
    NOW,
    all_of_these,
    copy_at,
    edit,
    every_file,
    history,
    new_file,
    new_question,
    newer_pyo3,
    owner,
    removed_file,
    version_of,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def project(clone: Path, tmp_path: Path) -> Project:
    return copy_at(clone, NOW, tmp_path / "new", {})


def tool(
    project: Project,
    *words: str,
    code: int = 0,
    env: Mapping[str, str] | None = None,
    **answers: str,
) -> str:
    """Run tools/template.py as the recipes do, but let `just check` fail, which ends it before the wheels."""
    settings = {"ANSWERS": " ".join(f"{k}={v}" for k, v in answers.items()), "JUST": "false"}
    command = (sys.executable, "-B", "tools/template.py", *words)
    return project.run(*command, code=code, env={**settings, **(env or {})})


def constants(project: Project) -> dict[str, list[str]]:
    """Read the constants of tools/template.py."""
    script = "import json, template as t; print(json.dumps([t.OWNED, t.QUESTIONS, t.ASKED_ONCE]))"
    owned, asked, once = json.loads(project.tools(script))
    return {"owned": owned, "questions": asked, "once": list(once)}


def test_the_program_knows_the_questions_and_the_owners(project: Project, tmp_path: Path) -> None:
    known = constants(project)
    everything = render(tmp_path / "everything", None, None, **ANSWERS["everything"])
    names = [path.as_posix() for path in everything.files()]
    assert known["owned"] == sorted(name for name in names if owner(f"/{name}") == "template")
    stored = {key: value for key, value in documents()[1].items() if value.get("when") is not False}
    assert known["questions"] == list(stored)
    once = [
        key for key, value in stored.items() if str(value.get("ask")).endswith("not defined }}")
    ]
    assert known["once"] == once


# It stops


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ("package_name=other", "package_name is asked only once, since it names the folder"),
        (
            "crate_name=other",
            "crate_name is asked only once, since Rust code that you wrote uses it.",
        ),
        ("license=MIT", "license is asked only once, since its text is yours"),
        ("starter=none", "starter is asked only once, since its code is yours"),
        ("platform=wide", "platform is no question of the template. The questions: project_name,"),
        ("", "'' is no answer: type it as"),
        ("platforms", "'platforms' is no answer: type it as `just answer platforms=wide`."),
        ("wide platforms=wide", "'wide' is no answer"),
        ("python_min=3.8", "Copier refuses: Invalid choice for 'python_min': '3.8'"),
        ("platforms=all", "Nothing was changed."),
        ("platforms=wide licnse=MIT", "Invalid choice for 'platforms': 'wide licnse=MIT'"),
        ("edition=banana", 'Try 2024: edition "banana" is no edition of Rust.'),
    ],
)
def test_a_wrong_answer_is_refused(project: Project, answers: str, message: str) -> None:
    assert message in tool(project, "answer", code=1, env={"ANSWERS": answers})
    assert git(project.path, "status", "--porcelain") == ""


def test_it_needs_a_commit(project: Project) -> None:
    (project / "mine.txt").write_text("mine\n", "utf-8")
    output = tool(project, "update", code=1)
    assert (
        "There are changes that no commit has; commit or stash them first:\n?? mine.txt" in output
    )
    git(project.path, "checkout", "--quiet", "--orphan", "empty")
    assert "no commit yet: type `git init`" in tool(project, "update", code=1)


def ignoring(project: Project, rule: str) -> dict[str, str]:
    """Set a rule as a person does for all repositories of a machine."""
    (project.path.parent / "ignore").write_text(f"{rule}\n", "utf-8")
    path = str(project.path.parent / "ignore")
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.excludesFile",
        "GIT_CONFIG_VALUE_0": path,
    }


@pytest.mark.parametrize("rule", ["/deny.toml", "tools/", "*.yml"])
def test_it_refuses_what_copier_would_overwrite(project: Project, rule: str) -> None:
    message = "An update would overwrite your edits in files that Git ignores."
    globally = tool(project, "update", code=1, env=ignoring(project, rule))
    assert message in globally
    assert f"/ignore:1:{rule}\t" in globally
    with (project / ".gitignore").open("a", encoding="utf-8") as file:
        file.write(f"{rule}\n")
    commit(project.path)
    here = tool(project, "update", code=1)
    assert message in here
    assert f"\n.gitignore:13:{rule}\t" in here


def test_it_refuses_an_ignored_file_that_is_in_no_commit(project: Project) -> None:
    """Nothing could bring the edits back."""
    git(project.path, "rm", "--quiet", "--cached", "tools/publish.py")
    with (project / ".gitignore").open("a", encoding="utf-8") as file:
        file.write("/tools/publish.py\n")
    commit(project.path)
    output = tool(project, "update", version_of(every_file), code=1)
    assert ".gitignore:13:/tools/publish.py\ttools/publish.py\n" in output
    assert "planted" not in (project / "tools/publish.py").read_text("utf-8")


def test_a_rule_that_keeps_a_file_is_no_hindrance(project: Project) -> None:
    with (project / ".gitignore").open("a", encoding="utf-8") as file:
        file.write(".cargo/*\n!.cargo/config.toml\n")
    commit(project.path)
    assert "\nNo conflicts.\n" in tool(project, "update", version_of(newer_pyo3), code=1)


def test_ignored_files_that_are_not_the_templates_are_no_hindrance(project: Project) -> None:
    for name in (".DS_Store", ".github/.DS_Store"):
        (project / name).write_bytes(b"a view of a folder")
    settings = ignoring(project, ".DS_Store")
    output = tool(project, "update", version_of(newer_pyo3), code=1, env=settings)
    assert "\nNo conflicts.\n" in output


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        ("license:", "# a note\nlicense:", "# a note"),
        ("python_min: '3.11'", "python_min: '3.11' # for numpy", "# for numpy"),
        ("starter: minimal", "starter: minimal # mine", "# mine"),
        ("license:", "our_note: hello\nlicense:", "our_note"),
    ],
)
def test_it_refuses_notes_in_the_answers_file(
    project: Project, old: str, new: str, note: str
) -> None:
    project.replace(".copier-answers.yml", old, new)
    commit(project.path)
    output = tool(project, "update", code=1)
    assert f"An update would lose what stands in .copier-answers.yml: {note}. Take it" in output


def test_a_description_may_look_like_a_note(project: Project) -> None:
    tool(project, "answer", code=1, description='Fast: it\'s "C" # more, ' + "and on " * 20)
    commit(project.path)
    assert "\nNo conflicts.\n" in tool(project, "update", version_of(newer_pyo3), code=1)


def test_a_file_that_was_deleted_is_no_hindrance(project: Project) -> None:
    for name in (".gitignore", ".gitattributes", "deny.toml"):
        (project / name).unlink()
    commit(project.path)
    (project / "notes.so").write_text("mine\n", "utf-8")  # no longer ignored by the project
    output = tool(project, "update", version_of(every_file), code=1, env=ignoring(project, "*.so"))
    assert "\nNo conflicts.\n" in output
    assert not (project / ".gitignore").exists()


def test_it_refuses_what_a_filter_hides(project: Project) -> None:
    """As git-crypt does: the file is text, and what Git stores of it is not."""
    git(project.path, "config", "filter.hidden.clean", "gzip -n")
    git(project.path, "config", "filter.hidden.smudge", "gzip -d")
    with (project / ".gitattributes").open("a", encoding="utf-8") as file:
        file.write("deny.toml filter=hidden\n")
    git(project.path, "add", "--renormalize", ".")
    commit(project.path)
    output = tool(project, "update", version_of(every_file), code=1)
    assert "deny.toml is binary for Git, so an update would lose your edits: look for" in output


def mine(project: Project, name: str, after: str) -> None:
    """Add a line to a file, and commit it."""
    project.replace(name, after, f"{after}# MINE\n")
    commit(project.path)


@pytest.mark.parametrize("flag", ["--skip-worktree", "--assume-unchanged"])
def test_it_refuses_a_file_that_git_was_told_not_to_look_at(project: Project, flag: str) -> None:
    git(project.path, "update-index", flag, "deny.toml")
    project.replace("deny.toml", "[graph]\n", "[graph]\n# MINE\n")
    output = tool(project, "update", version_of(every_file), code=1)
    assert "Git does not look at your edits in deny.toml" in output
    assert "# MINE" in (project / "deny.toml").read_text("utf-8")


def test_it_refuses_what_copier_would_clear_away_elsewhere(
    project: Project, tmp_path: Path
) -> None:
    around = tmp_path / "around"
    shutil.copytree(project.path, around / "new", ignore=shutil.ignore_patterns(".git"))
    for name in ("main.c", "gone.c"):
        (around / name).write_text("committed\n", "utf-8")
    git(around, "init", "--quiet")
    commit(around)
    inner = Project(around / "new")
    (around / "main.c").write_text("not yet committed\n", "utf-8")
    (around / "main.c.rej").write_text("mine\n", "utf-8")
    output = tool(inner, "update", version_of(every_file), code=1)
    assert "Copier takes files such as main.c.rej for its own: move it away" in output
    (around / "main.c.rej").rename(around / "rejected")
    (around / "gone.c").unlink()
    output = tool(inner, "update", version_of(every_file), code=1)
    assert "An update would bring gone.c back: commit that you deleted it" in output
    git(around, "restore", "gone.c")
    assert "\nNo conflicts.\n" in tool(inner, "update", version_of(every_file), code=1)
    assert (around / "main.c").read_text("utf-8") == "not yet committed\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("/secrets/\n".encode("utf-16"), ".gitignore is not UTF-8"),
        ("# Müller\n".encode("latin-1"), ".gitignore is not UTF-8"),
        (b"<<<<<<< before updating\n", ".gitignore has a conflict of an earlier update"),
    ],
)
def test_it_refuses_what_git_could_not_merge(project: Project, line: bytes, message: str) -> None:
    with (project / ".gitignore").open("ab") as file:
        file.write(line)
    commit(project.path)
    assert message in tool(project, "update", version_of(every_file), code=1)
    assert git(project.path, "status", "--porcelain") == ""


@pytest.mark.parametrize("is_folder", [False, True])
def test_it_refuses_a_new_file_where_an_ignored_one_is(project: Project, is_folder: bool) -> None:
    with (project / ".gitignore").open("a", encoding="utf-8") as file:
        file.write("/tools/later.py\n")
    commit(project.path)
    place = project / "tools/later.py"
    if is_folder:
        place.mkdir()
        place /= "mine"
    place.write_text("mine\n", "utf-8")
    output = tool(project, "update", version_of(new_file), code=1)
    assert "tools/later.py is new in the template, and would replace yours" in output
    assert place.read_text("utf-8") == "mine\n"


def test_an_ignored_file_behind_a_link_is_no_excuse(project: Project) -> None:
    """Git gives up on such a path, and says nothing of the others."""
    (project / "ci").mkdir()
    (project / ".github/workflows").rename(project / "ci/workflows")
    (project / ".github/workflows").symlink_to("../ci/workflows", target_is_directory=True)
    mine(project, "justfile", "# Every command there is: `just` lists them. They run uv")
    env = ignoring(project, "/justfile")
    output = tool(project, "update", version_of(every_file), code=1, env=env)
    assert "Git cannot say which of the template's files it ignores." in output
    assert "is beyond a symbolic link" in output


@pytest.mark.parametrize(
    ("key", "value"),
    [("status.showUntrackedFiles", "no"), ("apply.whitespace", "error")],
)
def test_settings_of_a_persons_own_lose_no_edit(project: Project, key: str, value: str) -> None:
    with (project / "README.md").open("a", encoding="utf-8") as file:
        file.write("A break  \nin Markdown.\n")
    _, rest = (project / "deny.toml").read_text("utf-8").split("\n", 1)
    (project / "deny.toml").write_text(f"# MINE\n{rest}", "utf-8")
    mine(project, "justfile", "_list:\n")
    git(project.path, "config", key, value)
    output = tool(project, "update", version_of(every_file), code=1)
    assert "\n  deny.toml: 1\n" in output
    for name in ("deny.toml", "justfile"):
        assert "# MINE" in (project / name).read_text("utf-8")


def test_an_edit_stays_in_its_job(tmp_path: Path) -> None:
    """The steps of most jobs are alike, and a new job moves them all."""

    def new_job(clone: Path) -> None:
        steps = "\n".join(f"      - run: echo {number}" for number in range(20))
        job = f"  docs:\n    runs-on: ubuntu-24.04\n    steps:\n{steps}\n\n"
        edit(clone / "template/.github/workflows/ci.yml", "^  lint:$", rf"{job}\g<0>")
        commit(clone, "90.1.0")

    clone = history(tmp_path / "template", [])
    new_job(clone)
    project = copy_at(clone, NOW, tmp_path / "new", {})
    ci = ".github/workflows/ci.yml"
    text = (project / ci).read_text("utf-8")
    before, rust = text.split("  rust:\n")
    place = "          persist-credentials: false\n"
    rust = rust.replace(place, f"{place}          lfs: true # MINE\n", 1)
    (project / ci).write_text(f"{before}  rust:\n{rust}", "utf-8")
    commit(project.path)
    assert "\nNo conflicts.\n" in tool(project, "update", "90.1.0", code=1)
    jobs = yaml.safe_load((project / ci).read_text("utf-8"))["jobs"]
    assert "docs" in jobs
    assert [name for name, job in jobs.items() if "'lfs'" in str(job)] == ["rust"]


def test_what_stops_midway_can_be_undone(project: Project) -> None:
    (project / "RELEASING.md").unlink()
    (project / "RELEASING.md").mkdir()
    (project / "RELEASING.md/mine").write_text("mine\n", "utf-8")
    commit(project.path)
    output = tool(project, "update", version_of(every_file), code=1)
    assert "\nHalf of the update is there. To undo all of it, in the project's folder: " in output
    project.run("sh", "-c", output.split("the project's folder: ")[1])
    assert git(project.path, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        ("package_name", "new", "other"),
        ("crate_name", "new", "other"),
        ("license", "MIT", "Apache-2.0"),
        ("starter", "minimal", "fizzbuzz"),
    ],
)
def test_it_refuses_what_is_asked_once_and_was_changed_by_hand(
    project: Project, key: str, old: str, new: str
) -> None:
    project.replace(".copier-answers.yml", f"{key}: {old}", f"{key}: {new}")
    commit(project.path)
    output = tool(project, "update", code=1)
    assert f"says {key}: {new}, but the project has {old}. Write {old} there: {key} is" in output
    assert git(project.path, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("key", "old", "new", "places"),
    [
        ("package_name", "new", "renamed", {"pyproject.toml": 'module-name = "{}._rust"'}),
        (
            "crate_name",
            "new",
            "renamed",
            {"crates/core/Cargo.toml": 'name = "{}"', "Cargo.toml": 'package = "{}"'},
        ),
        (
            "license",
            "MIT",
            "Apache-2.0",
            {"pyproject.toml": 'license = "{}"', "Cargo.toml": 'license = "{}"'},
        ),
    ],
)
def test_what_is_asked_once_is_changed_by_hand_as_the_guide_says(
    project: Project, key: str, old: str, new: str, places: dict[str, str]
) -> None:
    """The places that docs/updates.md lists, in one commit."""
    for path, text in {**places, ".copier-answers.yml": f"{key}: {{}}"}.items():
        project.replace(path, text.format(old), text.format(new))
    if key == "package_name":
        (project / "python/new").rename(project / "python/renamed")
    commit(project.path)
    output = tool(project, "update", version_of(every_file), code=1)
    assert "\nNo conflicts.\n" in output
    assert project.answers()[key] == new
    assert not (project / "crates/new").exists()
    assert (project / "python/new").exists() == (key != "package_name")
    for path, text in places.items():
        assert text.format(new) in (project / path).read_text("utf-8")


def test_it_says_what_is_wrong_with_the_answers_file_or_the_version(project: Project) -> None:
    words = tool(project, "update", "nonsense", code=1)
    assert "Copier refuses: Unknown revision: 'nonsense' Nothing was changed." in words
    project.replace(".copier-answers.yml", "license: MIT\n", "")
    commit(project.path)
    words = tool(project, "update", code=1)
    assert ".copier-answers.yml says license: nothing, but the project has MIT." in words
    project.replace(".copier-answers.yml", "_src_path:", "path:")
    for verb in ("update", "drift"):
        assert "has no _src_path: take it out of the" in tool(project, verb, code=1)
    git(project.path, "rm", "--quiet", "--force", ".copier-answers.yml")
    commit(project.path)
    for verb in ("update", "drift"):
        assert ".copier-answers.yml is not there" in tool(project, verb, code=1)


# It says what it did


def test_it_names_versions_new_questions_and_its_checks(project: Project) -> None:
    output = tool(project, "update", version_of(new_question), code=1)
    assert f"The template was {NOW}, and is {version_of(new_question)} now." in output
    assert "greeting is new, and its default was taken: hello\nNo conflicts.\n" in output
    assert "`just check` fails after this, see above.\nTo undo all of it, in the" in output


def test_it_names_newer_versions_of_what_the_project_owns(project: Project) -> None:
    output = tool(project, "update", version_of(newer_pyo3), code=1)
    for key, old, new in NEWER:
        line = f"- {key} is {old} here, and {new} in new projects. When your code is ready: "
        assert f"{line}just answer {key}={new}\n" in output
        assert project.answers()[key] == old


def test_it_names_no_older_versions(project: Project) -> None:
    tool(project, "answer", code=1, pyo3_version="0.100.0", msrv="1.100", edition="2030")
    commit(project.path)
    output = tool(project, "update", version_of(newer_pyo3), code=1)
    assert "\nNo conflicts.\n" in output
    assert "in new projects" not in output


def test_it_names_a_file_that_the_template_gives_up(project: Project) -> None:
    output = tool(project, "update", version_of(removed_file), code=1)
    sentence = "is yours since version 90.0.0 of the template: formatters know."
    assert f"- .editorconfig, if you have it, {sentence}" in output
    assert (project / ".editorconfig").exists()


def test_it_names_no_file_that_the_project_never_had(clone: Path, tmp_path: Path) -> None:
    project = copy_at(clone, version_of(removed_file), tmp_path / "new", {})
    assert not (project / ".editorconfig").exists()
    output = tool(project, "update", version_of(all_of_these), code=1)
    assert "\nNo conflicts.\n" in output
    assert ".editorconfig" not in output


def test_it_works_in_a_folder_of_a_larger_repository(project: Project, tmp_path: Path) -> None:
    shutil.rmtree(project / ".git")
    around = tmp_path / "around"
    shutil.copytree(project.path, around / "deep/new")
    git(around, "init", "--quiet")
    commit(around)
    (around / "dirt.txt").write_text("not committed\n", "utf-8")
    inner = Project(around / "deep/new")
    assert tool(inner, "drift") == "No file of the template's was changed.\n"
    output = tool(inner, "answer", code=1, platforms="wide", wheels_to="[]")
    assert "publish-pypi.yml is deleted." in output
    assert "\nNo conflicts.\n" in output
    git(around, "add", "--all", "deep")
    git(around, "commit", "--quiet", "--message", "wide")
    assert "\nNo conflicts.\n" in tool(inner, "update", version_of(every_file), code=1)
    assert git(around, "status", "--porcelain", "dirt.txt") == "?? dirt.txt"


def test_no_recipe_renders_anew_over_edits(project: Project) -> None:
    """`copier recopy` forgets what people wrote."""
    for path in (project / "justfile", *(project / "tools").glob("*.py")):
        assert "recopy" not in path.read_text("utf-8")


def test_it_lists_conflicts_by_file_and_undoes_all(project: Project) -> None:
    for name in ("justfile", "deny.toml"):
        text = (project / name).read_text("utf-8")
        _, rest = text.split("\n", 1)
        (project / name).write_text(f"# mine\n{rest}", "utf-8")
    commit(project.path)
    output = tool(project, "update", version_of(every_file), code=1)
    assert "and type `just check`:\n  deny.toml: 1\n  justfile: 1\nTo undo all of it" in output
    (undo,) = [line for line in output.splitlines() if line.startswith("To undo")]
    project.run("sh", "-c", undo.removeprefix("To undo all of it, in the project's folder: "))
    assert git(project.path, "status", "--porcelain") == ""


def test_it_names_what_an_answer_deletes(project: Project) -> None:
    name = ".github/workflows/publish-pypi.yml"
    with (project / name).open("a", encoding="utf-8") as file:
        file.write("# mine\n")
    commit(project.path)
    output = tool(project, "answer", code=1, wheels_to="[]")
    back = f"git restore --source=HEAD --staged --worktree {name}"
    assert f"{name} is deleted. To have it back: {back}\n" in output
    project.run("sh", "-c", back)
    assert "# mine" in (project / name).read_text("utf-8")


def test_it_says_when_an_answer_is_for_nothing(project: Project) -> None:
    output = tool(project, "answer", code=1, azure_feed="feed", description="Two words")
    assert "azure_feed was not stored: with these answers, nobody is asked for it." in output
    assert "description was '', and is Two words now." in output
    assert 'description = "Two words"' in (project / "pyproject.toml").read_text("utf-8")


def test_a_description_may_hold_an_equals_sign(project: Project) -> None:
    output = tool(project, "answer", code=1, description="Solve x=1", platforms="wide")
    assert project.answers()["description"] == "Solve x=1"
    assert "platforms was usual, and is wide now." in output


def test_it_names_an_answer_that_goes(project: Project) -> None:
    tool(project, "answer", code=1, platforms="choose", platform_ids="manylinux-x86_64")
    commit(project.path)
    output = tool(project, "answer", code=1, platforms="wide")
    assert "platform_ids was - manylinux-x86_64, and is not stored any more." in output


def test_it_says_when_nothing_changes(project: Project) -> None:
    assert "Nothing changes: the project has this" in tool(project, "answer", platforms="usual")
    output = tool(project, "answer", azure_feed="feed")
    assert "azure_feed was not stored: with these answers, nobody is asked for it." in output


def test_a_list_needs_no_brackets(project: Project) -> None:
    tool(project, "answer", code=1, crate_to="crates-io")
    assert project.answers()["crate_to"] == ["crates-io"]


def test_drift_shows_edits_of_the_templates_files_only(project: Project) -> None:
    assert tool(project, "drift") == "No file of the template's was changed.\n"
    project.replace("deny.toml", "all-features = true", "all-features = false")
    (project / "README.md").write_text("# mine\n", "utf-8")
    (project / "tools/mine.py").write_text("", "utf-8")
    (project / ".editorconfig").unlink()
    output = tool(project, "drift")
    assert "deleted file mode 100644" in output
    assert "-all-features = true\n+all-features = false\n" in output
    assert output.count("diff --git") == 2


# The whole of it


@pytest.mark.nightly
def test_an_answer_that_changes_nothing_in_the_wheel_says_so(project: Project) -> None:
    project.just("setup")
    commit(project.path)
    output = project.just("answer", "platforms=wide")
    assert "No conflicts." in output
    assert "All checks passed." in output
    assert "\nYour wheel stays byte for byte the same.\nTo keep it: git add" in output


def compared(project: Project) -> str:
    """Compare a wheel of the last commit with one of what is there now."""
    python = ("uv", "run", "--only-group=template", "python")
    return project.tools("import template; print(template.compare_wheels())", python=python)


def test_what_changes_in_the_wheel_is_named(project: Project) -> None:
    project.replace("pyproject.toml", 'description = "', 'description = "Other. ')
    (project / "python/new/more.py").write_text('"""More."""\n', "utf-8")
    change = "This changes in your wheel: new-0.1.0.dist-info/METADATA, new/more.py\n"
    assert change in compared(project)


def test_no_wheel_holds_what_was_compiled_before(project: Project) -> None:
    python = ("uv", "run", "--only-group=wheels", "python")
    project.tools(FIRST_WHEEL, python=python)
    (wheel,) = (project / "dist").glob("*.whl")
    first = wheel.read_bytes()
    project.replace("crates/core/src/collatz.rs", "let mut length = 1;", "let mut length = 2;")
    assert "This changes in your wheel: new/_rust.abi3.so\n" in compared(project)
    assert "== (9, 20)" in project.tools(FIRST_WHEEL, python=python, code=1)
    assert wheel.read_bytes() != first
