"""Wheels are cross-compiled, built by cibuildwheel, tested under emulation, and looked into."""

import os
import platform
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from project import FIRST_ONLY, Project, edit_row, need, render, skip_without, tool, toolchain
from test_questions import known

pytestmark = pytest.mark.slow


def image(name: str) -> str:
    """Return the name of a local image, and skip where it is not there."""
    full = f"localhost/{name}"
    engine = shutil.which("podman")
    is_there = (
        engine and subprocess.run([engine, "image", "exists", full], check=False).returncode == 0
    )
    if not is_there:
        architecture, python = name.rsplit("-", 1)
        pull = f"podman pull --platform linux/{architecture} python:{python}"
        skip_without(f"image {full}", f"{pull} && podman tag python:{python} {full}")
    return full


def card(output: str) -> dict[str, dict[str, str]]:
    """Read the proof card: by tag, where a wheel was tested natively and where under emulation."""
    lines = re.findall(
        r"^\| \S+?-0\.1\.0-(\S+)\.whl \| \d+ \| (.*?) \| (.*?) \| (.*?) \|", output, re.MULTILINE
    )
    rows = {tag: {"native": a, "emulated": b, "not run": c} for tag, a, b, c in lines}
    for row in rows.values():
        for how in ("native", "emulated"):  # with the number of tests that passed
            assert re.fullmatch(r"-|3\.\d+t? \([1-9]\d*\)(, 3\.\d+t? \([1-9]\d*\))*", row[how]), row
            row[how] = re.sub(r" \(\d+\)", "", row[how])
    return rows


@pytest.mark.parametrize(
    "architecture", [pytest.param("aarch64", marks=pytest.mark.nightly), "s390x"]
)
def test_three_wheels_are_cross_compiled_and_tested_under_emulation(
    tmp_path: Path, cross: dict[str, str], architecture: str
) -> None:
    new = image(f"{architecture}-3.15")
    project = render(tmp_path / "new", platforms="wide", starter="fizzbuzz")
    name = f"manylinux-{architecture}"
    edit_row(project, name, "image", f'"{new}"')
    output = project.just("wheels", name, env=cross)
    assert f"{name}: 3 wheels, tested under emulation in {new}" in output
    tag = f"manylinux_2_28_{architecture}"
    built = card(output)
    assert list(built) == [
        f"cp311-abi3-{tag}",
        f"cp314-cp314t-{tag}",
        f"cp315-abi3.abi3t-{tag}",
    ]
    assert [wheel["emulated"] for wheel in built.values()] == ["3.13, 3.14", "-", "3.15"]
    # The set has the sdist and nothing else; what was proved stays; one file more is named.
    assert card(project.just("verify", "dist", name)) == built
    (project / "dist/new-0.1.0-py3-none-any.whl").write_bytes(b"")
    message = "dist/ holds new-0.1.0-py3-none-any.whl, which does not belong there: delete it."
    assert message in project.just("verify", "dist", name, code=1)


FIRST_WHEEL = FIRST_ONLY + "wheels.build(*sys.argv[1:])\n"


# A standard library that was compiled on this machine, as a stand-in for rustup's, names its folders.
OWN_LIBRARY = """
import wheels
wheels.private_paths = lambda: [wheels.ROOT]
"""


def first_wheel(
    project: Project, env: dict[str, str], *names: str, setup: str = ""
) -> dict[str, dict[str, str]]:
    """Build and test the wheel of the oldest Python for these platforms."""
    python = ("uv", "run", "--only-group=cross", "python")
    return card(project.tools(setup + FIRST_WHEEL, *names, python=python, env=env))


@pytest.mark.nightly
def test_more_architectures_are_cross_compiled_and_tested(
    tmp_path: Path, cross: dict[str, str]
) -> None:
    project = render(tmp_path / "new", platforms="wide")
    names = ["manylinux-armv7l", "manylinux-i686", "manylinux-ppc64le"]
    for name in names:
        edit_row(project, name, "image", f'"{image(name.split("-")[1] + "-3.11")}"')
    need(project, "packaging", "markupsafe")
    built = first_wheel(project, cross, *names)
    assert {tag: row["emulated"] for tag, row in built.items()} == {
        "cp311-abi3-manylinux_2_31_armv7l": "3.11",
        "cp311-abi3-manylinux_2_28_i686": "3.11",
        "cp311-abi3-manylinux_2_28_ppc64le": "3.11",
    }


