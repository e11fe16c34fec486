"""The table of platforms agrees with rustc, cibuildwheel, PyPI and the calendar; cross builds run."""

import datetime
import json
import os
import re
import subprocess
import sys
import tomllib
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from project import FIRST_ONLY, Project, edit_row, plan, render, tool
from test_questions import known

ROWS: list[dict[str, Any]] = known("platforms.json")
IDS = [row["id"] for row in ROWS]
USUAL = [row["id"] for row in ROWS if row["tier"] == "usual"]


def today() -> datetime.date:
    """Return the date now: a run of all tests may go on past midnight."""
    return datetime.datetime.now(tz=datetime.UTC).date()


PYPY = [row["id"] for row in ROWS if "pypy" in row]

# What cibuildwheel could build and the table leaves out; extensions/README.md says why.
GAPS = {"musllinux_s390x"}


def refusal(project: Project, *arguments: str) -> str:
    """Read why the project plans nothing."""
    return project.run(sys.executable, "tools/platforms.py", "plan", *arguments, code=1)


@pytest.fixture(scope="session")
def rendered_wide(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Render a project with every platform."""
    return render(tmp_path_factory.mktemp("every") / "new", platforms="wide")


@pytest.fixture
def wide(rendered_wide: Project, tmp_path: Path) -> Project:
    """Copy for each test a table that it may spoil."""
    return rendered_wide.copy(tmp_path / "new")


# The question


def test_the_answer_decides_the_rows(tmp_path: Path) -> None:
    def ids(folder: str, **answers: str) -> list[str]:
        table = render(tmp_path / folder, None, **answers) / "tools/platforms.toml"
        return re.findall(r'^id = "(.*)"', table.read_text("utf-8"), re.MULTILINE)

    assert ids("usual") == USUAL
    assert len(USUAL) == 8
    assert ids("wide", platforms="wide") == IDS
    assert len(IDS) == 18
    chosen = "[windows-x86, manylinux-x86_64]"
    assert ids("choose", platforms="choose", platform_ids=chosen) == [
        "manylinux-x86_64",
        "windows-x86",
    ]
    assert ids("choose-nothing-else", platforms="choose") == USUAL


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("[]", "Choose at least one platform: platform_ids is empty."),
        ("[manylinux-vax]", "Invalid choice for 'platform_ids'"),
    ],
)
def test_a_wrong_choice_of_platforms_is_refused(tmp_path: Path, answer: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        render(tmp_path / "new", platforms="choose", platform_ids=answer)
    assert not (tmp_path / "new").exists()


def test_cibuildwheels_settings_are_the_same_text_in_every_project(tmp_path: Path) -> None:
    texts = set()
    for name, answers in {
        "usual": {},
        "wide": {"platforms": "wide", "extras": "[pypy]", "starter": "fizzbuzz"},
        "late": {"python_min": "3.15", "license": "proprietary"},
    }.items():
        text = (render(tmp_path / name, None, **answers) / "pyproject.toml").read_text("utf-8")
        texts.add(text[text.index("[tool.cibuildwheel]") : text.index("[tool.uv]")])
    assert len(texts) == 1


# The table


def test_rustc_has_every_target_with_a_standard_library() -> None:
    for row in ROWS:
        command = ["rustc", "-Zunstable-options", "--print=target-spec-json", "--target"]
        printed = subprocess.check_output(
            [*command, row["target"]], env={**os.environ, "RUSTC_BOOTSTRAP": "1"}
        )
        spec = json.loads(printed)
        assert spec["os"] == row["os"], row
        assert spec["metadata"]["std"] is True, row
        assert spec["metadata"]["tier"] <= 2, row
        if row["os"] == "linux":
            assert spec.get("env") == row["libc"], row
        if row["engine"] == "cibuildwheel":  # it compiles on the platform itself
            assert spec["metadata"]["host_tools"] is True, row
        bits = {"i686": 32, "armv7l": 32, "x86": 32}.get(row["arch"], 64)
        assert int(spec["target-pointer-width"]) == bits, row


def test_macos_floors_are_not_below_rusts_own() -> None:
    for row in ROWS:
        if row["os"] == "macos":
            command = ["rustc", "--print=deployment-target", "--target", row["target"]]
            printed = subprocess.check_output(command, text=True)
            lowest = printed.strip().split("=")[1]
            assert [*map(int, row["floor"].split("."))] >= [*map(int, lowest.split("."))], row


def test_every_id_is_spelt_as_the_tags_of_wheels() -> None:
    for row in ROWS:
        kind = {"gnu": "manylinux", "musl": "musllinux"}.get(row.get("libc", ""), row["os"])
        assert row["id"] == f"{kind}-{row['arch']}"
        assert row["engine"] in ("cibuildwheel", "cross")
        assert row["tier"] in ("usual", "wide")


def identifiers(env: dict[str, str], folder: Path) -> list[str]:
    """Ask cibuildwheel what it would build."""
    command = [tool("cibuildwheel"), "--print-build-identifiers", str(folder)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CIBW_")}
    printed = subprocess.run(command, env=clean | env, capture_output=True, text=True, check=False)
    assert printed.returncode == 0, printed.stderr
    return printed.stdout.split()


def expected(suffix: str, oldest: int) -> list[set[str]]:
    """List the identifiers of both runs of cibuildwheel."""
    names = {f"cp3{minor}" for minor in range(oldest, 15)} | {"cp315t"}
    names |= {"cp314t"} if oldest <= 14 else set()
    return [{f"{name}-{suffix}" for name in names}, {f"cp315-{suffix}"}]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answers", "oldest"),
    [
        ({"platforms": "wide", "extras": "[pypy]"}, 11),
        ({"platforms": "usual"}, 11),
        ({"platforms": "usual", "python_min": "3.14"}, 14),
        ({"platforms": "usual", "python_min": "3.15"}, 15),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else None,
)
def test_cibuildwheel_builds_exactly_what_is_planned(
    tmp_path: Path, answers: dict[str, str], oldest: int
) -> None:
    project = render(tmp_path / "new", None, **answers)
    if answers["platforms"] == "wide":  # also what a person may turn over to it
        project.replace("tools/platforms.toml", 'engine = "cross"\n', "")
    native = plan(project)["native"]
    rows = {row["id"]: row for row in ROWS}
    assert len(native) == (18 if answers["platforms"] == "wide" else 8)
    with ThreadPoolExecutor(2) as pool:
        for job in native:
            row = rows[job["id"]]
            suffix = {"macos": f"macosx_{row['arch']}", "windows": f"win_{row['arch']}"}.get(
                row["os"], job["id"].replace("-", "_")
            )
            suffix = "win32" if job["id"] == "windows-x86" else suffix
            planned = [*expected(suffix, oldest), set()]
            if "extras" in answers and job["id"] in PYPY:
                planned[2] = {f"{name}-{suffix}" for name in ("pp311", "pp312")}
            asked = [set(env["CIBW_BUILD"].split()) for env in job["cibuildwheel"]]
            assert asked == [planned[0] | planned[2], planned[1]]
            if job["id"] == "macos-arm64":  # on another processor, cibuildwheel leaves PyPy out
                planned[2] = set()
            runs = pool.map(lambda env: identifiers(env, project.path), job["cibuildwheel"])
            assert [set(names) for names in runs] == [planned[0] | planned[2], planned[1]]


def test_every_platform_of_cibuildwheel_is_a_row_or_a_known_gap() -> None:
    command = [tool("cibuildwheel"), "--only", "nothing-of-the-kind"]
    printed = subprocess.run(command, capture_output=True, text=True, check=False)
    pattern = r"cp3\d+t?-((?:many|musl)linux_\w+|macosx_(?:x86_64|arm64)|win\w+)"
    known = set(re.findall(pattern, printed.stderr))
    assert "manylinux_x86_64" in known
    rows = set()
    for row in ROWS:
        name = row["id"].replace("-", "_").replace("macos", "macosx").replace("windows", "win")
        rows.add({"win_x86": "win32"}.get(name, name))
    assert known - rows == GAPS
    assert rows - known == set()


def test_images_are_those_of_cibuildwheel() -> None:
    resources = Path(
        subprocess.check_output(
            [sys.executable, "-c", "import cibuildwheel; print(cibuildwheel.__path__[0])"],
            text=True,
        ).strip(),
        "resources/pinned_docker_images.cfg",
    ).read_text("utf-8")
    pinned = {f"{name}:{tag}" for name, tag in re.findall(r"= (\S+)@\S+\s+# (\S+)", resources)}
    for row in ROWS:
        if "image" in row:
            assert row["image"] in pinned, f"{row['id']}: the newest is in {sorted(pinned)}"
        else:
            assert row["os"] != "linux" or row["id"] == "manylinux-x86_64"


@pytest.mark.parametrize(
    "target", [row["target"] for row in ROWS] + ["loongarch64-unknown-linux-gnu"]
)
def test_pypi_accepts_the_wheels(tmp_path: Path, target: str) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/main.rs").write_text('compile_error!("reached");')
    (tmp_path / "Cargo.toml").write_text(
        '[package]\nname = "nothing"\nversion = "1.0.0"\nedition = "2024"\n[workspace]\n'
    )
    # For MSVC, maturin would fetch Microsoft's libraries first; the tag is the same.
    target = target.replace("aarch64-pc-windows-msvc", "aarch64-pc-windows-gnullvm")
    target = target.replace("msvc", "gnu")
    command = [tool("maturin"), "build", "--compatibility", "pypi", "--target", target]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    refused = f"Rust target {target} is not supported by PyPI" in result.stderr
    assert refused == target.startswith("loongarch64")
    assert refused or "Compiling nothing" in result.stderr or "reached" in result.stderr


def test_runners_are_known_and_do_not_end_soon(tmp_path: Path) -> None:
    for row in ROWS:
        workflow = tmp_path / "workflow.yml"
        job = {"runs-on": row["runner"]["github"], "steps": [{"run": "true"}]}
        workflow.write_text(yaml.safe_dump({"on": "push", "jobs": {"job": job}}))
        subprocess.run([tool("actionlint"), str(workflow)], check=True)
        if "until" in row:
            days = (datetime.date.fromisoformat(row["until"]) - today()).days
            assert days >= 0, f"the runner of {row['id']} ended on {row['until']}"
            if days <= 90:
                warnings.warn(f"the runner of {row['id']} ends on {row['until']}", stacklevel=1)


# A table that somebody edited


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (
            ["manylinux-s390"],
            'has no platform "manylinux-s390": it may have manylinux-x86_64, many',
        ),
        (
            ["solaris"],
            'has no platform "solaris": it may have manylinux-x86_64, manylinux-aarch64,',
        ),
    ],
)
def test_an_unknown_platform_is_named(wide: Project, ids: list[str], message: str) -> None:
    assert message in refusal(wide, *ids)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "image = ",
            "imgae = ",
            'manylinux-aarch64 has an unknown key "imgae": it may have id, target, engine, runner,',
        ),
        ('target = "s390x-unknown-linux-gnu"\n', "", 'manylinux-s390x has no "target": add it.'),
        (
            'id = "manylinux-s390x"',
            'id = "manylinux-ppc64le"',
            "has manylinux-ppc64le twice: delete one of the rows.",
        ),
        (
            'engine = "cross"',
            'engine = "qemu"',
            'manylinux-ppc64le has engine = "qemu": write it as "cross".',
        ),
        (
            'runner = { github = "macos-15" }',
            'runner = "macos-15"',
            'macos-arm64 has runner = "macos-15": write it as { github = "ubuntu-24.04" }.',
        ),
        ('id = "windows-x86"\n', "", "has a row without an id: give it one."),
        (
            'id = "windows-x86"',
            'id = "solaris-sparc"',
            'has id = "solaris-sparc": write it as "macos-arm64"',
        ),
        (
            'id = "macos-arm64"',
            'id = "macos-universal2"',
            'has id = "macos-universal2": write it as "macos-arm64" (universal2 is two rows).',
        ),
        ('floor = "2.28"', "floor = 2.28", 'x86_64 has floor = 2.28: write it as "2.28".'),
        ('floor = "2.28"\n', "", 'manylinux-x86_64 has no "floor": add it.'),
        ('floor = "2.28"', 'floor = "2"', 'manylinux-x86_64 has floor = "2": write it as "2.28".'),
        ("[[platform]]", "[[platfrom]]", 'it has an unknown key "platfrom": it may have platform.'),
        ("[[platform]]", "[[platform", "tools/platforms.toml cannot be read: Expected"),
    ],
)
def test_a_mistake_in_a_row_is_named(wide: Project, old: str, new: str, message: str) -> None:
    wide.replace("tools/platforms.toml", old, new)
    assert message in refusal(wide)


def test_keys_that_rows_had_before_version_2_do_no_harm(wide: Project) -> None:
    edit_row(wide, "manylinux-x86_64", "libc", '"gnu"')
    edit_row(wide, "manylinux-x86_64", "until", '"2027-08-31"')
    assert len(plan(wide)["native"]) + len(plan(wide)["cross"]) == len(ROWS)


def test_an_empty_table_is_named(wide: Project) -> None:
    (wide / "tools/platforms.toml").write_text("# nothing\n")
    assert "tools/platforms.toml has no [[platform]]: add a row" in refusal(wide)


def test_an_image_of_ones_own_is_built_in_as_well(wide: Project) -> None:
    edit_row(wide, "manylinux-aarch64", "image", '"registry.example.org/ours:1"')
    edit_row(wide, "manylinux-s390x", "engine", '"cibuildwheel"')
    edit_row(wide, "manylinux-s390x", "runner", '{ github = "our-s390x" }')
    own, big = plan(wide, "manylinux-aarch64", "manylinux-s390x")["native"]
    assert own["cibuildwheel"][0]["CIBW_MANYLINUX_AARCH64_IMAGE"] == "registry.example.org/ours:1"
    assert big["runner"] == "our-s390x"
    (image,) = (row["image"] for row in ROWS if row["id"] == "manylinux-s390x")
    assert big["cibuildwheel"][0]["CIBW_MANYLINUX_S390X_IMAGE"] == image


@pytest.mark.parametrize(
    "older",
    [
        "quay.io/pypa/manylinux2014_x86_64:2026.10.26-1",
        "quay.io/pypa/manylinux_2_17_x86_64:2026.01.01-1",
    ],
)
def test_an_older_image_of_pypa_is_built_in(wide: Project, older: str) -> None:
    edit_row(wide, "manylinux-x86_64", "floor", '"2.17"')
    edit_row(wide, "manylinux-x86_64", "image", f'"{older}"')
    (job,) = plan(wide, "manylinux-x86_64")["native"]
    assert job["cibuildwheel"][0]["CIBW_MANYLINUX_X86_64_IMAGE"] == older


def test_installers_know_no_minor_versions_of_a_newer_macos(wide: Project) -> None:
    edit_row(wide, "macos-arm64", "floor", '"12.3"')
    script = "import platforms; print(platforms.select(['macos-arm64'])[0].tag)"
    assert wide.tools(script) == "macosx_12_0_arm64\n"


def test_what_is_not_there_or_not_understood_is_named(wide: Project) -> None:
    output = wide.run(sys.executable, "tools/wheels.py", "verify", "nowhere", code=1)
    assert f"There is no folder {wide / 'nowhere'}: build or fetch" in output
    wide.replace("pyproject.toml", '">=3.11"', '">=3.11,<4"')
    assert plan(wide, "manylinux-x86_64")["native"]
    wide.replace("pyproject.toml", '">=3.11,<4"', '"==3.*"')
    assert 'requires-python needs a ">=3.N".' in refusal(wide)


@pytest.mark.parametrize("system", ["macos", "windows"])
def test_rusts_library_is_added_where_a_runner_is_of_another_architecture(
    wide: Project, system: str
) -> None:
    settings = tomllib.loads((wide / "pyproject.toml").read_text("utf-8"))["tool"]["cibuildwheel"]
    foreign = {"macos": "x86_64-apple-darwin", "windows": "i686-pc-windows-msvc"}[system]
    assert foreign in {row["target"] for row in ROWS}
    assert settings[system]["before-all"] == f"rustup target add {foreign}"


@pytest.mark.parametrize(
    ("configured", "variable", "flags"),
    [
        ('[build]\nrustflags = "-C debuginfo=1"', "", ["-C", "debuginfo=1"]),
        ('[build]\nrustflags = ["-Ca"]', "-Cb", ["-Cb"]),
        ("", "", []),
    ],
)
def test_the_projects_flags_for_rustc_reach_its_wheels(
    wide: Project, configured: str, variable: str, flags: list[str]
) -> None:
    """Cargo forgets them where a variable has some, and the wheels need one."""
    (wide / ".cargo/config.toml").unlink()
    if configured:
        (wide / ".cargo/config.toml").write_text(f"{configured}\n", "utf-8")
    script = "import wheels; print(wheels.rustflags())"
    assert wide.tools(script, env={"RUSTFLAGS": variable}) == f"{flags}\n"


@pytest.mark.parametrize("table", ["target.'cfg(unix)'", "target.x86_64-unknown-linux-gnu"])
def test_flags_that_would_be_lost_are_named(wide: Project, table: str) -> None:
    with (wide / ".cargo/config.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[{table}]\nrustflags = ["-Ca"]\n')
    for call in ("rustflags()", "cibuildwheel('manylinux-x86_64')"):
        output = wide.tools(f"import wheels; wheels.{call}", code=1)
        assert "would lack the rustflags that .cargo/config.toml has for a target" in output


def test_cibuildwheel_builds_for_one_platform_at_a_time(wide: Project) -> None:
    output = wide.tools("import wheels; wheels.cibuildwheel('all')", code=1)
    message = f"all is {len(ROWS)} platforms: name one of them, such as manylinux-x86_64."
    assert message in output


@pytest.mark.parametrize("chosen", ["[manylinux-s390x]", "[macos-arm64]"])
def test_python_is_tested_on_linux_whatever_is_chosen(tmp_path: Path, chosen: str) -> None:
    project = render(tmp_path / "new", platforms="choose", platform_ids=chosen)
    runners = {job["runner"] for job in plan(project, "all")["tests_linux"]}
    assert runners == {"ubuntu-24.04"}


def test_the_slice_is_one_native_linux_platform(wide: Project) -> None:
    jobs = plan(wide, "slice")
    assert [job["id"] for job in jobs["native"]] == ["manylinux-x86_64"]
    assert jobs["cross"] == []
    assert {job["os"] for job in jobs["tests"]} == {"linux", "macos", "windows"}
    assert {job["os"] for job in jobs["tests_linux"]} == {"linux"}
    tested = [job["python"] for job in jobs["tests_linux"]]
    assert tested == ["3.11", "3.15", "3.15t"]


def test_all_leaves_out_what_cannot_be_built_and_says_what_to_type(wide: Project) -> None:
    script = "import cross; print(*(row.id for row in cross.choose(['all'])))"
    *said, built = wide.tools(script).splitlines()
    assert len(said) == len(ROWS)
    left_out = {line.split(":")[0]: line for line in said if "cannot be built here; " in line}
    assert [row["id"] for row in ROWS if row["id"] not in left_out] == built.split()
    assert left_out, "no machine builds for Windows and for macOS"
    for line in left_out.values():
        assert re.search("type `|leave it to CI", line), line


def test_a_project_may_be_called_like_the_notes_beside_its_wheels(tmp_path: Path) -> None:
    project = render(tmp_path / "proof")
    (project / "dist").mkdir()
    wheel = "proof-0.1.0-cp311-abi3-manylinux_2_28_x86_64.whl"
    for name in (wheel, "proof-card.md", "proof-manylinux-x86_64.md"):
        (project / "dist" / name).touch()
    find = "wheels.find(platforms.select(sys.argv[1:]), wheels.DIST)"
    script = f"{FIRST_ONLY}print(*(wheel.path.name for wheel in {find}))"
    assert project.tools(script, "manylinux-x86_64") == f"{wheel}\n"


def test_only_cibuildwheel_builds_for_pypy(tmp_path: Path) -> None:
    project = render(tmp_path / "new", extras="[pypy]", platforms="wide")
    tags = "print(*(wheel.tag for row in {} for wheel in row.wheels()))"
    three = "cp311-abi3 cp314-cp314t cp315-abi3.abi3t"
    both = f"{three} pp311-pypy311_pp73 pp312-pypy312_pp80\n"
    planned = f"import platforms; {tags.format('platforms.select(sys.argv[1:])')}"
    assert project.tools(planned, "manylinux-x86_64") == both
    here = f"import cross; {tags.format('cross.choose(sys.argv[1:])')}"
    assert f"3 wheels, tested here\n{three}\n" in project.tools(here, "manylinux-x86_64")
    edit_row(project, "manylinux-x86_64", "engine", '"cross"')
    assert project.tools(planned, "manylinux-x86_64") == f"{three}\n"
