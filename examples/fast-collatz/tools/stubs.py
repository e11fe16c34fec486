"""Write the type stub of the Rust module, or check that the committed one is up to date.

Usage: python tools/stubs.py write
       python tools/stubs.py check, which also compares it with the compiled module and with the package

maturin generates it from the Rust sources, without the classes of create_exception!, which are read from the
compiled module. A definition in crates/py/overloads.pyi replaces the generated one of the same name.
"""

import ast
import builtins
import collections.abc
import difflib
import importlib
import importlib.util
import re
import subprocess
import sys
import tempfile
import typing
from pathlib import Path
from types import ModuleType

from project import PROJECT, run

NAME: str = PROJECT["tool"]["maturin"]["module-name"]  # such as my_package._rust
PLACE = Path("python", *NAME.split("."))
OVERLOADS = Path("crates/py/overloads.pyi")
ADDITIONS = OVERLOADS.read_text("utf-8") if OVERLOADS.exists() else ""
# For one of these, Python gets its partners from PyO3 as well, which the generator does not see.
PARTNERS = r"__(r?(add|sub|mul|matmul|truediv|floordiv|mod|divmod|pow|[lr]shift|and|x?or)|lt|le|eq|ne|gt|ge|(set|del)(item|attr)?|delete)__"
IMPORTS = (ast.Import, ast.ImportFrom)


def generate() -> dict[Path, str]:
    """Return what maturin generates: one stub, or a folder of them if a #[pymodule] is nested."""
    with tempfile.TemporaryDirectory() as scratch:
        run("maturin", "generate-stubs", "--quiet", "--features", "stubs", "--out", scratch)
        root = Path(scratch, *NAME.split(".")[:-1])
        paths = sorted(root.rglob("*.pyi"))  # the one of the module itself comes first
        return {path.relative_to(root): path.read_text("utf-8") for path in paths}


def definitions(source: str) -> dict[str, str]:
    """Return the text of each definition: with its decorators, all its overloads, and what is below it."""
    found, name = dict[str, str](), ""
    for node in ast.parse(source).body:
        match node:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                pass
            case ast.AnnAssign(target=ast.Name(name)) | ast.Assign(targets=[ast.Name(name)]):
                pass
        if name and not isinstance(node, IMPORTS):  # a string below a constant is its documentation
            found[name] = (
                f"{found[name]}\n{ast.unparse(node)}" if name in found else ast.unparse(node)
            )
    return found


def exception(name: str, module: ModuleType) -> str:
    """Return the definition of an exception that Rust made, or exit if the name is something else."""
    value = getattr(module, name)
    if not (isinstance(value, type) and issubclass(value, BaseException)):
        sys.exit(f"The generator does not see {name}: write its type into {OVERLOADS.as_posix()}.")
    base = value.__base__ or Exception
    return f'class {name}({base.__name__}):\n    """{value.__doc__ or ""}"""'


def replaced(addition: str, generated: str) -> str:
    """Return a definition of crates/py/overloads.pyi with the generated docstring in its first overload."""
    (function,), overloads = ast.parse(generated).body, ast.parse(addition)
    first = overloads.body[0]
    if isinstance(function, ast.FunctionDef) and isinstance(first, ast.FunctionDef):
        first.body[:1] = function.body[:1]
    return ast.unparse(overloads)


def assemble(generated: str, module: ModuleType, additions: str) -> str:
    """Return a stub with every name of the module, and with the additions in their places."""
    found, body = definitions(generated), ast.parse(generated).body
    for name, text in definitions(additions).items():
        found[name] = replaced(text, found[name]) if name in found else text
    imports = [node for node in [*body, *ast.parse(additions).body] if isinstance(node, IMPORTS)]
    names = sorted(getattr(module, "__all__", []))
    nested = {alias.name for node in imports if getattr(node, "level", 0) for alias in node.names}
    for name in [name for name in names if name not in {*found, *nested}]:
        found[name] = exception(name, module)
    docstring = [ast.unparse(body[0])] if ast.get_docstring(ast.parse(generated)) else []
    listed = [f"__all__ = {names}"] if names else []  # an empty module has none
    texts = [text for name, text in found.items() if name not in ("__getattr__", "__all__")]
    return "\n".join([*docstring, *map(ast.unparse, imports), *listed, *texts])


