"""Finished wheels and sdists are inspected: each fault that is planted is named."""

import hashlib
import os
import shutil
import tarfile
import warnings
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path

import pytest
from project import Project, commit, git, need, render

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_targets")]


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Render a project that has one wheel; what cargo compiles for it is kept."""
    project = render(tmp_path_factory.mktemp("narrow") / "new")
    project.keep_first_wheel()
    project.commit_with_locks()
    return project


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "exclude = [",
            'exclude = [{ path = "python/**/py.typed", format = "wheel" }, ',
            "W101: Wheel library is missing files in package tree:",
        ),
        (
            "include = [",
            'include = [{ path = "README.md", format = "wheel" }, ',
            ".whl holds README.md, which does not belong there",
        ),
        (
            "[tool.maturin]\n",
            "[tool.maturin]\nsbom = { rust = false }\n",
            "Did not find any files matching pattern '*/sboms/*.json'",
        ),
    ],
)
def test_a_wheel_that_lacks_or_has_a_file_is_refused(
    narrow: Project, old: str, new: str, message: str
) -> None:
    narrow.replace("pyproject.toml", old, new)
    try:
        assert message in narrow.just("wheels", code=1)
    finally:
        git(narrow.path, "checkout", "--quiet", ".")


LOOK_INSIDE = """
import platforms, wheels
row = platforms.Platform(platforms.THIS_MACHINE)
wheels.check(wheels.find([row], wheels.DIST, wheels.SDIST))
"""
INSPECTORS = ("uv", "run", "--quiet", "--only-group", "wheels", "python", "-B")
RECORD = "new-0.1.0.dist-info/RECORD"


@pytest.fixture(scope="module")
def finished(narrow: Project) -> dict[str, bytes]:
    """Build its sdist and its wheel, and keep what they are."""
    narrow.just("wheels")
    return {path.name: path.read_bytes() for path in (narrow / "dist").iterdir()}


def rewrite(wheel: Path, changes: Mapping[str, bytes | None]) -> None:
    """Add or replace members of a wheel; None leaves one out. RECORD follows, unless it is given."""
    with zipfile.ZipFile(wheel) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    changed = {**members, **changes}
    members = {name: content for name, content in changed.items() if content is not None}
    files = {name: content for name, content in members.items() if not name.endswith("/")}
    digests = {name: hashlib.sha256(content).digest() for name, content in files.items()}
    rows = [
        f"{n},sha256={urlsafe_b64encode(d).decode().rstrip('=')},1\n" for n, d in digests.items()
    ]
    members[RECORD] = changes.get(RECORD) or "".join(rows).encode()
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("new/more.so", "x", "'new/more.so'], not one new/_rust."),
        ("tests/test_more.py", "x", ".whl holds tests, which does not belong there"),
        ("other/__init__.py", "# other", ".whl holds other, which does not belong there"),
        (
            "new-0.1.0.data/purelib/evil.pth",
            "import os",
            "holds .data, which does not belong there",
        ),
        ("new/../../evil.py", "x", "holds new/../../evil.py: build it again."),
        ("/etc/evil.py", "x", ".whl holds /, which does not belong there"),
        ("new.libs/evil.abi3.so", "PyInit_evil", "'new.libs/evil.abi3.so'], not one new/_rust."),
        (
            "new-0.1.0.dist-info/METADATA",
            "Metadata-Version: 2.4\nName: new\nVersion: 0.1.0\nRequires-Dist: evil; python_version < '4'\n",
            'needs evil; python_version < "4", which pyproject.toml does not say',
        ),
        ("new/_rust.pyi", None, "W101: Wheel library is missing files in package tree"),
        (
            "new-0.1.0.dist-info/licenses/LICENSE",
            None,
            "Did not find any files matching pattern '*/licenses/LICENSE*'",
        ),
        ("new/__init__.py", "# {folder}/x.py", "new/__init__.py holds {folder}, a folder of this"),
        (
            "new-0.1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nTag: cp311-abi3-any\n",
            "the tags inside are ['cp311-abi3-any']: build it again, and never rename a wheel.",
        ),
        ("new/_rust.abi3.so", "\x7fELF" + 14 * "x" + "\x28\x00", "_rust.abi3.so is not for x86_64"),
    ],
)
def test_a_finished_wheel_is_looked_into(
    narrow: Project, finished: dict[str, bytes], name: str, content: str | None, message: str
) -> None:
    folder = str(narrow.path.resolve())
    (wheel,) = [name for name in finished if name.endswith(".whl")]
    (narrow / "dist" / wheel).write_bytes(finished[wheel])
    narrow.tools(LOOK_INSIDE, python=INSPECTORS)
    planted = content and content.replace("{folder}", folder).encode()
    rewrite(narrow / "dist" / wheel, {name: planted or None})
    assert message.replace("{folder}", folder) in narrow.tools(
        LOOK_INSIDE, python=INSPECTORS, code=1
    )
    (narrow / "dist" / wheel).write_bytes(finished[wheel])


def test_a_wheel_has_no_links_and_no_name_twice(
    narrow: Project, finished: dict[str, bytes]
) -> None:
    (wheel,) = [name for name in finished if name.endswith(".whl")]
    link, twice = zipfile.ZipInfo("new/link.py"), zipfile.ZipInfo("new/__init__.py")
    link.external_attr = 0o120777 << 16
    for info, message in (
        (link, "holds new/link.py: build"),
        (twice, "holds one name twice: build"),
    ):
        (narrow / "dist" / wheel).write_bytes(finished[wheel])
        with (
            warnings.catch_warnings(action="ignore"),
            zipfile.ZipFile(narrow / "dist" / wheel, "a") as archive,
        ):
            archive.writestr(info, "../../etc/passwd")
        assert message in narrow.tools(LOOK_INSIDE, python=INSPECTORS, code=1)
    (narrow / "dist" / wheel).write_bytes(finished[wheel])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("new-0.1.0/../evil.py", tarfile.REGTYPE),
        ("/etc/evil.py", tarfile.REGTYPE),
        ("evil.py", tarfile.REGTYPE),
        ("new-0.1.0//etc/passwd", tarfile.REGTYPE),
        ("new-0.1.0/evil.py", tarfile.REGTYPE),
        ("new-0.1.0/README.md", tarfile.SYMTYPE),
        ("new-0.1.0/README.md", tarfile.LNKTYPE),
        ("new-0.1.0/README.md", tarfile.CHRTYPE),
    ],
)
def test_an_sdist_holds_files_of_the_project_only(
    narrow: Project, finished: dict[str, bytes], tmp_path: Path, name: str, kind: bytes
) -> None:
    script = "import pathlib, wheels; wheels.look_inside_sdist(pathlib.Path(sys.argv[1]))"
    path = tmp_path / "new-0.1.0.tar.gz"
    path.write_bytes(finished[path.name])
    narrow.tools(script, str(path))
    with tarfile.open(path) as archive:
        members = [(member, archive.extractfile(member)) for member in archive]
        planted = tarfile.TarInfo(name)
        planted.type, planted.linkname = kind, "/etc/passwd"
        with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as other:
            for member, file in [*members, (planted, None)]:
                other.addfile(member, file)
    assert f"holds {name}, which is no file" in narrow.tools(
        script, str(tmp_path / "other.tar.gz"), code=1
    )


def test_tests_cannot_change_what_is_released(narrow: Project) -> None:
    narrow.just("wheels")
    (wheel,) = (narrow / "dist").glob("*.whl")
    one_wheel = """
