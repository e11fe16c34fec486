"""Run the long tests that need more than a command: the oldest versions, the first import, and mutants."""

import os
import subprocess
import sys

from project import MODULE, ROOT, checkout, main, need, run, show

IMPORT = """
import concurrent.futures, importlib, sys, threading
barrier = threading.Barrier(8)
def load(_):
    barrier.wait()
    importlib.import_module(sys.argv[1])
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    list(pool.map(load, range(8)))
"""


def lowest() -> None:
    """Test the last commit with the oldest versions that Cargo.toml and pyproject.toml ask for."""
    own = {
        "CARGO_TARGET_DIR": str(ROOT / "target/lowest-build"),
        "UV_LOCKED": "false",
        "UV_PROJECT_ENVIRONMENT": str(ROOT / "target/lowest-environment"),
        "VIRTUAL_ENV": "",
    }
    environment = {**os.environ, **own}
    with checkout("HEAD", ROOT / "target/lowest") as folder:
        # Cargo calls the option unstable; the compiler itself stays a stable one.
        unstable = {**environment, "RUSTC_BOOTSTRAP": "1"}
        for command, variables in (
            ("cargo generate-lockfile -Z direct-minimal-versions", unstable),
            ("cargo test --workspace", environment),
            ("uv sync --resolution lowest-direct --no-default-groups --group build --group test", environment),
            ("uv run --no-sync pytest", environment),
        ):
            run(*command.split(), cwd=folder, environment=variables)


def first_import() -> None:
    """Import the package in eight threads at once, in twenty fresh interpreters."""
    for _ in range(20):
        run(sys.executable, "-X", "dev", "-c", IMPORT, MODULE, quiet=True)
    print("Eight threads imported the module at once, in twenty interpreters.")


def mutants() -> None:
    """List the changes of the core crate that its tests do not notice, and exit if there are any."""
    need("cargo-mutants")
    command = ["cargo", "mutants", "--manifest-path", "crates/core/Cargo.toml", "--output", "target"]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    # Some were missed; some never ended, which tests notice: https://mutants.rs/exit-codes.html
    if code not in (0, 2, 3):
        sys.exit(f"`cargo mutants` failed with exit code {code}, see above.")
    missed = (ROOT / "target/mutants.out/missed.txt").read_text("utf-8").splitlines()
    rows = [f"{len(missed)} changes of the core crate were noticed by no test.\n", *(f"- `{line}`" for line in missed)]
    show("\n".join([*rows, ""]), ROOT / "target/mutants.md")
    if missed:
        sys.exit(
            'Write a test for each change, or name the function in .cargo/mutants.toml: exclude_re = ["forgotten"]'
        )


if __name__ == "__main__":
    main(lowest, first_import, mutants)
