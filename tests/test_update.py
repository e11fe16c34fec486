"""An update brings what is new, and leaves alone what is yours."""

from pathlib import Path

import copier
from project import commit, git, released_template, render


def test_an_update_leaves_a_rewritten_starter_alone(tmp_path: Path) -> None:
    template = released_template(tmp_path / "template", "1.0.0")
    project = render(tmp_path / "new", template)
    git(project.path, "init", "--quiet")
    commit(project.path)
    (project / "crates/core/src/collatz.rs").write_text("// mine\n")
    (project / "tests/test_collatz.py").unlink()
    (project / "README.md").write_text("# mine\n")
    commit(project.path)

    for name in (
        "crates/core/src/collatz.rs.jinja",
        "tests/test_collatz.py.jinja",
        "README.md.jinja",
    ):
        path = template / "template" / name
        path.write_text(path.read_text("utf-8") + "// newer\n", "utf-8")
    owned = template / "template/justfile"
    owned.write_text("# newer\n" + owned.read_text("utf-8"), "utf-8")
    commit(template, "1.1.0")
    copier.run_update(project.path, defaults=True, overwrite=True, quiet=True, unsafe=False)

    assert (project / "crates/core/src/collatz.rs").read_text() == "// mine\n"
    assert not (project / "tests/test_collatz.py").exists()
    assert (project / "README.md").read_text() == "# mine\n"
    assert (project / "justfile").read_text("utf-8").startswith("# newer\n")
    assert project.answers()["_commit"] == "1.1.0"


def test_names_and_versions_stay_as_they_were(tmp_path: Path) -> None:
    template = released_template(tmp_path / "template", "1.0.0")
    project = render(tmp_path / "new", template, package_name="mine")
    git(project.path, "init", "--quiet")
    commit(project.path)
    versions = template / "extensions/versions.yml"
    versions.write_text(
        versions.read_text("utf-8").replace("pyo3: 0.30.1", "pyo3: 0.99.0"), "utf-8"
    )
    commit(template, "2.0.0")
    copier.run_update(project.path, defaults=True, overwrite=True, quiet=True, unsafe=False)
    assert project.answers()["package_name"] == "mine"
    assert project.answers()["pyo3_version"] == "0.30.1"
    assert 'pyo3 = "0.30.1"' in (project / "Cargo.toml").read_text("utf-8")
