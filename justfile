# The template's own commands; `just` lists them.
export PATH := justfile_directory() / ".tools/bin" + ":" + env("PATH")

_list:
    @just --list --unsorted

# Render a project into demo/, run its checks, and build, inspect and test its wheels
demo:
    rm -rf demo
    uv run copier copy --quiet --defaults --vcs-ref HEAD "{{ justfile_directory() }}" demo/my-package
    cd demo/my-package && uv run pytest && just check wheels

# All tests but the nightly ones
test: lint
    uv run pytest -n 2 -m "not nightly"

# The tests that compile nothing: less than a minute
test-fast:
    uv run pytest -n 2 -m "not slow and not nightly"

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
