"""Small checks around the recipes of the justfile.

Usage: python tools/checks.py ready          say what this machine lacks, and what to type
       python tools/checks.py sync           install what development needs
       python tools/checks.py formats        check the formats, and what ruff finds
       python tools/checks.py oldest-rust    run Rust's tests with the compiler that Cargo.toml promises
       python tools/checks.py workflows      lint .github
       python tools/checks.py all-green      stop unless every job in $NEEDS was a success
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("Cargo.lock", "uv.lock")
LINKERS = ("cc", "gcc", "clang")
OLDEST_RUST = tomllib.loads((ROOT / "Cargo.toml").read_text("utf-8"))["workspace"]["package"][
    "rust-version"
]


def rust_version(toolchain: str = "") -> tuple[str, str]:
    """Return the version of rustc, such as 1.85, or nothing and its error."""
    environment = {**os.environ, **({"RUSTUP_TOOLCHAIN": toolchain} if toolchain else {})}
    command = ["rustc", "--version"]
    rustc = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    version = re.search(r"\d+\.\d+", rustc.stdout)
    return (version[0] if version else "", rustc.stderr.strip())


def number(version: str) -> tuple[int, ...]:
    """Turn 1.85, or 1.85.1, into (1, 85)."""
    return tuple(int(part) for part in version.split(".")[:2])


def ready() -> str:
    """Return what is missing on this machine, or nothing."""
    if not (shutil.which("cargo") and shutil.which("rustc")):
        return "Rust is not there: install it as https://rustup.rs says."
    version, error = rust_version()
    if not version:
        return f"rustc does not work: {error}"
    if number(version) < number(OLDEST_RUST):
        return f"rustc is {version}, and {OLDEST_RUST} is needed: type `rustup update stable`."
    if sys.platform != "win32" and not any(map(shutil.which, LINKERS)):
        return (
            "A C linker is not there: install gcc or clang, on macOS with `xcode-select --install`."
        )
    return locks() if os.environ.get("CI") else ""


def locks() -> str:
    """Return which lock is missing or out of date, and what to type."""
    missing = [name for name in LOCKS if not (ROOT / name).exists()]
    if missing:
        names = " and ".join(missing)
        return f"CI needs {names}: type `just setup` at home, and commit Cargo.lock and uv.lock."
    command = ["cargo", "metadata", "--locked", "--format-version=1"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if "--locked" in result.stderr:
        return "Cargo.lock is out of date: type `just setup` at home, and commit Cargo.lock."
    return result.stderr if result.returncode else ""


def sync() -> str:
    """Install what development needs, and return which credentials may be missing if that fails."""
    if subprocess.run(["uv", "sync"], cwd=ROOT, check=False).returncode == 0:
        return ""
    uv = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["uv"]
    sources = [source for source in uv.get("sources", {}).values() if isinstance(source, dict)]
    names = sorted({source["index"].upper() for source in sources if "index" in source})
    needed = [f"UV_INDEX_{name}_{key}" for name in names for key in ("USERNAME", "PASSWORD")]
    missing = [variable for variable in needed if variable not in os.environ]
    return "See above." + (
        f" The index may want credentials: set {' and '.join(missing)}." if missing else ""
    )


def formats() -> str:
    """Return what to type if a formatter or ruff has a finding."""
    commands = (["cargo", "fmt", "--all", "--check"], ["ruff", "format", "--check"])
    runs = [
        subprocess.run(command, cwd=ROOT, check=False) for command in (*commands, ["ruff", "check"])
    ]
    if any(run.returncode for run in runs):
        return "See above: `just fmt` formats both languages, and applies the fixes that are safe."
    return ""


def oldest_rust() -> str:
    """Run Rust's tests with exactly the compiler that Cargo.toml promises."""
    toolchain = os.environ.get("RUSTUP_TOOLCHAIN", OLDEST_RUST)
    if toolchain == OLDEST_RUST and not shutil.which("rustup"):
        return "rustup is not on PATH: install it first, as https://rustup.rs says."
    if toolchain == OLDEST_RUST:
        command = ["rustup", "toolchain", "install", toolchain, "--profile", "minimal"]
        subprocess.run([*command, "--no-self-update"], check=True)
    version, error = rust_version(toolchain)
    if version == "" or number(version) != number(OLDEST_RUST):
        return f"toolchain {toolchain} has rustc {version or error}, not {OLDEST_RUST}."
    print(f"rustc {version}", flush=True)
    folder = Path(os.environ.get("CARGO_TARGET_DIR", "target"), f"rust-{version}")
    command = ["cargo", "test", "--workspace", "--target-dir", str(folder)]
    command += ["--locked"] if os.environ.get("CI") else []
    environment = {**os.environ, "RUSTUP_TOOLCHAIN": toolchain}
    return (
        ""
        if subprocess.run(command, check=False, env=environment).returncode == 0
        else "See above."
    )


