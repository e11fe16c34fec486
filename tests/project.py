"""Render a project and run things in it."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import copier
import pytest
import yaml

Answer = str | list[str]
ROOT = Path(__file__).resolve().parent.parent
# For scripts of `Project.tools`: of each platform, the wheel of the oldest Python only.
FIRST_ONLY = """
import platforms, wheels
every = platforms.Platform.wheels
platforms.Platform.wheels = lambda row: every(row)[:1]
"""

# For tests with a terminal, or with a script in the place of a program.
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminal or script")


def git(folder: Path, *arguments: str) -> str:
    """Run Git in a folder and give what it prints."""
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@functools.cache
def template() -> Path:
    """Copy the template as it stands in the working tree, without its history: renders fast."""
    copy = Path(tempfile.mkdtemp(prefix="template-"))
    for name in ("copier.yml", "extensions", "images", "template"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name)
        else:
            shutil.copy(source, copy)
    return copy


def commit(folder: Path, version: str = "") -> None:
    """Commit everything, and tag it where a version is given."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", version or "work")
    if version:
        git(folder, "tag", version)


def render(
    folder: Path, source: Path | None = None, version: str | None = None, **answers: Answer
) -> "Project":
    """Render without asking, and without trust."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", copier.errors.DirtyLocalWarning)
        copier.run_copy(
            str(source or template()),
            folder,
            data=answers,
            vcs_ref=version,
            defaults=True,
            quiet=True,
            unsafe=False,
        )
    return Project(folder)


def skip_without(what: str, line: str) -> NoReturn:
    """Skip a test, and say which line installs what is missing; the summary counts them."""
    pytest.skip(f"{what} is missing: {line}")


def toolchain(name: str) -> None:
    """Skip where rustup has no such toolchain."""
    listed = subprocess.run(
        ["rustup", "toolchain", "list"], capture_output=True, text=True, check=False
    )
    if not re.search(rf"^{name}\b", listed.stdout, re.MULTILINE):
        skip_without(f"Rust toolchain {name!r}", "just toolchains")


class Project:
    """A rendered project."""

    def __init__(self, path: Path) -> None:
        """Store where it is."""
        self.path = path

    def __truediv__(self, name: str) -> Path:
        """Return the name of a file of it."""
        return self.path / name

    def files(self) -> Iterator[Path]:
        """List its files, relative to it."""
        return (
            path.relative_to(self.path) for path in sorted(self.path.rglob("*")) if path.is_file()
        )

    def answers(self) -> dict[str, Any]:
        """Read the stored answers."""
        loaded: dict[str, Any] = yaml.safe_load((self / ".copier-answers.yml").read_text("utf-8"))
        return loaded

    def copy(self, folder: Path, *unwanted: str) -> "Project":
        """Copy it, without what has one of these names; cargo compares times, so they are new."""
        ignore = shutil.ignore_patterns(*unwanted)
        shutil.copytree(self.path, folder, ignore=ignore, copy_function=shutil.copy)
        return Project(folder)

    def replace(self, name: str, old: str, new: str) -> None:
        """Edit a file as a person would; the text to replace must be there."""
        text = (self / name).read_text("utf-8")
        assert old in text, f"{name} has no {old!r}"
        (self / name).write_text(text.replace(old, new), "utf-8")

    def commit_with_locks(self) -> None:
        """Make a repository of it, as a person does after the first `just setup`; compiles nothing."""
        git(self.path, "init", "--quiet")
        self.run("uv", "lock")
        self.run("cargo", "generate-lockfile")
        commit(self.path)

    def keep_first_wheel(self) -> None:
        """Let it have the wheel of the oldest Python only, where its wheels are not what is tested."""
        returned = "return [wheel for wheel in wheels if number(wheel.python) >= number(OLDEST)]"
        self.replace("tools/platforms.py", returned, f"{returned}[:1]")

    def remove_starter(self) -> None:
        """Do what CONTRIBUTING.md says: delete the files that it names, and each line about them."""
        if "## Remove the starter\n" in (readme := (self / "README.md").read_text("utf-8")):
            (lines,) = re.findall(r"leave the empty project.*?```sh\n(.*?)```", readme, re.DOTALL)
            self.run("bash", "-euc", lines)  # as before version 1.1.0
            return
        text = (self / "CONTRIBUTING.md").read_text("utf-8").split("## Remove the starter\n")[1]
        files, _, mentions = text.split("\n## ")[0].partition("Delete the lines")
        folders = ("", "crates/core/src/", "crates/py/src/")
        for name in re.findall(r"`([\w/.-]+\.\w+)`", files):
            for folder in folders if "/" not in name else folders[:1]:
                (self / f"{folder}{name}").unlink(missing_ok=True)
        lines = r"^(    #\[pymodule_export\]\n)?.*\b(collatz|fizzbuzz|rules|error|arguments)\b.*;\n"
        imports = r"^(from ._rust import|__all__ =) .*\n"
        for name, pattern in {
            "crates/core/src/lib.rs": lines,
            "crates/py/src/lib.rs": lines,
            f"python/{self.answers()['package_name']}/__init__.py": imports,
            "README.md": r"^```python\n[^`]*```\n",
            "crates/core/README.md": r"^```rust\n[^`]*```\n",
            "tests/oracle.py": r"^(import random|def .*|CHANCE .*|    .*|\])\n",
        }.items():
            if name == "crates/core/README.md" and not (self / name).exists():
                continue  # nobody publishes the crate
            assert name in mentions or name.endswith("lib.rs"), name
            left = re.sub(pattern, "", (self / name).read_text("utf-8"), flags=re.MULTILINE)
            (self / name).write_text(left.replace("Race] = [\n", "Race] = []\n"), "utf-8")
        self.just("stubs", "fmt")

    def run(self, *command: str, code: int = 0, env: Mapping[str, str] = os.environ) -> str:
        """Run a command in it, expect an exit code, and give all that was printed."""
        result = subprocess.run(
            command,
            cwd=self.path,
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )
        what = f"{' '.join(command)} ended with {result.returncode}:\n{result.stdout}"
        assert (result.returncode == 0) == (code == 0), what
        return result.stdout

    def tools(
        self,
        script: str,
        *arguments: str,
        python: Sequence[str] = (sys.executable, "-B"),
        code: int = 0,
        env: Mapping[str, str] = os.environ,
    ) -> str:
        """Run Python code that may import the programs in tools/."""
        path = "import sys; sys.path.insert(0, 'tools')\n"
        return self.run(*python, "-c", path + script, *arguments, code=code, env=env)

    def just(self, *recipes: str, code: int = 0, env: Mapping[str, str] = os.environ) -> str:
        """Run recipes as the README says."""
        return self.run("uvx", "--from", "rust-just", "just", *recipes, code=code, env=env)


def tool(name: str) -> str:
    """Find a program that was installed with the tests."""
    return str(Path(sys.executable).parent / name)


def plan(project: Project, *arguments: str) -> dict[str, Any]:
    """Read what the project would build where."""
    output = project.run(sys.executable, "tools/platforms.py", "plan", *arguments)
    planned: dict[str, Any] = json.loads(output[output.index("{") :])
    return planned


def edit_row(project: Project, name: str, key: str, value: str) -> None:
    """Set a key of a row, as a person would."""
    table = project / "tools/platforms.toml"
    before, rest = table.read_text("utf-8").split(f'id = "{name}"\n')
    row, *others = rest.split("\n\n", 1)
    lines = [line for line in row.rstrip("\n").split("\n") if not line.startswith(f"{key} =")]
    new = "\n".join([f'id = "{name}"', *lines, f"{key} = {value}"])
    table.write_text(before + "\n\n".join([new, *others]).rstrip("\n") + "\n", "utf-8")


def need(project: Project, *names: str) -> None:
    """Let the package need others when it runs, as its tests show."""
    project.replace("pyproject.toml", "dependencies = []", f"dependencies = {list(names)}")
    imports = "".join(f"import {name}\n" for name in names)
    test = f"\n\ndef test_they_are_there() -> None:\n    assert {', '.join(names)}\n"
    (project / "tests/test_needs.py").write_text(imports + test, "utf-8")
