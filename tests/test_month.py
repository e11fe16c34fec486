"""A month of work on a project survives the next version of the template."""

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yaml
from packaging.version import Version
from project import ROOT, Project, commit, git
from versions import ANSWERS, KEYS, LAST, OLDER, all_of_these, conflicts, copy_at, version_of

WORK = {
    "crates/core/src/lib.rs": "\nmod mine;\npub use mine::twice;\n",
    "crates/core/src/mine.rs": "/// Twice a number.\n#[must_use]\npub fn twice(n: u64) -> u64 {\n    n * 2\n}\n",
    "crates/helper/Cargo.toml": '[package]\nname = "new-helper"\nversion.workspace = true\nedition.workspace = true\n'
    "rust-version.workspace = true\npublish = false\n\n[lints]\nworkspace = true\n",
    "crates/helper/src/lib.rs": "//! A crate of my own.\n",
    "python/new/mine.py": '"""My own module."""\n\nANSWER = 42\n',
    "tests/test_mine.py": '"""My own test."""\n\nfrom new.mine import ANSWER\n\n\ndef test_the_answer() -> None:\n'
    "    assert ANSWER == 42\n",
    ".gitignore": "/secrets/\n",
    "justfile": '\n# Say hello\nhello:\n    @echo "hello"\n',
}
JOB = """\
  mine:
    name: My own job
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions: {}
    steps:
      - run: echo hello

"""


def work(project: Project) -> None:
    """Do what people and their bots do in a month."""
    for name, text in WORK.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        with (project / name).open("a", encoding="utf-8") as file:
            file.write(text)
    project.replace("README.md", "## Licence", "## Why\n\nBecause.\n\n## Licence")
    project.replace(
        "Cargo.toml", "# What your crates share.\n", '# What your crates share.\nitoa = "1"\n'
    )
    core = "crates/core/Cargo.toml"
    project.replace(core, "[dependencies]\n", "[dependencies]\nitoa.workspace = true\n")
    project.replace("Cargo.toml", 'dbg_macro = "warn"', 'dbg_macro = "deny"')
    project.replace(
        "pyproject.toml", "dependencies = []", 'dependencies = [\n    "packaging>=24",\n]'
    )
    project.replace("pyproject.toml", '  "C4",\n', '  "C4",\n  "FLY",\n')
    # In older versions the list has changed since, so that an edit in it conflicts, as it should.
    if (project / "deny.toml").read_text("utf-8") == (ROOT / "template/deny.toml").read_text():
        project.replace("deny.toml", '  "Zlib",\n', '  "Zlib",\n  "Zlib-acknowledgement",\n')
        project.replace("deny.toml", '\n  "', '\n    "')  # as somebody's formatter has it
    ci = ".github/workflows/ci.yml"
    gate = "  # Your own jobs come here; name them below, in `needs`.\n\n"
    project.replace(ci, gate, gate + JOB)
    project.replace(ci, "      # Yours:\n", "      # Yours:\n      - mine\n")
    project.replace(
        "tools/platforms.toml",
        'runner = { github = "ubuntu-24.04-arm" }',
        'runner = { github = "ours-arm" }',
    )


def bump(project: Project) -> None:
    """Raise each dependency to what is locked, as a bot does, but for those it is told to leave."""
    rules = (ROOT / "template/.github/dependabot.yml").read_text("utf-8")
    cargo, python = yaml.safe_load(rules)["updates"]
    left = {rule["dependency-name"] for rule in python["ignore"]}
    assert [rule["dependency-name"] for rule in cargo["ignore"]] == ["pyo3"]  # but for its patches

    def raise_all(manifest: str, lock: str, pattern: str) -> None:
        locked = tomllib.loads((project / lock).read_text("utf-8"))["package"]
        versions = {package["name"]: package["version"] for package in locked}
        text = (project / manifest).read_text("utf-8")
        raised = re.sub(
            pattern,
            lambda m: m[0] if m["name"] in left else m["begin"] + versions[m["name"]],
            text,
            flags=re.MULTILINE,
        )
        assert raised != text
        (project / manifest).write_text(raised, "utf-8")

    raise_all("pyproject.toml", "uv.lock", r'^(?P<begin>  "(?P<name>[\w-]+)>=)[\d.]+')
    raise_all("Cargo.toml", "Cargo.lock", r'^(?P<begin>(?P<name>itoa|pyo3) = ")[\d.]+')


def lines(project: Project) -> dict[str, Counter[str]]:
    """Count the lines of each file that Git knows."""
    names = git(project.path, "ls-files").splitlines()
    return {name: Counter((project / name).read_text("utf-8").splitlines()) for name in names}


@pytest.mark.slow
@pytest.mark.parametrize("version", OLDER)
@pytest.mark.parametrize(
    "answers",
    ["defaults", *(pytest.param(n, marks=pytest.mark.nightly) for n in [*ANSWERS][1:])],
)
def test_a_month_of_work_survives_a_new_version(
    clone: Path, tmp_path: Path, version: str, answers: str
) -> None:
    project = copy_at(clone, version, tmp_path / "new", ANSWERS[answers])
    born = lines(project)
    if project.answers()["starter"] != "none":
        project.remove_starter()
    work(project)
    project.just("setup")
    commit(project.path)
    project.just("release", "minor")
    bump(project)
    project.run("uv", "lock")
    commit(project.path)
    mine = lines(project)

    output = project.just("update", version_of(all_of_these))
    assert conflicts(project) == set()
    assert "\nAll checks passed." in output
    if Version(version) >= Version("2.0.0"):  # Git merges: conflicts would have stopped it
        assert "\nThis machine's wheel stays byte for byte the same.\n" in output
    elif Version(version) >= Version("1.1.0"):
        assert "\nNo conflicts.\n" in output
        assert "\nYour wheel stays byte for byte the same.\n" in output
    else:  # their program compares development builds, whose module has another name now
        assert re.search(r"This changes in your wheel: .*new/_rust\.", output)
    git(project.path, "add", "--all")
    after = lines(project)
    for name in set(mine) - {".copier-answers.yml", "uv.lock", "Cargo.lock"}:
        missing = mine[name] - born.get(name, Counter()) - after.get(name, Counter())
        assert not missing, f"{name} lost lines"
    for name in KEYS.keys() - {".editorconfig"}:  # which the template gives up
        assert "# new key" in after[name.removesuffix(".jinja")], name
    for name in after:
        if name.startswith(".github/actions/"):
            assert any("# v99.0.0" in line for line in after[name]), name
    for name, line in LAST.items():
        assert line.splitlines()[0] in after[name], name
    assert "# hello" in after["deny.toml"]
    assert any('"maturin>=1.16.0,<2"' in line for line in after["pyproject.toml"])
    assert "tools/later.py" in after
    # Which the template gives up: plain Copier leaves it, and Git deletes it, since nobody edited it.
    assert (".editorconfig" in after) == (Version(version) < Version("2.0.0"))
    assert (".editorconfig is deleted." in output) == (Version(version) >= Version("2.0.0"))
    assert not {"crates/core/src/collatz.rs", "tests/test_collatz.py", "tests/test_later.py"} & {
        *after
    }
    assert "author_email" in project.answers()

    project.replace("CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n- Mended.\n")
    commit(project.path)
    project.just("release", "patch")  # the next one
    assert 'version = "0.2.1"' in (project / "Cargo.toml").read_text("utf-8")