def workflows() -> str:
    """Run all workflow linters, and two checks that they lack."""
    files = sorted((ROOT / ".github/workflows").glob("*.y*ml"))
    names = [str(path.relative_to(ROOT)) for path in files]
    if not names:
        return ""
    schemas = ("vendor.github-workflows", "custom.github-workflows-require-timeout")
    strict = ["--persona", "auditor", "--no-ignores", "--strict-collection"]
    quiet = ["--quiet", "--no-progress"]
    offline = [] if os.environ.get("GH_TOKEN") else ["--offline"]
    commands = [["zizmor", *strict, *offline, *quiet, ".github"]]
    commands += [["check-jsonschema", "--builtin-schema", schema, *names] for schema in schemas]
    failed = [command[0] for command in commands if subprocess.run(command, check=False).returncode]
    failed += [] if actionlint(names) else ["actionlint"]
    actions = sorted((ROOT / ".github/actions").glob("*/action.y*ml"))
    findings = [
        *unversioned_pins([*files, *actions]),
        *hasty_updates(ROOT / ".github/dependabot.yml"),
    ]
    if findings:
        print(*findings, sep="\n")
        failed.append("our own checks")
    return f"Findings of {', '.join(dict.fromkeys(failed))}: see above." if failed else ""


def actionlint(names: Sequence[str]) -> bool:
    """Run actionlint where the project is a repository of its own.

    It looks for `$/` in the repository around it, which may be another one, or none.
    """
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copytree(ROOT / ".github", Path(scratch, ".github"))
        Path(scratch, ".git").mkdir()
        return subprocess.run(["actionlint", *names], cwd=scratch, check=False).returncode == 0


def unversioned_pins(files: Sequence[Path]) -> list[str]:
    """Find actions without a commit and its version, which bots and people read from the comment."""
    pinned = r"(?!\$/|\./|docker://\S+@sha256:)(?!\S+@[0-9a-f]{40} # v\d+\.\d+\.\d+$)"
    uses = re.compile(rf"^\s*(?:- )?(uses: {pinned}.*)", re.MULTILINE)
    return [
        f"{path.name}: {found!r} needs a commit and `# vX.Y.Z` behind it"
        for path in files
        for found in uses.findall(path.read_text("utf-8"))
    ]


def hasty_updates(path: Path) -> list[str]:
    """Find updates without a delay of 7 days; zizmor 1.32 stops looking after the first good one."""
    _, *blocks = path.read_text("utf-8").split("package-ecosystem: ") if path.exists() else [""]
    return [
        f"{path.name}: dependabot-cooldown: {block.split()[0]} needs default-days: 7 or more"
        for block in blocks
        if not any(int(days) >= 7 for days in re.findall(r"default-days: (\d+)", block))
    ]


def all_green() -> str:
    """Return the jobs that did not succeed. A skipped job counts as a failure."""
    needs = json.loads(os.environ.get("NEEDS", "{}"))  # what only CI knows
    results = {name: job["result"] for name, job in needs.items()}
    print(*(f"{name}: {result}" for name, result in results.items()), sep="\n")
    red = [name for name, result in results.items() if result != "success"]
    return f"Not green: {', '.join(red) or 'no job at all'}." if red or not results else ""


VERBS = {
    "ready": ready,
    "sync": sync,
    "formats": formats,
    "oldest-rust": oldest_rust,
    "workflows": workflows,
    "all-green": all_green,
}

if __name__ == "__main__":
    verb = VERBS.get(" ".join(sys.argv[1:]))
    sys.exit(verb() or None if verb else __doc__)
