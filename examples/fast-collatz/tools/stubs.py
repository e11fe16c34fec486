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
import tomllib
import typing
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

SETTINGS = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))
NAME: str = SETTINGS["tool"]["maturin"]["module-name"]  # such as my_package._rust
PLACE = Path("python", *NAME.split("."))
OVERLOADS = Path("crates/py/overloads.pyi")
# For one of these, Python gets its partners from PyO3 as well, which the generator does not see.
PARTNERS = r"__(r?(add|sub|mul|matmul|truediv|floordiv|mod|divmod|pow|[lr]shift|and|x?or)|lt|le|eq|ne|gt|ge|(set|del)(item|attr)?|delete)__"
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
IMPORTS = (ast.Import, ast.ImportFrom)


def generate() -> dict[Path, str]:
    """Return what maturin generates: one stub, or a folder of them if a #[pymodule] is nested."""
    with tempfile.TemporaryDirectory() as scratch:
        command = ["maturin", "generate-stubs", "--quiet", "--features", "stubs", "--out", scratch]
        if subprocess.run(command, check=False).returncode:
            sys.exit("The stub cannot be generated, see above.")
        root = Path(scratch, *NAME.split(".")[:-1])
        paths = sorted(root.rglob("*.pyi"))  # the one of the module itself comes first
        return {path.relative_to(root): path.read_text("utf-8") for path in paths}


def name_of(node: ast.stmt) -> str:
    """Return the name that a statement defines, or nothing."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return node.name
        case ast.AnnAssign(target=ast.Name(name)) | ast.Assign(targets=[ast.Name(name)]):
            return name
    return ""


def definitions(source: str) -> dict[str, str]:
    """Return the text of each definition: with its decorators, all its overloads, and what is below it."""
    lines, found, name = source.splitlines(), dict[str, str](), ""
    body = [node for node in ast.parse(source).body if not isinstance(node, IMPORTS)]
    for node in body[1:] if ast.get_docstring(ast.parse(source)) else body:
        name = name_of(node) or name  # a string below a constant is its documentation
        first = min([node.lineno, *(line.lineno for line in getattr(node, "decorator_list", []))])
        text = "\n".join(lines[first - 1 : node.end_lineno])
        found[name] = f"{found[name]}\n{text}" if name in found else text
    return found


def exception(name: str, module: ModuleType) -> str:
    """Return the definition of an exception that Rust made, or stop if the name is something else."""
    value = getattr(module, name)
    if not (isinstance(value, type) and issubclass(value, BaseException)):
        sys.exit(f"The generator does not see {name}: write its type into {OVERLOADS.as_posix()}.")
    base = value.__base__ or Exception
    return f'class {name}({base.__name__}):\n    """{value.__doc__ or ""}"""'


def with_docstring(overloads: str, generated: str) -> str:
    """Move the generated docstring to the first overload, where editors look for it."""
    (function,), overload = ast.parse(generated).body, ast.parse(overloads)
    first = overload.body[0]
    if isinstance(function, ast.FunctionDef) and isinstance(first, ast.FunctionDef):
        first.body[:1] = function.body[:1]
        return ast.unparse(overload)
    return overloads


def assemble(generated: str, module: ModuleType, additions: str) -> str:
    """Return a stub with every name of the module, and with the additions in their places."""
    found, added = definitions(generated), definitions(additions)
    found = {name: text for name, text in found.items() if name not in ("__getattr__", "__all__")}
    for name, text in added.items():
        found[name] = with_docstring(text, found[name]) if name in found else text
    body = ast.parse(generated).body
    imports = [
        ast.unparse(node)
        for node in [*body, *ast.parse(additions).body]
        if isinstance(node, IMPORTS)
    ]
    submodules = {
        alias.name
        for node in body
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    }
    names = sorted(getattr(module, "__all__", []))
    for name in [name for name in names if name not in {*found, *submodules}]:
        found[name] = exception(name, module)
    docstring = (
        ast.get_source_segment(generated, body[0])
        if ast.get_docstring(ast.parse(generated))
        else ""
    )
    listed = [f"__all__ = {names}"] if names else []  # an empty module has none
    return "\n".join([docstring or "", *imports, *listed, *found.values()])


def complete(stub: str) -> str:
    """Add the imports that are missing, and `object` for the *args and **kwargs of unknown type."""
    stub = re.sub(r"(?<=[(\s])(\*{1,2}[^\W\d]\w*)(?=[,)])", r"\1: object", stub)
    tree = ast.parse(stub)
    nodes = [*ast.walk(tree)]
    bound = {*dir(builtins), *(node.name for node in nodes if isinstance(node, Definition))}
    bound |= {node.asname or node.name for node in nodes if isinstance(node, ast.alias)}
    bound |= {
        node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
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
    docstring = ast.get_source_segment(stub, tree.body[0]) if ast.get_docstring(tree) else ""
    return stub.replace(docstring or "", "\n".join([docstring or "", *lines]), 1)


def ruff(stub: str, *arguments: str) -> str:
    """Return the stub as ruff changes it."""
    command = ["ruff", *arguments, "--stdin-filename", str(PLACE.with_suffix(".pyi")), "-"]
    return subprocess.run(
        command, input=stub, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=True
    ).stdout


def fix(stub: str, *rules: str) -> str:
    """Return the stub with what these rules of ruff find mended."""
    return ruff(stub, "check", "--fix", "--unsafe-fixes", "--quiet", f"--select={','.join(rules)}")


def stubs() -> dict[Path, str]:
    """Return what belongs into each stub, formatted as the project's other files are."""
    module, finished = importlib.import_module(NAME), {}
    for path, generated in generate().items():
        top = path.stem in (PLACE.name, "__init__")
        own = module if top else getattr(module, path.stem)
        additions = OVERLOADS.read_text("utf-8") if top and OVERLOADS.exists() else ""
        stub = complete(fix(assemble(generated, own, additions), "UP037"))
        finished[PLACE.parent / path] = ruff(fix(stub, "D200", "D212", "F401", "I"), "format")
    return finished


