"""Write the type stub of the Rust module, or check that the committed one is up to date.

Usage: python tools/stubs.py write
       python tools/stubs.py check, which also compares it with the compiled module

maturin generates it from the Rust sources. What the generator cannot know stands in crates/py/overloads.pyi:
overloads replace the function of the same name, and classes are added, such as those of create_exception!.
"""

import ast
import difflib
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

OVERLOADS = Path("crates/py/overloads.pyi")
# For one of these, Python gets its partners from PyO3 as well, which the generator does not see.
PARTNERS = r"__(r?(add|sub|mul|matmul|truediv|floordiv|mod|divmod|pow|[lr]shift|and|x?or)|lt|le|eq|ne|gt|ge|(set|del)(item|attr)?|delete)__"
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
        command += ["--target-dir", str(TARGET), "--out", out]
        if subprocess.run(command, check=False).returncode:
            sys.exit("The stub cannot be generated, see above.")
        generated, *more = sorted(Path(out).rglob("*.pyi"))
        if more:
            sys.exit(
                "There is one stub, for one module: export what a nested #[pymodule] has from the outer one."
            )
        return generated.read_text("utf-8")


def functions(source: str) -> dict[str, list[ast.FunctionDef]]:
    """Collect the functions of a stub by name."""
    found: dict[str, list[ast.FunctionDef]] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            found.setdefault(node.name, []).append(node)
    return found


def merge(generated: str, additions: str) -> str:
    """Put the functions of `additions` in the place of those that `generated` has, and add its classes."""
    present = functions(generated)
    for node in ast.parse(additions).body:
        if isinstance(node, ast.ClassDef):
            generated += f"\n{ast.unparse(node)}\n"
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


def complete(stub: str) -> str:
    """List all names in the place of `__getattr__`, which stands for what the generator did not see."""
    unseen = functions(stub).get("__getattr__")
    if not unseen:
        return stub
    stub = stub.replace(ast.get_source_segment(stub, unseen[0]) or "", "")
    kinds = (ast.ClassDef, ast.FunctionDef)
    names = {node.name for node in ast.parse(stub).body if isinstance(node, kinds)}
    return f"{stub}\n__all__ = {sorted(names)}\n"


def tidy(stub: str) -> str:
    """Format it as the project's other files are."""
    fix = ["check", "--fix", "--unsafe-fixes", "--quiet", "--select=D200,D212,F401,I,UP037"]
    for command in (fix, ["format"]):
        arguments = ["ruff", *command, "--stdin-filename", str(stub_path()), "-"]
        result = subprocess.run(arguments, input=stub.encode(), stdout=subprocess.PIPE, check=True)
        stub = result.stdout.decode()
    return stub


def compare() -> None:
    """Stop unless the stub says what the compiled module has."""
    with tempfile.TemporaryDirectory() as scratch:
        allowed = Path(scratch, "allowed")
        allowed.write_text(rf"{re.escape(module_name())}\.\w+\.{PARTNERS}", "utf-8")
        command = [sys.executable, "-m", "mypy.stubtest", module_name()]
        command += ["--allowlist", str(allowed), "--ignore-unused-allowlist"]
        if subprocess.run(command, check=False).returncode:
            sys.exit(
                "The stub is not what the compiled module has, see above. What the generator does not see"
                f" belongs into {OVERLOADS.as_posix()}, such as `class MyError(ValueError): ...` for"
                " create_exception!. Then type `just stubs`."
            )


def main(verb: str) -> None:
    """Write the stub or check it."""
    stub = generate()
    if OVERLOADS.exists():
        stub = merge(stub, OVERLOADS.read_text("utf-8"))
    stub, path = tidy(complete(stub)), stub_path()
    if verb == "write":
        path.write_text(stub, "utf-8", newline="\n")
        print(f"wrote {path.as_posix()}")
    elif (present := path.read_text("utf-8") if path.exists() else "") != stub:
        print(*difflib.unified_diff(present.splitlines(), stub.splitlines(), lineterm=""), sep="\n")
        sys.exit(f"{path.as_posix()} is not what the Rust sources say: type `just stubs`.")
    else:
        compare()


if __name__ == "__main__":
    if sys.argv[1:] not in (["write"], ["check"]):
        sys.exit(__doc__)
    main(sys.argv[1])
