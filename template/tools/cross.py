"""Cross-compile wheels for other platforms, and test them in containers that QEMU emulates, for tools/wheels.py."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from platforms import Platform, Wheel, container_engine, select
from project import NAME, PROJECT, capture, run

# Fails unless the installed wheel has these tags, and the Python that runs this accepts them as pip does.
ACCEPTED = """
import importlib.metadata, sys
from packaging.tags import sys_tags
name, *expected = sys.argv[1:]
lines = importlib.metadata.distribution(name).read_text("WHEEL").splitlines()
tags = sorted(line[5:] for line in lines if line.startswith("Tag: "))
if tags != expected or not {*tags} & {*map(str, sys_tags())}:
    sys.exit(f"{sys.executable} has installed a wheel for {tags}, not the one for {expected}.")
"""
# Runs the tests with each Python of a container for which there is a folder of packages.
EMULATED = """
for python in /opt/python/cp*/bin/python /usr/local/bin/python3.*[0-9t] /usr/bin/python3.*[0-9t]; do
    name=$("$python" -c 'import sys, sysconfig
t = sysconfig.get_config_var("Py_GIL_DISABLED") and "t" or ""
print("%d.%d" % sys.version_info[:2] + t)' 2>/dev/null) && [ -d "$name" ] || continue
    export PYTHONPATH=needs:$name
    "$python" accepted.py $(cat "$name.txt") && "$python" -m pytest -q -p no:cacheprovider || exit 1
    echo "tested $name" && mv "$name" "done-$name"
done
"""


def options(row: Platform) -> list[str]:
    """Return how maturin builds for a platform."""
    zig = ["--zig"] if row.os != "windows" else []
    floor = ["--compatibility", row.tag.removesuffix(f"_{row.arch}"), "pypi"] if row.os == "linux" else []
    return ["--target", row.target, *zig, *floor]


def obstacle(row: Platform) -> str:
    """Return why this machine cannot build for a platform, and what to type; nothing if it can."""
    if (row.os, sys.platform) == ("macos", "win32"):
        return "it needs Linux or macOS: leave it to CI."
    if row.target.endswith("msvc") and sys.platform != "win32":
        return "it needs Windows: leave it to CI, or give the row a target of MinGW (gnu, not msvc)."
    library = capture("rustc", "--print", "target-libdir", "--target", row.target)
    missing = f"Rust's library for it is missing: type `rustup target add {row.target}`."
    return "" if library and Path(library).is_dir() else missing


def untested(row: Platform) -> str:
    """Return why this machine cannot test the wheels of a platform; nothing if it can."""
    if row.native:
        return ""
    if row.os != "linux":
        return f"they run on {row.id} only"
    if not row.image:
        return f"{row.id} has no image in tools/platforms.toml"
    return "" if container_engine() else "they run in a container: install docker or podman"


def choose(ids: Sequence[str]) -> list[Platform]:
    """Return the platforms that this machine can build for, or exit if one that was named is not."""
    # Whatever a row says of CI, this is the other engine: it has no PyPy, for example.
    rows = [replace(row, engine="cross") for row in select(ids)]
    able = []
    for row in rows:
        reason, where = untested(row), "here" if row.native else f"under emulation in {row.image}"
        how = f"not tested: {reason}" if reason else f"tested {where}"
        problem = obstacle(row) or (how if reason and os.environ.get("CI") else "")
        able += [] if problem else [row]
        wheels = f"cannot be built here; {problem}" if problem else f"{len(row.wheels())} wheels, {how}"
        print(f"{row.id}: {wheels}")
    if (list(ids) != ["all"] and len(able) < len(rows)) or not able:
        sys.exit("Nothing was built.")
    return able


def test(row: Platform, wheels: Sequence[Wheel], scratch: Path) -> None:
    """Install for the Pythons of a foreign platform, and run the tests in a container of it."""
    (scratch / "accepted.py").write_text(ACCEPTED, "utf-8")
    # pip's code would take a minute under emulation, so it installs on this machine.
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["--only-binary", ":all:", "--target"]
    pure = ("--implementation", "py", "--abi", "none", "--platform", "any")
    run(*pip, scratch / "needs", *pure, "--group", f"{scratch / 'pyproject.toml'}:test")
    major, minor = map(int, row.floor.split("."))
    systems = [f"{row.kind}_{major}_{older}_{row.arch}" for older in range(minor, -1, -1)]
    for wheel in wheels:
        for name in wheel.served():
            (scratch / f"{name}.txt").write_text(" ".join([NAME, *wheel.tags()]), "utf-8")
            abis = (f"cp{name.replace('.', '')}", "none" if name.endswith("t") else "abi3", "abi3t")
            options = ["--implementation", "cp", "--python-version", name.removesuffix("t")]
            options += [option for abi in abis for option in ("--abi", abi)]
            options += [option for system in systems for option in ("--platform", system)]
            needed = PROJECT["project"].get("dependencies", [])
            command = [*pip, scratch / name, *options, wheel.path, *needed]
            if subprocess.run(command, check=False).returncode:  # something needed has no wheel
                shutil.rmtree(scratch / name, ignore_errors=True)
    command = [container_engine(), "run", "--rm", "--platform", row.oci]
    command += ["--volume", f"{scratch}:{scratch}", "--workdir", str(scratch)]
    command += ["--env", "CI=true"]  # Hypothesis then allows slow tests
    if row.arch == "aarch64":  # QEMU before 10 signs pointers very slowly otherwise
        command += ["--env", "QEMU_CPU=max,pauth-impdef=on"]
    command += [row.image, "sh", "-c", EMULATED]
    result = subprocess.run(command, check=False, text=True, capture_output=True)
    print(result.stdout, result.stderr, flush=True)
    for wheel in wheels:
        for name in wheel.served():
            if count := re.search(rf"\b(\d+) passed\b[^\n]*\n(?:[^\n]*\n)?tested {name}\n", result.stdout):
                wheel.tested[name] = "emulated", int(count[1])
    if result.returncode or not any(wheel.tested for wheel in wheels):
        sys.exit(
            f"The tests of {row.id} failed in {row.image}, see above. If it does not run as {row.arch}, type"
            " `docker run --privileged --rm tonistiigi/binfmt --install all`; if it has no Python that the wheels"
            " serve, name another image in tools/platforms.toml."
        )