import platforms, wheels
row = platforms.Platform(platforms.THIS_MACHINE)
wheels.select = lambda ids: [row]
wheels.verify("dist")
"""
    narrow.tools(one_wheel, python=INSPECTORS)
    planted = f"""
import zipfile

with zipfile.ZipFile({str(wheel)!r}, "a") as archive:
    if "new/evil.py" not in archive.namelist():
        archive.writestr("new/evil.py", "")
"""
    (narrow / "conftest.py").write_text(planted, "utf-8")
    try:
        message = "The files in dist/ are others than before the tests: build them again."
        assert message in narrow.tools(one_wheel, python=INSPECTORS, code=1)
    finally:
        (narrow / "conftest.py").unlink()


def test_a_wheel_is_tested_only_by_tests_that_ran(narrow: Project) -> None:
    narrow.replace("pyproject.toml", "addopts = [", 'addopts = [\n  "--collect-only",')
    try:
        assert "No test ran for new-0.1.0-cp311-abi3-" in narrow.just("wheels", code=1)
    finally:
        git(narrow.path, "checkout", "--quiet", ".")


def test_an_sdist_that_is_not_complete_is_refused(narrow: Project) -> None:
    left_out = 'exclude = [{ path = "crates/core/src/**", format = "sdist" }, '
    narrow.replace("pyproject.toml", "exclude = [", left_out)
    try:
        assert "no targets specified in the manifest" in narrow.just("sdist", code=1)
    finally:
        git(narrow.path, "checkout", "--quiet", ".")


def test_what_systems_and_python_leave_there_is_in_no_wheel(narrow: Project) -> None:
    shutil.rmtree(narrow / ".git")  # whose .gitignore would keep it out
    (narrow / "python/new/.DS_Store").write_bytes(b"a view of a folder")
    (narrow / "python/new/__pycache__").mkdir(exist_ok=True)
    (narrow / "python/new/__pycache__/x.cpython-311.pyc").write_bytes(b"compiled")
    try:
        narrow.just("wheels")
    finally:
        shutil.rmtree(narrow / "python/new/__pycache__")
        (narrow / "python/new/.DS_Store").unlink()
        git(narrow.path, "init", "--quiet")
        commit(narrow.path)


def test_a_pattern_of_licences_that_fits_nothing_is_named(
    narrow: Project, finished: dict[str, bytes]
) -> None:
    assert finished
    narrow.replace("pyproject.toml", '["LICENSE*"]', '["LICENCE*"]')
    try:
        message = "Did not find any files matching pattern '*/licenses/LICENCE*'"
        assert message in narrow.tools(LOOK_INSIDE, python=INSPECTORS, code=1)
    finally:
        git(narrow.path, "checkout", "--quiet", ".")


def test_a_wheel_may_hold_and_need_more(narrow: Project) -> None:
    need(narrow, "packaging")
    (narrow / "licenses").mkdir()
    (narrow / "licenses/NOTICE").write_text("Theirs.\n", "utf-8")
    (narrow / "licenses/older").mkdir()
    narrow.replace("pyproject.toml", '["LICENSE*"]', '["LICENSE*", "licenses/*"]')
    # maturin leaves hidden files out, and a dangling link is what Emacs makes of an unsaved file.
    (narrow / "python/new/.DS_Store").write_bytes(b"a view of a folder")
    (narrow / "tests/.#test_x.py").symlink_to("ada@localhost.1")
    fixture = (
        '"""Ours."""\n\nimport pytest\n\n\n@pytest.fixture\ndef ours() -> int:\n    return 1\n'
    )
    (narrow / "conftest.py").write_text(fixture, "utf-8")
    (narrow / "tests/test_ours.py").write_text("def test_ours(ours): assert ours\n", "utf-8")
    # A second crate, which is not in the sdist, with something of its own in the lock.
    (narrow / "crates/cli/src").mkdir(parents=True)
    (narrow / "crates/cli/src/main.rs").write_text("fn main() {}\n", "utf-8")
    (narrow / "crates/cli/Cargo.toml").write_text(
        '[package]\nname = "cli"\nversion = "0.1.0"\nedition = "2024"\n\n[dependencies]\nitoa = "1"\n'
    )
    narrow.run("cargo", "metadata", "--quiet", "--format-version=1")
    scripts = '[project.scripts]\nchain = "new:longest_chain"\n\n[build-system]'
    narrow.replace("pyproject.toml", "[build-system]", scripts)
    narrow.replace("pyproject.toml", '">=3.11"', '"<4, >= 3.11"')
    try:
        assert "| new-0.1.0-cp311-abi3-" in narrow.just("wheels")
        (wheel,) = (narrow / "dist").glob("*.whl")
        folders = {"new/": b"", "new-0.1.0.dist-info/": b""}
        with zipfile.ZipFile(wheel) as archive:
            library = archive.read("new/_rust.abi3.so").replace(b"PyInit_", b"inflate")
        rewrite(wheel, {"new.libs/libz-1a2b.so": library, **folders})  # as auditwheel does
        (narrow / "dist/.DS_Store").write_bytes(b"a view of a folder")
        narrow.tools(LOOK_INSIDE, python=INSPECTORS)
    finally:
        git(narrow.path, "checkout", "--quiet", ".")
        git(narrow.path, "clean", "--quiet", "--force", "-d")


def test_folders_that_everybody_has_are_no_finding(narrow: Project, tmp_path: Path) -> None:
    """Rust of a Linux distribution lies in /usr, and Rust's own library names that."""
    rustc = tmp_path / "rustc"
    rustc.write_text('#!/bin/sh\n[ "$2" = sysroot ] && echo /usr || exit 1\n', "utf-8")
    rustc.chmod(0o755)
    narrow.just("wheels")
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": "/tmp"}
    find = "wheels.find([row], wheels.DIST, wheels.SDIST)"
    script = LOOK_INSIDE.replace(f"check({find})", f"look_inside({find}[0])")
    assert narrow.tools(script, env=env) == ""


def test_a_path_to_the_sources_proves_nothing(narrow: Project) -> None:
    """Editors set one: then the tests would never see the wheel."""
    narrow.just("wheels")
    (wheel,) = (narrow / "dist").glob("*.whl")
    rewrite(wheel, {"new/__init__.py": b"raise ImportError('broken')\n"})
    script = """
import platforms, wheels
row = platforms.Platform(platforms.THIS_MACHINE)
wheels.test(row, wheels.find([row], wheels.DIST, wheels.SDIST))
"""
    env = {"PYTHONPATH": str(narrow / "python"), "PYTEST_ADDOPTS": "--collect-only"}
    assert "broken" in narrow.tools(script, env=env, code=1)
