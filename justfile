# The template's own commands; `just` lists them.
export PATH := justfile_directory() / ".tools/bin" + ":" + env("PATH")

# Images of containers set it, and each start of pytest or Copier takes a second longer then.
export PYTHONDONTWRITEBYTECODE := ""

_list:
    @just --list --unsorted

# Render a project into demo/, run its checks, and build, inspect and test its wheels
demo:
    rm -rf demo
    uv run copier copy --quiet --defaults --vcs-ref HEAD "{{ justfile_directory() }}" demo/my-package
    cd demo/my-package && uv run pytest && just check wheels

# All tests but the nightly ones
test: lint
    uv run pytest -n 2 --dist loadgroup -m "not nightly"

# The tests that compile nothing: about a minute; with the locked Copier, the newest, or a version
test-fast copier="locked":
    uv run {{ if copier == "locked" { "" } else if copier == "newest" { "--upgrade-package copier" } else { "--with copier==" + copier } }} pytest -n 2 --dist loadgroup -m "not slow and not nightly"

# Rendered projects, checked, built and tested
test-build:
    uv run pytest tests/test_build.py

# All tests, the nightly ones included
test-everything: lint
    uv run pytest -n 2 --dist loadgroup

# Build the wheels of one platform with cibuildwheel, in its real container
demo-cibuildwheel:
    rm -rf demo
    uv run copier copy --quiet --defaults --vcs-ref HEAD "{{ justfile_directory() }}" demo/my-package
    cd demo/my-package && just setup cibuildwheel manylinux-x86_64

# Compare versions and pins with the newest: print what is old, or keep an issue about it
freshness *issue:
    uv run python tests/freshness.py {{ issue }}

# For CI: release what releases.yml has and GitHub has not
release:
    uv run python tests/releases.py

# Formats, lints and types of the tests
lint:
    uv run ruff format --check
    uv run ruff check
    uv run mypy

# How fast it is: medians and ratios, in one run
benchmark *names:
    uv run python tests/benchmark.py {{ names }}

# Render examples/ anew
examples:
    uv run python tests/examples.py
