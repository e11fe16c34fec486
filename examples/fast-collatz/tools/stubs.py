"""Write the type stub of the Rust module, or check that the committed one is up to date.

Usage: python tools/stubs.py write
       python tools/stubs.py check, which also compares it with the compiled module

maturin generates it from the Rust sources. What the generator cannot know, such as overloads, stands
in crates/py/overloads.pyi and replaces the functions of the same name.
"""

import ast
import difflib
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

OVERLOADS = Path("crates/py/overloads.pyi")
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", "target"), "stubs")


def module_name() -> str:
    """Read from pyproject.toml what Python imports."""
    settings = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))
    return str(settings["tool"]["maturin"]["module-name"])


def stub_path() -> Path:
    """Say where the stub belongs, beside the Python package's other modules."""
    return Path("python", *module_name().split(".")).with_suffix(".pyi")


def generate() -> str:
    """Compile the module with its types included, and read them from it."""
    with tempfile.TemporaryDirectory() as out:
        command = ["maturin", "generate-stubs", "--quiet", "--features", "stubs"]
        subprocess.run([*command, "--target-dir", str(TARGET), "--out", out], check=True)
        (generated,) = Path(out).rglob("*.pyi")
        return generated.read_text("utf-8")


def functions(source: str) -> dict[str, list[ast.FunctionDef]]:
    """Collect the functions of a stub by name."""
    found: dict[str, list[ast.FunctionDef]] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            found.setdefault(node.name, []).append(node)
    return found


def merge(generated: str, additions: str) -> str:
    """Put the functions of `additions` in the place of those that `generated` has."""
    present = functions(generated)
    for name, overloads in functions(additions).items():
        if name not in present:
            sys.exit(f"{OVERLOADS} has {name}, which Rust does not export: delete it there.")
        (function,) = present[name]
        # The docstring moves to the first overload, where editors look for it.
        overloads[0].body[:1] = function.body[:1]
        text = "\n".join(ast.unparse(overload) for overload in overloads)
        generated = generated.replace(ast.get_source_segment(generated, function) or "", text)
    kinds = (ast.Import, ast.ImportFrom)
    imports = [node for node in ast.parse(additions).body if isinstance(node, kinds)]
    docstring = ast.get_source_segment(generated, ast.parse(generated).body[0]) or ""
    lines = "\n".join(ast.unparse(node) for node in imports)
    return generated.replace(docstring, f"{docstring}\n{lines}\n", 1)


def tidy(stub: str) -> str:
    """Format it as the project's other files are."""
    fix = ["check", "--fix", "--unsafe-fixes", "--quiet", "--select=D200,D212,I,UP037"]
    for command in (fix, ["format"]):
        arguments = ["ruff", *command, "--stdin-filename", str(stub_path()), "-"]
        result = subprocess.run(arguments, input=stub.encode(), stdout=subprocess.PIPE, check=True)
        stub = result.stdout.decode()
    return stub


def main(verb: str) -> None:
    """Write the stub or check it."""
    stub = generate()
    if OVERLOADS.exists():
        stub = merge(stub, OVERLOADS.read_text("utf-8"))
    stub, path = tidy(stub), stub_path()
    if verb == "write":
        path.write_text(stub, "utf-8", newline="\n")
        print(f"wrote {path.as_posix()}")
    elif (present := path.read_text("utf-8") if path.exists() else "") != stub:
        print(*difflib.unified_diff(present.splitlines(), stub.splitlines(), lineterm=""), sep="\n")
        sys.exit(f"{path.as_posix()} is not what the Rust sources say: type `just stubs`.")
    else:
        subprocess.run([sys.executable, "-m", "mypy.stubtest", module_name()], check=True)


if __name__ == "__main__":
    if sys.argv[1:] not in (["write"], ["check"]):
        sys.exit(__doc__)
    main(sys.argv[1])
