# The template's own commands; `just` lists them.
export PATH := justfile_directory() / ".tools/bin" + PATH_VAR_SEP + env("PATH")

# Images of containers set it, and each start of pytest or Copier takes a second longer then.
export PYTHONDONTWRITEBYTECODE := ""

_list:
    @just --list --unsorted

# A demo has no locks yet, which is a fault in CI: hence `CI=`.

# Render a project into demo/, run its checks, and build, inspect and test its wheels
demo:
    rm -rf demo
    uv run copier copy --quiet --defaults --vcs-ref HEAD "{{ justfile_directory() }}" demo/my-package
    cd demo/my-package && uv run pytest && CI= just check wheels

# All tests but the nightly ones, or those of some files
test *files: lint
    uv run pytest -n 2 --dist loadgroup -m "not nightly" {{ files }}

# The tests that compile nothing: about a minute; with the locked Copier, the newest, or a version
test-fast copier="locked":
    uv run {{ if copier == "locked" { "" } else if copier == "newest" { "--upgrade-package copier" } else { "--with copier==" + copier } }} pytest -n 2 --dist loadgroup -m "not slow and not nightly"

# Rendered projects, checked, built and tested
test-build:
    uv run pytest tests/test_build.py

# All tests, the nightly ones included
test-everything: lint
    uv run pytest -n 2 --dist loadgroup -rs

# Build the wheels of one platform with cibuildwheel, in its real container
demo-cibuildwheel:
    rm -rf demo
    uv run copier copy --quiet --defaults --vcs-ref HEAD "{{ justfile_directory() }}" demo/my-package
    cd demo/my-package && CI= just setup cibuildwheel manylinux-x86_64

# For CI: Rust toolchains as docs/testing.md names them, for foreign platforms and of the oldest version
toolchains:
    rustup toolchain install 1.85 --profile minimal
    rustup toolchain link msrv "$(rustc +1.85 --print sysroot)"
    rustup component add llvm-tools
    rustup toolchain install nightly --profile minimal --component miri,rust-src
    rustup target add $(grep -oP '"target": "\K[^"]+' extensions/platforms.json)
    rustup toolchain link cross "$(rustc --print sysroot)"

# Compare versions and pins with the newest: print what is old, or keep an issue about it
freshness *issue:
    uv run python tests/freshness.py {{ issue }}

# For CI: list what releases.yml has and GitHub has not, with notes
unreleased folder="notes":
    uv run python tests/releases.py {{ folder }}

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
