"""Every test runs apart from the settings of the person who starts it."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before Copier is imported: it hands Git the environment it finds then.
SCRATCH = Path(tempfile.mkdtemp(prefix="copier-pyo3-"))
(SCRATCH / "gitconfig").write_text(
    "[user]\nname = Tester\nemail = tester@example.org\n[init]\ndefaultBranch = main\n", "utf-8"
)
(SCRATCH / "settings.yml").write_text("{}\n", "utf-8")
os.environ |= {
    "COPIER_SETTINGS_PATH": str(SCRATCH / "settings.yml"),
    "COPIER_CACHE_DIR": str(SCRATCH / "copier"),
    "GIT_CONFIG_GLOBAL": str(SCRATCH / "gitconfig"),
    "GIT_CONFIG_NOSYSTEM": "1",
    # A build that finds no compiler must fail, not fetch one.
    "MATURIN_NO_INSTALL_RUST": "1",
}
for name in ("CI", "VIRTUAL_ENV", "SOURCE_DATE_EPOCH"):
    os.environ.pop(name, None)


@pytest.fixture(scope="session", autouse=True)
def cargo_target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let projects share what cargo compiles, so that PyO3 is compiled once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CARGO_TARGET_DIR", str(tmp_path_factory.mktemp("target")))
        yield


@pytest.fixture(scope="module")
def own_targets() -> Iterator[None]:
    """Compile into a project's own folder, as on a person's machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CARGO_TARGET_DIR")
        yield


@pytest.fixture(scope="session")
def cross() -> dict[str, str]:
    """Use the toolchain that has standard libraries of foreign targets."""
    from project import toolchain  # it imports Copier, which reads the environment set above

    toolchain("cross")
    return {"RUSTUP_TOOLCHAIN": "cross"}


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clone the template with all its versions, released and pretended."""
    from versions import history  # as above

    return history(tmp_path_factory.mktemp("history") / "template")


# Fixtures that cost a minute: tests that need the same one run in the same worker.
COSTLY = (
    "checked",
    "cross",
    "narrow",
    "projects",
    "ready",
    "released",
    "wheel_set",
)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group tests by the costly fixture that they need, for `--dist loadgroup`."""
    for item in items:
        for name in COSTLY:
            if name in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group(name))
    # The groups come first: the small tests fill what is left of both workers.
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what updates did to lines that people wrote."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    properties = [pair for report in reports for pair in report.user_properties]
    rows = [row for name, row in properties if name == "update"]
    if rows:
        terminalreporter.section("updates: files with a person's line, conflicts, lines lost")
        for version, answers, change, files, conflicts, lost in sorted(rows):
            counts = f"{files:6}{conflicts:6}{lost:6}"
            terminalreporter.write_line(f"{version:10}{answers:14}{change:22}{counts}")