LOOK_AT_WHAT_IS_THERE = """
import platforms, wheels
(row,) = platforms.select(sys.argv[1:])
looked = 0
for wheel in row.wheels():
    for path in wheels.DIST.glob("*.whl"):
        if wheel.has_name(path.name):
            wheel.path = path
            wheels.look_inside(wheel)
            looked += 1
print(looked)
"""


def test_wheels_built_without_a_container_name_no_folder_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As cibuildwheel builds on macOS and Windows: with these settings only."""
    project = render(tmp_path / "new")
    settings = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["tool"][
        "cibuildwheel"
    ]
    variables = settings["macos"]["environment"]
    assert variables.keys() == settings["windows"]["environment"].keys()
    with monkeypatch.context() as runner:  # where Cargo's folder is in the one of the user
        cargo = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
        runner.setenv("HOME", str(cargo.parent))
        env = {name: os.path.expandvars(value) for name, value in variables.items()}
    maturin = ("uv", "run", "--only-group=cross", "maturin", "build", "--release", "--out", "dist")
    target = ("--target=x86_64-unknown-linux-gnu", "--zig", "--compatibility=manylinux_2_28")
    project.run(*maturin, "--features=abi3", "--interpreter=3.11", *target, env=env)
    assert project.tools(LOOK_AT_WHAT_IS_THERE, "manylinux-x86_64") == "1\n"


def standard_library(target: str) -> None:
    """Skip where the cross toolchain has no standard library for a target."""
    folder = subprocess.check_output(
        ["rustc", "+cross", "--print", "target-libdir", "--target", target], text=True
    ).strip()
    if not Path(folder).is_dir():
        skip_without(
            f"Rust's library for {target}", f"rustup target add --toolchain cross {target}"
        )


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("musllinux-x86_64", "musllinux_1_2_x86_64"),
        pytest.param("musllinux-aarch64", "musllinux_1_2_aarch64", marks=pytest.mark.nightly),
        pytest.param("musllinux-i686", "musllinux_1_2_i686", marks=pytest.mark.nightly),
        pytest.param("musllinux-armv7l", "musllinux_1_2_armv7l", marks=pytest.mark.nightly),
        pytest.param("musllinux-ppc64le", "musllinux_1_2_ppc64le", marks=pytest.mark.nightly),
        pytest.param("musllinux-riscv64", "musllinux_1_2_riscv64", marks=pytest.mark.nightly),
        pytest.param("manylinux-riscv64", "manylinux_2_31_riscv64", marks=pytest.mark.nightly),
        pytest.param("macos-arm64", "macosx_11_0_arm64", marks=pytest.mark.nightly),
        pytest.param("macos-x86_64", "macosx_10_15_x86_64", marks=pytest.mark.nightly),
        pytest.param("windows-amd64", "win_amd64", marks=pytest.mark.nightly),
        pytest.param("windows-x86", "win32", marks=pytest.mark.nightly),
    ],
)
def test_what_cannot_run_here_is_built_and_looked_into(
    tmp_path: Path, cross: dict[str, str], name: str, tag: str
) -> None:
    project = render(tmp_path / "new", platforms="wide")
    row = next(row for row in known("platforms.json") if row["id"] == name)
    target = row["target"].replace("msvc", "gnu")  # which MinGW links
    if target != row["target"]:
        edit_row(project, name, "target", f'"{target}"')
    standard_library(target)
    table = project / "tools/platforms.toml"
    table.write_text(
        re.sub(r"^image = .*\n", "", table.read_text("utf-8"), flags=re.MULTILINE), "utf-8"
    )
    built = first_wheel(project, cross, name, setup=OWN_LIBRARY)
    nowhere = {"native": "-", "emulated": "-", "not run": "3.11, 3.12, 3.13, 3.14"}
    assert built == {f"cp311-abi3-{tag}": nowhere}


def test_what_cannot_be_built_says_what_to_type_before_anything_is_built(tmp_path: Path) -> None:
    project = render(tmp_path / "new", platforms="wide")
    names = ("manylinux-x86_64", "musllinux-riscv64", "windows-x86", "windows-arm64")
    output = project.just("wheels", *names, code=1)
    assert "manylinux-x86_64: 3 wheels, tested here" in output
    assert (
        "musllinux-riscv64: cannot be built here; Rust's library for it is missing:"
        " type `rustup target add riscv64gc-unknown-linux-musl`."
    ) in output
    windows = "it needs Windows: leave it to CI, or give the row a target of MinGW (gnu, not msvc)."
    for name in ("windows-x86", "windows-arm64"):
        assert f"{name}: cannot be built here; {windows}" in output
    assert "Nothing was built." in output
    assert not (project / "dist").exists()


def test_the_usual_platforms_are_left_to_ci_until_a_person_asks(tmp_path: Path) -> None:
    project = render(tmp_path / "new")
    output = project.just("wheels", "manylinux-aarch64", code=1)
    assert "`just answer platforms=choose` adds tools/cross.py, which builds for other" in output
    assert not (project / "dist").exists()


def test_cibuildwheel_builds_the_same_set(tmp_path: Path) -> None:
    if "CIBW_MANYLINUX_X86_64_IMAGE" not in os.environ:
        skip_without(
            "an image for cibuildwheel", "export CIBW_MANYLINUX_X86_64_IMAGE=manylinux_2_28"
        )
    project = render(tmp_path / "new")
    edit_row(project, "manylinux-x86_64", "floor", '"2.31"')
    project.commit_with_locks()
    # The image has no free-threaded Python and no 3.12, so one wheel must be found missing.
    output = project.just(
        "cibuildwheel", "manylinux-x86_64", code=1, env={"CIBW_SKIP": "cp312-* *t-*"}
    )
    names = sorted(path.name for path in (project / "dist").glob("*.whl"))
    assert names == [
        "new-0.1.0-cp311-abi3-manylinux_2_31_x86_64.whl",
        "new-0.1.0-cp315-abi3.abi3t-manylinux_2_31_x86_64.whl",
    ]
    for python in ("3.11", "3.13", "3.14", "3.15"):
        assert re.search(rf"platform linux -- Python {python}\.\d+, pytest", output), python
    assert "abi3audit" in output
    assert "dist/ has 0 wheels cp314-cp314t of manylinux-x86_64" in output
    # What auditwheel made of the others is as it should be.
    assert project.tools(LOOK_AT_WHAT_IS_THERE, "manylinux-x86_64") == "2\n"
    # cibuildwheel alone builds the same bytes, from what pyproject.toml says.
    built = {path.name: path.read_bytes() for path in (project / "dist").glob("*.whl")}
    for identifier in ("cp311-manylinux_x86_64", "cp315-manylinux_x86_64"):
        project.run(tool("cibuildwheel"), "--only", identifier, "--output-dir", "plain")
    assert {path.name: path.read_bytes() for path in (project / "plain").iterdir()} == built


@pytest.mark.parametrize(
    ("machine", "alpine"),
    [("x86_64", False), ("x86_64", True), ("aarch64", False), ("i686", False), ("armv8l", False)],
)
def test_an_image_without_rust_refuses_an_installer_that_is_another(
    tmp_path: Path, machine: str, alpine: bool
) -> None:
    """Of a download, the checksum is compared before it runs."""
    printed = install_rust(tmp_path, "#!/bin/sh\ntouch ~/installed\n", machine, alpine=alpine)
    host = {"i686": "i686", "armv8l": "armv7"}.get(machine, machine)
    assert re.search(rf"/1\.29\.0/{host}-unknown-linux-{'musl' if alpine else 'gnu'}\w*/", printed)
    assert "rustup-init: FAILED" in printed
    assert not (tmp_path / "installed").exists()


def test_an_image_without_rust_runs_the_installer_of_the_checksum(tmp_path: Path) -> None:
    """The installer is rustup itself: https://rust-lang.github.io/rustup/installation/other.html."""
    rustup = shutil.which("rustup")
    said = subprocess.run(["rustup", "--version"], capture_output=True, text=True, check=False)
    if not rustup or " 1.29.0 " not in said.stdout or platform.machine() != "x86_64":
        skip_without("rustup 1.29.0 for x86_64", "rustup self update")
    printed = install_rust(tmp_path, Path(rustup).read_bytes(), "x86_64", alpine=False)
    assert "rustup-init: OK" in printed
    assert "setting default host triple to x86_64-unknown-linux-gnu" in printed