def complete(stub: str) -> str:
    """Add the imports that are missing, and `object` for the *args and **kwargs of unknown type."""
    stub = re.sub(r"(?<=[(\s])(\*{1,2}[^\W\d]\w*)(?=[,)])", r"\1: object", stub)
    tree = ast.parse(stub)
    bound, used = {*dir(builtins)}, set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.alias):
            bound.add(node.asname or node.name)
        elif isinstance(node, ast.Name):
            (bound if isinstance(node.ctx, ast.Store) else used).add(node.id)
    lines = []
    for name in sorted(used - bound):
        if source := next((m for m in (collections.abc, typing) if hasattr(m, name)), None):
            lines.append(f"from {source.__name__} import {name}")
        elif importlib.util.find_spec(name):
            lines.append(f"import {name}")
        else:
            sys.exit(
                f"{name} is a type that the stub does not know: import it in {OVERLOADS.as_posix()}."
            )
    tree.body[bool(ast.get_docstring(tree)) : 0] = ast.parse("\n".join(lines)).body
    return ast.unparse(tree)


def ruff(stub: str, *arguments: str) -> str:
    """Return the stub as ruff changes it."""
    command = ["ruff", *arguments, "--stdin-filename", str(PLACE.with_suffix(".pyi")), "-"]
    return subprocess.run(
        command, input=stub, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=True
    ).stdout


def stubs() -> dict[Path, str]:
    """Return what belongs into each stub, formatted as the project's other files are."""
    module, finished = importlib.import_module(NAME), {}
    fix = ("check", "--fix", "--unsafe-fixes", "--quiet")
    for path, generated in generate().items():
        top = path.stem in (PLACE.name, "__init__")
        stub = assemble(generated, module if top else getattr(module, path.stem), ADDITIONS * top)
        stub = ruff(complete(ruff(stub, *fix, "--select=UP037")), *fix, "--select=D200,D212,F401,I")
        finished[PLACE.parent / path] = ruff(stub, "format")
    return finished


def write(expected: dict[Path, str]) -> None:
    """Write the stubs, delete those of modules that are gone, and name what has no type."""
    for path in {PLACE.with_suffix(".pyi"), *PLACE.glob("*.pyi")} - expected.keys():
        path.unlink(missing_ok=True)
    for path, stub in expected.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(stub, "utf-8", newline="\n")
        print(f"wrote {path.as_posix()}")
        for line in re.findall(r"^(?!.*import).*\bIncomplete\b.*", stub, re.MULTILINE):
            print(
                f'{line.strip()} has no type: say it in Rust, #[pyo3(signature = (name: "Type"))]'
            )


def problems(stub: str, names: list[str]) -> list[str]:
    """Return the public names that have no docstring, or that no module of the package uses."""
    found = []
    for name, text in definitions(stub).items():
        node = ast.parse(text).body[0]
        if name not in names or text.startswith("@overload"):
            continue
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not ast.get_docstring(node):
            found.append(f"{name} has no docstring: write `/// …` lines above it in Rust.")
    package = "\n".join(path.read_text("utf-8") for path in Path("python").rglob("*.py"))
    for name in names:
        if not name.startswith("_") and not re.search(rf"\b{name}\b|_rust import \*", package):
            found.append(
                f"{name} cannot be imported from the package: import it in {PLACE.parent.as_posix()}"
                f"/__init__.py and name it in __all__ there, or mark it as internal in Rust: #[pyo3(name"
                f' = "_{name}")]'
            )
    return found


def check(expected: dict[Path, str]) -> None:
    """Exit unless the stubs are up to date, say what the module has, and all names are documented and exported."""
    for path, stub in expected.items():
        present = path.read_text("utf-8") if path.exists() else ""
        if present != stub:
            print(
                *difflib.unified_diff(present.splitlines(), stub.splitlines(), lineterm=""),
                sep="\n",
            )
            sys.exit("The stub is not what the Rust sources say: type `just stubs`.")
    for path in [*expected][1:]:
        if f"{NAME}.{path.stem}" not in sys.modules:
            sys.exit(
                f"`import {NAME}.{path.stem}` would fail: register the nested module in its #[pymodule_init],"
                " see the row *submodule* in CONTRIBUTING.md."
            )
    with tempfile.TemporaryDirectory() as scratch:
        allowed = Path(scratch, "allowed")
        allowed.write_text(rf"{re.escape(NAME)}(\.\w+)+\.{PARTNERS}", "utf-8")
        command = [sys.executable, "-m", "mypy.stubtest", NAME, "--allowlist", str(allowed)]
        if subprocess.run([*command, "--ignore-unused-allowlist"], check=False).returncode:
            sys.exit(
                "The stub is not what the compiled module has, see above. Write what the generator gets"
                f" wrong into {OVERLOADS.as_posix()}, then type `just stubs`."
            )
    names = getattr(importlib.import_module(NAME), "__all__", [])
    if unfinished := problems(next(iter(expected.values())), names):
        sys.exit("\n".join(unfinished))


if __name__ == "__main__":
    if sys.argv[1:] not in (["write"], ["check"]):
        sys.exit(__doc__)
    {"write": write, "check": check}[sys.argv[1]](stubs())