def write(expected: dict[Path, str]) -> None:
    """Write the stubs, delete those of modules that are gone, and name what has no type."""
    for path in {PLACE.with_suffix(".pyi"), *PLACE.glob("*.pyi")} - expected.keys():
        path.unlink(missing_ok=True)
    for path, stub in expected.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(stub, "utf-8", newline="\n")
        print(f"wrote {path.as_posix()}")
        for line in re.findall(r".*\bIncomplete\b.*", stub):
            if "import" not in line:
                print(
                    f'No type is known here: {line.strip()} Say it in Rust: #[pyo3(signature = (name: "Type"))]'
                )


def outdated(expected: dict[Path, str]) -> Iterator[str]:
    """Yield what differs between the committed stubs and these."""
    for path, stub in expected.items():
        present = path.read_text("utf-8") if path.exists() else ""
        yield from difflib.unified_diff(present.splitlines(), stub.splitlines(), lineterm="")


def compare() -> None:
    """Stop unless the stub says what the compiled module has."""
    with tempfile.TemporaryDirectory() as scratch:
        allowed = Path(scratch, "allowed")
        allowed.write_text(rf"{re.escape(NAME)}(\.\w+)+\.{PARTNERS}", "utf-8")
        command = [sys.executable, "-m", "mypy.stubtest", NAME, "--allowlist", str(allowed)]
        if subprocess.run([*command, "--ignore-unused-allowlist"], check=False).returncode:
            sys.exit(
                "The stub is not what the compiled module has, see above. Write what the generator gets"
                f" wrong into {OVERLOADS.as_posix()}, then type `just stubs`."
            )


def unfinished(stub: str, names: list[str]) -> Iterator[str]:
    """Yield each public name that has no docstring, or that no module of the package uses."""
    for node in ast.parse(stub).body:
        overloaded = isinstance(node, ast.FunctionDef) and node.decorator_list
        if overloaded or not isinstance(node, Definition) or node.name not in names:
            continue
        if not ast.get_docstring(node):
            yield f"{node.name} has no docstring: write `/// …` lines above it in Rust."
    package = "\n".join(path.read_text("utf-8") for path in Path("python").rglob("*.py"))
    for name in names:
        if not name.startswith("_") and not re.search(rf"\b{name}\b|_rust import \*", package):
            yield (
                f"{name} cannot be imported from the package: import it in {PLACE.parent.as_posix()}"
                f"/__init__.py and name it in __all__ there, or mark it as internal in Rust: #[pyo3(name"
                f' = "_{name}")]'
            )


def check(expected: dict[Path, str]) -> None:
    """Stop unless the committed stubs are up to date, and their names documented and exported."""
    if differences := [*outdated(expected)]:
        print(*differences, sep="\n")
        sys.exit("The stub is not what the Rust sources say: type `just stubs`.")
    module = importlib.import_module(NAME)
    for path in [*expected][1:]:
        if f"{NAME}.{path.stem}" not in sys.modules:
            sys.exit(
                f"`import {NAME}.{path.stem}` would fail: register the nested module in its #[pymodule_init],"
                " see the row *submodule* in CONTRIBUTING.md."
            )
    compare()
    if problems := [*unfinished(next(iter(expected.values())), getattr(module, "__all__", []))]:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    if sys.argv[1:] not in (["write"], ["check"]):
        sys.exit(__doc__)
    {"write": write, "check": check}[sys.argv[1]](stubs())