def install_rust(home: Path, installer: str | bytes, machine: str, *, alpine: bool) -> str:
    """Run `before-all` where curl fetches this installer, and return what is printed."""
    settings = tomllib.loads((render(home / "new") / "pyproject.toml").read_text("utf-8"))
    (command,) = settings["tool"]["cibuildwheel"]["linux"]["before-all"]
    programs = home / "programs"
    programs.mkdir()
    content = installer.encode() if isinstance(installer, str) else installer
    (home / "served").write_bytes(content)
    for name, script in {
        "curl": f'echo "$*" && cp "{home}/served" ~/rustup-init',
        "uname": f"echo {machine}",
        "ls": "echo /lib/ld-musl" if alpine else "false",
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    # The installer finds no server, and stops after it has said what it would install.
    env = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(home)}
    env |= {"RUSTUP_DIST_SERVER": "http://127.0.0.1:9", "RUSTUP_MAX_RETRIES": "0"}
    result = subprocess.run(
        ["sh", "-c", command], env=env, capture_output=True, text=True, check=False
    )
    assert result.returncode
    return result.stdout + result.stderr


def test_what_cibuildwheel_built_is_verified(tmp_path: Path) -> None:
    """To the end, as in a release: build, repair, look inside, prove, verify."""
    if "CIBW_MANYLINUX_X86_64_IMAGE" not in os.environ:
        skip_without(
            "an image for cibuildwheel", "export CIBW_MANYLINUX_X86_64_IMAGE=manylinux_2_28"
        )
    project = render(tmp_path / "new", python_min="3.15")
    edit_row(project, "manylinux-x86_64", "floor", '"2.31"')
    project.just("setup")
    # The image has no free-threaded Python, which would only test.
    env = {"CIBW_SKIP": "*t-*", "CIBW_ALLOW_EMPTY": "true"}
    built = project.just("cibuildwheel", "manylinux-x86_64", env=env)
    proof = r"\| new-0\.1\.0-cp315-abi3\.abi3t-manylinux_2_31_x86_64\.whl \| \d+ \| 3\.15 \({}\) \| - \| 3\.15t \| "
    assert re.search(proof.format(12), built)  # those in tests/
    maturin = ("uv", "run", "--only-group", "wheels", "maturin")
    project.run(*maturin, "sdist", "--out", "dist")
    verified = project.just("verify", "dist", "manylinux-x86_64")
    assert re.search(proof.format(13), verified)  # and the README


def test_the_oldest_rust_is_really_that_compiler(tmp_path: Path) -> None:
    toolchain("msrv")  # its name is what rustup knows here
    project = render(tmp_path / "new", starter="fizzbuzz")
    project.just("setup")
    output = project.just("test-oldest-rust", "msrv")
    assert "rustup run --install msrv cargo test --workspace  --target-dir" in output
    assert "test result: ok" in output
    shown = project.just("--dry-run", "test-oldest-rust")
    assert "rustup run --install 1.85 cargo test" in shown
    newer = "mod collatz;\nconst _: u8 = 1u8.unbounded_shl(3);"  # since Rust 1.87
    project.replace("crates/core/src/lib.rs", "mod collatz;", newer)
    assert "unbounded_shl" in project.just("test-oldest-rust", "msrv", code=1)
