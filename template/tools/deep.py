"""Run two of the long tests: the first import by many threads, and changes that no test notices."""

import shutil
import subprocess
import sys

from project import PROJECT, ROOT, main, run, show

IMPORT = """
import concurrent.futures, importlib, sys, threading
barrier = threading.Barrier(8)
def load(_):
    barrier.wait()
    return importlib.import_module(sys.argv[1])
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    assert len({id(module) for module in pool.map(load, range(8))}) == 1, "threads got different modules"
"""


def first_import() -> None:
    """Import the package in eight threads at once, in twenty fresh interpreters."""
    for _ in range(20):
        run(sys.executable, "-X", "dev", "-c", IMPORT, PROJECT["tool"]["maturin"]["module-name"], quiet=True)
    print("Eight threads imported the module at once, in twenty interpreters.")


def mutants() -> None:
    """List the changes of the core crate that its tests do not notice, and exit if there are any."""
    if not shutil.which("cargo-mutants"):
        sys.exit("cargo-mutants is missing: type `cargo install --locked cargo-mutants`.")
    command = ["cargo", "mutants", "--manifest-path", "crates/core/Cargo.toml", "--output", "target"]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code not in (
        0,
        2,
        3,
    ):  # some were missed; some never ended, which tests notice: https://mutants.rs/exit-codes.html
        sys.exit(f"`cargo mutants` failed with exit code {code}, see above.")
    missed = (ROOT / "target/mutants.out/missed.txt").read_text("utf-8").splitlines()
    rows = [f"{len(missed)} changes of the core crate were noticed by no test.\n", *(f"- `{line}`" for line in missed)]
    show("\n".join([*rows, ""]), ROOT / "target/mutants.md")
    if missed:
        sys.exit(
            'Write a test for each change, or name the function in .cargo/mutants.toml: exclude_re = ["forgotten"]'
        )


if __name__ == "__main__":
    main(first_import, mutants)
