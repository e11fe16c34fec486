"""Every registry: published for real to a server on this machine, with right and wrong credentials."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pulp
import pytest
import servers
from project import Project, commit, edit_row, render, skip_without, toolchain
from servers import TOKEN, Feed, Index, serve, serve_devpi, serve_index

pytestmark = pytest.mark.slow

CARGO = {"CARGO_REGISTRIES_PRIVATE_TOKEN": f"Bearer {TOKEN}"}
SDIST, CRATE = "new-0.1.0.tar.gz", "new-0.1.0.crate"


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, int, int]:
    """Build the files of a release once: a crate, a wheel and an sdist; and choose two ports."""
    cargo, python = servers.free_port(), servers.free_port()
    project = render(
        tmp_path_factory.mktemp("released") / "new",
        starter="none",
        platforms="choose",
        platform_ids="[manylinux-x86_64]",
        wheels_to="[private]",
        crate_to="[private]",
        private_index_url=f"http://127.0.0.1:{python}/simple",
        private_upload_url=f"http://127.0.0.1:{python}/",
        private_registry_url=f"http://127.0.0.1:{cargo}/index",
    )
    project.keep_first_wheel()
    project.commit_with_locks()
    project.just("wheels", "manylinux-x86_64")
    project.just("crates")
    return project, cargo, python


@pytest.fixture
def project(released: tuple[Project, int, int], tmp_path: Path) -> Project:
    """Copy for each test files that it may spoil."""
    return released[0].copy(tmp_path / "new", "target", ".venv", "*.so")


@pytest.fixture
def feed(released: tuple[Project, int, int]) -> Iterator[Feed]:
    """Run a registry of crates."""
    with serve(Feed(released[1])) as running:
        yield running


@pytest.fixture
def index(released: tuple[Project, int, int], tmp_path: Path) -> Index:
    """Prepare an index of wheels."""
    return servers.pypiserver(tmp_path / "index", released[2])


@pytest.fixture
def env(index: Index, tmp_path: Path) -> dict[str, str]:
    """Return the right credentials, and a place of its own for what Cargo remembers of a registry."""
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    (tmp_path / "cargo").mkdir()
    for name in ("bin", "config.toml"):
        if (home / name).exists():
            (tmp_path / "cargo" / name).symlink_to(home / name)
    return {**CARGO, **index.credentials, "CARGO_HOME": str(tmp_path / "cargo"), "UV_NO_CACHE": "1"}


def publish(project: Project, env: dict[str, str], code: int = 0, to: str = "private") -> str:
    """Publish what is in dist/."""
    return project.just("publish", to, "dist", code=code, env=env)


def wheel(project: Project) -> Path:
    """Find the only wheel."""
    (path,) = (project / "dist").glob("*.whl")
    return path


def use_index(project: Project, url: str, upload: str) -> None:
    """Set other addresses for the private index."""
    text = (project / "pyproject.toml").read_text("utf-8")
    text = re.sub(r'(?m)^url = "http.*"', f'url = "{url}"', text)
    text = re.sub(r"(?m)^publish-url = .*", f'publish-url = "{upload}"', text)
    (project / "pyproject.toml").write_text(text, "utf-8")


def send_crates_only(project: Project) -> None:
    """Let the destination be no index for wheels."""
    project.replace("pyproject.toml", 'name = "private"', 'name = "theirs"')
    commit(project.path)


def consume_wheel(project: Project, index: str, folder: Path) -> None:
    """Install the published wheel, and import it."""
    project.run("uv", "venv", "--python", sys.executable, str(folder))
    pip = ("uv", "pip", "install", "--no-config", "--python", str(folder))
    project.run(*pip, "--index-url", index, "new")
    project.run(str(folder / "bin/python"), "-c", "import new._rust")


def consume_crate(project: Project, env: dict[str, str], folder: Path) -> str:
    """Build and run a program that depends on the published crate."""
    (folder / "src").mkdir(parents=True)
    (folder / "Cargo.toml").write_text(
        '[package]\nname = "consumer"\nversion = "1.0.0"\nedition = "2024"\n[workspace]\n'
        '[dependencies]\nnew = { version = "0.1.0", registry = "private" }\n'
    )
    (folder / "src/main.rs").write_text('use new as _;\nfn main() { println!("it runs"); }\n')
    shutil.copytree(project / ".cargo", folder / ".cargo")
    return Project(folder).run("cargo", "run", "--quiet", env=env)


def test_wheels_and_crate_are_published_once_and_can_be_used(
    project: Project, feed: Feed, index: Index, env: dict[str, str], tmp_path: Path
) -> None:
    with serve_index(index):
        sent = publish(project, env)
        assert f"Sent to private: {CRATE}, {wheel(project).name}, {SDIST}." in sent
        assert "Compiling" not in sent
        before = index.log().count("POST")
        again = publish(project, env)
        assert "Sent to private: nothing, since it has everything." in again
        assert index.log().count("POST") == before == 2
        assert [request for request in feed.requests if request.startswith("PUT")] == [
            "PUT /api/v1/crates/new"
        ]
        assert "it runs\n" in consume_crate(project, env, tmp_path / "consumer")
        consume_wheel(project, index.with_credentials, tmp_path / "venv")


def test_files_of_another_version_are_refused(
    project: Project, index: Index, env: dict[str, str]
) -> None:
    """What an earlier `just wheels` left in dist/ must not go out."""
    name = wheel(project).name.replace("-0.1.0-", "-0.0.9-")
    shutil.copy(wheel(project), project / "dist" / name)
    with serve_index(index):
        output = publish(project, env, code=1)
        assert f"dist/ holds {name}, which does not belong there: delete it." in output
        assert index.log().count("POST") == 0


@pytest.mark.parametrize("token", ["", "Bearer wrong", TOKEN], ids=["missing", "wrong", "bare"])
def test_a_registry_of_crates_without_the_right_token_gets_nothing(
    project: Project, feed: Feed, env: dict[str, str], token: str
) -> None:
    send_crates_only(project)
    output = publish(project, {**env, "CARGO_REGISTRIES_PRIVATE_TOKEN": token}, code=1)
    message = "private cannot be read. Are the credentials right? Nothing was published."
    assert message in output
    assert feed.crates == {}


@pytest.mark.parametrize("password", ["", "wrong"])
@pytest.mark.usefixtures("feed")
def test_an_index_without_the_right_password_gets_nothing(
    project: Project, index: Index, env: dict[str, str], password: str
) -> None:
    project.replace("crates/core/Cargo.toml", 'publish = ["private"]', "publish = false")
    with serve_index(index):
        output = publish(project, {**env, "UV_INDEX_PRIVATE_PASSWORD": password}, code=1)
    assert re.search(r"private answers 40[13]\. Are the credentials right\? Nothing was", output)
    assert list((index.folder / "packages").iterdir()) == []


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (
            "203 Non-Authoritative\r\nContent-Length: 2\r\n\r\nHi",
            "private answers with a page to sign in.",
        ),
        (
            "302 Found\r\nLocation: http://localhost:{port}/login\r\n\r\n",
            "private answers with a page to sign in.",
        ),
        ("403 \x1b[31mNo\r\n\r\n", "private answers 403. Are the credentials right? Nothing was"),
        ("500 \x1b[31mOops\r\n\r\n", "private answers 500 at http://127.0.0.1:"),
        ("\x1b[31m nonsense\r\n\r\n", "private cannot be reached at http://127.0.0.1:"),
    ],
)
def test_a_strange_answer_of_an_index_is_one_sentence(
    project: Project, index: Index, env: dict[str, str], reply: str, sentence: str
) -> None:
    project.replace("crates/core/Cargo.toml", 'publish = ["private"]', "publish = false")
    with servers.serve_text(index.port, reply) as requests:
        output = publish(project, env, code=1)
    assert sentence in output
    assert "Nothing was published." in output
    assert "\x1b[31m" not in output
    assert "Traceback" not in output
    assert TOKEN not in output
    assert not any("POST" in request for request in requests)
    elsewhere = [request for request in requests if "/login" in request.split("\n")[0]]
    assert not any("Authorization" in request for request in elsewhere)


def test_a_line_break_behind_a_password_is_trimmed(
    project: Project, index: Index, env: dict[str, str]
) -> None:
    project.replace("crates/core/Cargo.toml", 'publish = ["private"]', "publish = false")
    with serve_index(index):
        output = publish(project, {**env, "UV_INDEX_PRIVATE_PASSWORD": f" {TOKEN}\n"})
    assert f"Sent to private: {wheel(project).name}, {SDIST}." in output
    assert TOKEN not in output


def test_an_index_without_checksums_proves_nothing(
    project: Project, index: Index, env: dict[str, str]
) -> None:
    project.replace("crates/core/Cargo.toml", 'publish = ["private"]', "publish = false")
    with serve_index(index, checksums=False):
        publish(project, env)
        again = publish(project, env, code=1)
    assert "uv will not send these files to private, see above. Nothing was published." in again
    assert "Hash is missing in index" in again
    assert "since it has everything" not in again


def test_a_long_personal_token_of_azure_is_one_line(
    project: Project, feed: Feed, index: Index, env: dict[str, str]
) -> None:
    project.replace("crates/core/Cargo.toml", "private", "azure")
    for name in (".cargo/config.toml", "pyproject.toml"):
        project.replace(name, "private", "azure")
    commit(project.path)
    project.just("crates")
    only = {key: value for key, value in env.items() if "PRIVATE" not in key}
    with serve_index(index):
        sent = publish(project, {**only, "AZURE_TOKEN": TOKEN}, to="azure")
    assert f"Sent to azure: {CRATE}, " in sent
    assert "new/0.1.0" in feed.crates


def test_a_server_that_is_down_is_named_and_tried_again(
    project: Project, index: Index, env: dict[str, str], released: tuple[Project, int, int]
) -> None:
    output = publish(project, env, code=1)
    assert f"private cannot be reached at http://127.0.0.1:{released[2]}/simple/" in output
    assert "Nothing was published." in output
    with serve(Feed(released[1])) as feed, serve_index(index):
        assert f"Sent to private: {CRATE}, " in publish(project, env)
        assert "new/0.1.0" in feed.crates


def test_credentials_are_not_sent_where_a_feed_redirects_to(
    project: Project, feed: Feed, env: dict[str, str]
) -> None:
    send_crates_only(project)
    project.just("crates")
    with serve(Feed(crates=feed.crates, signed=True)) as storage:
        feed.storage = storage
        assert f"Sent to private: {CRATE}." in publish(project, env)
        assert "nothing, since it has everything" in publish(project, env)
        assert storage.requests == ["GET /dl/new/0.1.0/download"]


def test_a_set_that_was_cut_off_is_completed(
    project: Project, feed: Feed, index: Index, env: dict[str, str]
) -> None:
    feed.refuse = True
    with serve_index(index):
        # The index refuses what the registry of crates would let in.
        wrong = {**env, "UV_INDEX_PRIVATE_PASSWORD": "wrong"}
        output = publish(project, wrong, code=1)
        assert "Are the credentials right? Nothing was published." in output
        output = publish(project, env, code=1)
        assert f"Cargo could not publish {CRATE} to private, see above." in output
        assert list((index.folder / "packages").iterdir()) == []
        feed.refuse = False
        publish(project, env)
        (index.folder / "packages" / SDIST).unlink()
        sent = publish(project, env)
        assert f"private has {CRATE} already." in sent
        assert f"Sent to private: {SDIST}." in sent
        assert len(list((index.folder / "packages").iterdir())) == 2


@pytest.mark.usefixtures("feed")
def test_the_same_version_with_other_contents_stops_before_anything_is_sent(
    project: Project, index: Index, env: dict[str, str]
) -> None:
    with serve_index(index):
        publish(project, env)
        (project / "dist" / SDIST).write_bytes(b"other")
        (index.folder / "packages" / wheel(project).name).unlink()  # so that one could be sent
        before = index.log().count("POST")
        output = publish(project, env, code=1)
        assert (
            "uv will not send these files to private, see above. Nothing was published." in output
        )
        assert SDIST in output
        assert index.log().count("POST") == before
        project.just("wheels", "manylinux-x86_64")
        project.replace("crates/core/src/lib.rs", "#![forbid", "// changed\n#![forbid")
        commit(project.path)
        project.just("crates", "dist")
        output = publish(project, env, code=1)
        assert f"private has {CRATE} with other contents: release a new version." in output


@pytest.mark.usefixtures("feed")
def test_a_set_that_verify_refuses_is_not_published(
    project: Project, index: Index, env: dict[str, str]
) -> None:
    edit_row(project, "manylinux-x86_64", "floor", '"2.31"')
    commit(project.path)
    message = "dist/ has 0 wheels cp311-abi3 of manylinux-x86_64, not 1."
    assert message in project.just("verify", "dist", code=1)
    with serve_index(index):
        output = publish(project, env, code=1)
        assert message in output
        assert "`just wheels manylinux-x86_64` builds those of one platform" in output
        assert list((index.folder / "packages").iterdir()) == []


def test_a_crate_that_is_not_of_this_commit_is_refused(
    project: Project, feed: Feed, env: dict[str, str]
) -> None:
    project.replace("crates/core/src/lib.rs", "#![forbid", "// changed\n#![forbid")
    send_crates_only(project)
    output = publish(project, env, code=1)
    assert f"{CRATE} is not what this commit holds: " in output
    assert "src/lib.rs" in output
    assert feed.crates == {}


def test_a_registry_that_was_not_chosen_is_never_contacted(
    project: Project, feed: Feed, env: dict[str, str]
) -> None:
    project.replace("crates/core/Cargo.toml", 'publish = ["private"]', 'publish = ["crates-io"]')
    text = (project / "pyproject.toml").read_text("utf-8")
    without = re.sub(r"\[\[tool.uv.index\]\].*?\n\n", "", text, flags=re.DOTALL)
    (project / "pyproject.toml").write_text(without, "utf-8")
    commit(project.path)
    refused = publish(project, env, code=1)
    assert "This project sends nothing to private: `just answer` adds a destination." in refused
    command = ("cargo", "publish", "--package", "new", "--registry", "private", "--no-verify")
    refused = project.run(*command, code=1, env=env)
    assert "is not listed in the `package.publish` value" in refused
    assert feed.requests == []
    assert 'There is no destination "testpypi": type one of pypi,' in publish(
        project, env, code=1, to="testpypi"
    )


def test_a_crate_may_stay_while_the_package_goes_on(
    project: Project, feed: Feed, index: Index, env: dict[str, str]
) -> None:
    with serve_index(index):
        publish(project, env)
        project.replace("README.md", "# new", "# Newer")
        project.run("cargo", "update", "--package", "proc-macro2", "--precise", "1.0.101")
        commit(project.path)
        project.just("crates", "dist")
        assert (project / "dist" / CRATE).read_bytes() != feed.crates["new/0.1.0"]
        assert f"private has {CRATE} with other contents" in publish(project, env, code=1)
        goes_on = "import crates; crates.VERSION = '0.2.0'; (crate,) = crates.published()\n"
        crate = f"crates.ROOT / 'dist/{CRATE}'"
        script = f"{goes_on}print(crates.is_published(crate, 'private', {crate}))"
        assert f"private has {CRATE} already.\nTrue\n" in project.tools(script, env=env)


def test_another_cargo_than_at_release_time_finds_the_same_contents(
    project: Project, feed: Feed, index: Index, env: dict[str, str]
) -> None:
    toolchain("msrv")
    (project / "dist" / CRATE).unlink()
    project.just("crates", "dist", env={"RUSTUP_TOOLCHAIN": "msrv"})
    older = (project / "dist" / CRATE).read_bytes()
    with serve_index(index):
        assert f"Sent to private: {CRATE}" in publish(project, env)
        assert "nothing, since it has everything" in publish(project, env)
    assert feed.crates["new/0.1.0"] != older


def test_two_crates_are_published_in_their_order(
    project: Project, feed: Feed, index: Index, env: dict[str, str]
) -> None:
    helper = project / "crates/helper"
    (helper / "src").mkdir(parents=True)
    (helper / "src/lib.rs").write_text("//! Helps.\n")
    core = (project / "crates/core/Cargo.toml").read_text("utf-8")
    manifest = core.replace('name = "new"', 'name = "aaa-new-helper"')
    # What its tests need comes later, and need not be there first.
    manifest += '\n[dev-dependencies]\nnew = { path = "../core" }\n'
    (helper / "Cargo.toml").write_text(re.sub("publish = .*", "", manifest))
    shutil.copy(project / "crates/core/LICENSE", helper)
    local = 'aaa-new-helper = { path = "../helper", version = "0.1.0"'
    project.replace("crates/core/Cargo.toml", "[dependencies]\n", f"[dependencies]\n{local} }}\n")
    project.run("cargo", "update", "--workspace")
    commit(project.path)
    silent = (
        'aaa-new-helper does not say where it goes: add publish = ["private"] or publish = false.'
    )
    assert silent in publish(project, env, code=1)
    versioned = 'path = "../core", version = "0.1.0", registry = "private"'
    (helper / "Cargo.toml").write_text(manifest.replace('path = "../core"', versioned))
    circle = "aaa-new-helper and new need each other: leave `version` out of the dev-dependency"
    assert circle in project.just("crates", code=1, env=env)
    (helper / "Cargo.toml").write_text(manifest)
    commit(project.path)
    refused = project.just("crates", code=1, env=env)
    assert "no matching package named `aaa-new-helper` found" in refused
    assert "location searched: crates.io index" in refused
    project.replace("crates/core/Cargo.toml", local, f'{local}, registry = "private"')
    commit(project.path)
    project.just("crates", "dist", env=env)
    with serve_index(index):
        sent = publish(project, env)
    assert f"Sent to private: aaa-new-helper-0.1.0.crate, {CRATE}, " in sent
    assert list(feed.crates) == ["aaa-new-helper/0.1.0", "new/0.1.0"]


@pytest.mark.usefixtures("feed")
def test_devpi_takes_the_same_files_twice_and_no_others(
    project: Project, env: dict[str, str], tmp_path: Path
) -> None:
    with serve_devpi(tmp_path / "devpi") as index:
        use_index(project, index.url, index.upload)
        env = {**env, **index.credentials}
        sent = publish(project, env)
        assert f"{wheel(project).name}, {SDIST}." in sent
        assert "nothing, since it has everything" in publish(project, env)
        (project / "dist" / SDIST).write_bytes(b"other")
        refused = publish(project, env, code=1)
        assert "uv will not send these files to private, see above. Nothing was pub" in refused


@pytest.mark.nightly
def test_pulp_takes_wheels_and_crate_once_and_serves_them(
    project: Project, env: dict[str, str], released: tuple[Project, int, int], tmp_path: Path
) -> None:
    if not shutil.which("initdb"):
        skip_without("PostgreSQL", "apt-get install postgresql")
    with pulp.serve_pulp(tmp_path / "pulp") as server:
        use_index(project, server.index, server.upload)
        feed = f"http://127.0.0.1:{released[1]}/index/"
        project.replace(".cargo/config.toml", feed, server.registry)
        commit(project.path)
        project.just("crates", "dist")
        env |= {
            "CARGO_REGISTRIES_PRIVATE_TOKEN": pulp.TOKEN,
            "UV_INDEX_PRIVATE_USERNAME": "admin",
            "UV_INDEX_PRIVATE_PASSWORD": pulp.PASSWORD,
        }
        refused = publish(project, {**env, "CARGO_REGISTRIES_PRIVATE_TOKEN": "wrong"}, code=1)
        assert f"Cargo could not publish {CRATE} to private, see above." in refused
        sent = publish(project, env)
        assert f"Sent to private: {CRATE}, {wheel(project).name}, {SDIST}." in sent
        assert "nothing, since it has everything" in publish(project, env)
        (project / "dist" / SDIST).write_bytes(b"other")
        refused = publish(project, env, code=1)
        assert "uv will not send these files to private, see above. Nothing was pub" in refused
        assert "it runs\n" in consume_crate(project, env, tmp_path / "consumer")
        consume_wheel(project, server.index, tmp_path / "venv")


@pytest.mark.parametrize(
    ("wheels_to", "destination", "message"),
    [
        ("[pypi]", "azure", "azure is no destination of this project: see `just answer`"),
        ("[]", "pypi", "pypi is no destination of this project: see `just answer`"),
        ("[pypi]", "pypi", "dist: build or fetch the files into it."),  # `just verify` comes first
    ],
)
def test_without_a_program_of_its_own_a_project_publishes_to_pypi_only(
    tmp_path: Path, wheels_to: str, destination: str, message: str
) -> None:
    project = render(tmp_path / "new", wheels_to=wheels_to)
    assert not (project / "tools/publish.py").exists()
    output = project.just("publish", destination, code=1)
    assert message in output
    assert "uv publish" not in output


# Reading from private registries


THEIRS = """
[project]
name = "theirs"
version = "0.1.0"

[build-system]
requires = ["uv_build"]
build-backend = "uv_build"
"""


@pytest.fixture
def reader(
    request: pytest.FixtureRequest,
    project: Project,
    feed: Feed,
    index: Index,
    env: dict[str, str],
    tmp_path: Path,
) -> Iterator[Project]:
    """A project whose core depends on a crate of the feed, and its tests on a package of the index."""
    reader = render(
        tmp_path / "reader",
        starter="none",
        python_min=getattr(request, "param", "3.11"),
        crate_to="[private]",
        private_registry_url=feed.url,
        wheels_to="[private]",
        private_index_url=index.url,
        private_upload_url=index.upload,
    )
    dependency = 'new = { version = "0.1.0", registry = "private" }'
    reader.replace("crates/core/Cargo.toml", "[dependencies]\n", f"[dependencies]\n{dependency}\n")
    reader.replace("pyproject.toml", '  "pytest>=9",\n', '  "pytest>=9",\n  "theirs",\n')
    table = '[tool.uv.sources]\ntheirs = { index = "private" }\n\n[[tool.uv.index]]\n'
    reader.replace("pyproject.toml", "[[tool.uv.index]]\n", table)
    (reader / "tests/test_theirs.py").write_text(
        '"""The package of the feed is there."""\n\nimport theirs\n\n\n'
        "def test_it_is_there() -> None:\n    assert theirs.__doc__\n"
    )
    theirs = tmp_path / "theirs/src/theirs/__init__.py"
    theirs.parent.mkdir(parents=True)
    theirs.write_text('"""Theirs."""\n')
    theirs.with_name("py.typed").touch()
    (tmp_path / "theirs/pyproject.toml").write_text(THEIRS)
    packages = str(index.folder / "packages")
    reader.run("uv", "build", "--wheel", "--out-dir", packages, str(tmp_path / "theirs"))
    with serve_index(index):
        publish(project, env)
        yield reader


def test_crates_and_packages_of_a_feed_are_used_with_credentials_only(
    reader: Project, index: Index, env: dict[str, str]
) -> None:
    without = {key: value for key, value in env.items() if "PRIVATE" not in key}
    refused = reader.just("setup", code=1, env=without)
    assert str(index.port) in refused
    assert "credentials" in refused
    half = {**without, **index.credentials}
    assert "CARGO_REGISTRIES_PRIVATE_TOKEN" in reader.just("setup", code=1, env=half)
    reader.just("setup", env=env)
    assert "All checks passed" in reader.just("check", env=env)
    assert "| reader-0.1.0-cp311-abi3-" in reader.just("wheels", env=env)


@pytest.mark.nightly
@pytest.mark.parametrize("reader", ["3.14"], indirect=True)
def test_cibuildwheel_reads_a_feed_with_credentials_only(
    reader: Project, index: Index, env: dict[str, str]
) -> None:
    if "CIBW_MANYLINUX_X86_64_IMAGE" not in os.environ:
        skip_without(
            "an image for cibuildwheel", "export CIBW_MANYLINUX_X86_64_IMAGE=manylinux_2_28"
        )
    reader.just("setup", env=env)
    edit_row(reader, "manylinux-x86_64", "floor", '"2.31"')
    engine = f"{os.environ['CIBW_CONTAINER_ENGINE']} --network=host"  # the feed is on this machine
    settings = {"CIBW_CONTAINER_ENGINE": engine, "CIBW_SKIP": "*t-*"}
    # The image has no free-threaded Python, so one wheel must be found missing.
    output = reader.just("cibuildwheel", "manylinux-x86_64", code=1, env={**env, **settings})
    assert "dist/ has 0 wheels cp314-cp314t of manylinux-x86_64" in output, output
    assert output.count("tests/test_theirs.py .") == 2
    half = {key: value for key, value in env.items() if not key.startswith("UV_INDEX_")}
    failed = reader.just("cibuildwheel", "manylinux-x86_64", code=1, env={**half, **settings})
    assert "401 Unauthorized" in failed, failed
    assert str(index.port) in failed
