"""Write the type stub of the Rust module, or check that the committed one is up to date.

maturin generates it from the Rust sources. A definition in crates/py/overloads.pyi replaces the generated one of the
same name, in a class member by member; its imports are added.
"""

import ast
import collections.abc
import contextlib
import importlib
import itertools
import re
import subprocess
import sys
import tempfile
import typing
from pathlib import Path
from types import ModuleType

from project import MODULE, PROJECT, main, run

PLACE = Path("python", *MODULE.split("."))
OVERLOADS = Path("crates/py/overloads.pyi")
# For one of these, Python gets its partners from PyO3 as well, which the generator does not see.
PARTNERS = r"__(r?(add|sub|mul|matmul|truediv|floordiv|mod|divmod|pow|[lr]shift|and|x?or)|lt|le|eq|ne|gt|ge|(set|del)(item|attr)?|delete)__"
IMPORTS = (ast.Import, ast.ImportFrom)
NOT_DECLARATIVE = """The generator sees nothing of %s, since #[pymodule] stands above a function. Put it above a module:

#[pymodule]
mod %s {
    #[pymodule_export]
    use super::%s;
}"""


def defined(node: ast.stmt) -> str:
    """Return the name that a statement defines, or nothing."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return node.name
        case ast.AnnAssign(target=ast.Name(name)) | ast.Assign(targets=[ast.Name(name)]):
            return name
    return ""


def merged(generated: list[ast.stmt], own: list[ast.stmt]) -> list[ast.stmt]:
    """Return generated statements with a person's own in their places, and with those that are new at the end."""
    body: list[ast.stmt] = []
    for node in generated:
        replacing = [other for other in own if defined(other) and defined(other) == defined(node)]
        own = [other for other in own if other not in replacing]
        for first in replacing[:1]:
            if isinstance(node, ast.FunctionDef) and isinstance(first, ast.FunctionDef):
                first.body[:1] = node.body[:1]  # the docstring
            elif isinstance(node, ast.ClassDef) and isinstance(first, ast.ClassDef):
                node.body = merged(node.body, [member for member in first.body if defined(member)])
                node.bases = first.bases or node.bases
                node.decorator_list = first.decorator_list or node.decorator_list
                replacing = [node]
        body += replacing or [node]
    return body + own


def assemble(generated: str, module: ModuleType, additions: str) -> ast.Module:
    """Return a stub with the additions in their places, and with the exceptions that the generator does not see."""
    tree, own = ast.parse(generated), ast.parse(additions).body
    names = sorted(getattr(module, "__all__", []))
    for name in sorted({*names} - {defined(node) for node in [*tree.body, *own]}):
        value = getattr(module, name)
        if isinstance(value, type) and issubclass(value, BaseException):
            base = value.__base__ or Exception
            own += ast.parse(f'class {name}({base.__name__}):\n    """{value.__doc__ or ""}"""').body
    imported = {alias.name for node in tree.body if isinstance(node, IMPORTS) for alias in node.names}
    if names and not {*names} & ({defined(node) for node in [*tree.body, *own]} | imported):
        sys.exit(NOT_DECLARATIVE % (", ".join(names), MODULE.rpartition(".")[2], names[0]))
    body: list[ast.stmt] = [node for node in own if isinstance(node, IMPORTS)]
    own = [node for node in own if defined(node)]
    own += ast.parse(f"__all__ = {names}").body if names else []  # an empty module has none
    start = bool(ast.get_docstring(tree))
    unwanted = {"__getattr__", *([] if names else ["__all__"])}
    kept = [node for node in tree.body[start:] if defined(node) not in unwanted]
    tree.body[start:] = body + merged(kept, own)
    return tree


def complete(stub: str) -> str:
    """Add the imports that its types need, and `object` for the *args and **kwargs of unknown type."""
    stub = re.sub(r"(?<=[(\s])(\*{1,2}[^\W\d]\w*)(?=[,)])", r"\1: object", stub)
    tree = ast.parse(stub)
    nodes = [*ast.walk(tree)]
    for parent in nodes:
        for neighbours in itertools.pairwise(parent.body if isinstance(parent, ast.ClassDef | ast.Module) else []):
            match neighbours:
                case ast.AnnAssign(), ast.Expr(ast.Constant(str(text)) as docstring):
                    docstring.value = text.strip()
    values = {node.value for node in nodes if isinstance(node, ast.Attribute)}
    bound = {defined(node) for node in nodes if isinstance(node, ast.stmt)}
    lines = []
    for name in {node for node in nodes if isinstance(node, ast.Name) and node.id not in bound}:
        sources = [module for module in (collections.abc, typing) if name.id in module.__all__]
        if name in values:
            lines.append(f"import {name.id}")
        elif sources:
            lines.append(f"from {sources[0].__name__} import {name.id}")
    tree.body[bool(ast.get_docstring(tree)) : 0] = ast.parse("\n".join(lines)).body
    return ast.unparse(tree)


def compiled() -> ModuleType:
    """Import the module, and build it again if it was deleted: uv takes it for built."""
    with contextlib.suppress(ModuleNotFoundError):
        return importlib.import_module(MODULE)
    run("uv", "sync", "--reinstall-package", PROJECT["project"]["name"])
    importlib.invalidate_caches()
    return importlib.import_module(MODULE)


def ruff(stub: str, *arguments: str) -> str:
    """Return the stub as ruff changes it."""
    command = ["ruff", *arguments, "--stdin-filename", str(PLACE.with_suffix(".pyi")), "-"]
    return subprocess.run(command, input=stub, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=True).stdout


def stubs() -> dict[Path, str]:
    """Return what belongs into each stub, one for each #[pymodule], formatted as the project's other files are."""
    module, finished = compiled(), {}
    additions = OVERLOADS.read_text("utf-8") if OVERLOADS.exists() else ""
    fix = ("check", "--fix", "--unsafe-fixes", "--quiet")
    with tempfile.TemporaryDirectory() as scratch:
        run("maturin", "generate-stubs", "--quiet", "--features", "stubs", "--out", scratch)
        root = Path(scratch, *MODULE.split(".")[:-1])
        for path in sorted(root.rglob("*.pyi")):  # the one of the module itself comes first
            top = path.stem in (PLACE.name, "__init__")
            part = module if top else getattr(module, path.stem)
            stub = ast.unparse(assemble(path.read_text("utf-8"), part, additions * top))
            stub = ruff(complete(ruff(stub, *fix, "--select=UP037")), *fix, "--select=D200,D212,F401,I")
            finished[PLACE.parent / path.relative_to(root)] = ruff(stub, "format")
    return finished


def write() -> None:
    """Write the stubs, delete those of modules that are gone, and name what has no type."""
    expected = stubs()
    for path in {PLACE.with_suffix(".pyi"), *PLACE.glob("*.pyi")} - expected.keys():
        path.unlink(missing_ok=True)
    for path, stub in expected.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(stub, "utf-8", newline="\n")
        print(f"wrote {path.as_posix()}")
        for line in re.findall(r"^(?!.*import).*\bIncomplete\b.*", stub, re.MULTILINE):
            print(f'{line.strip()} has no type: say it in Rust, #[pyo3(signature = (name: "Type"))]')


def check() -> None:
    """Exit unless the stubs are up to date, say what the module has, and have a docstring for each function and class."""
    expected = stubs()
    for path, stub in expected.items():
        if not path.exists() or path.read_text("utf-8") != stub:
            sys.exit("The stub is not what the Rust sources say: type `just stubs`.")
    with tempfile.TemporaryDirectory() as scratch:
        allowed = Path(scratch, "allowed")
        allowed.write_text(rf"{re.escape(MODULE)}(\.\w+)+\.{PARTNERS}", "utf-8")
        command = [sys.executable, "-m", "mypy.stubtest", MODULE, "--allowlist", str(allowed)]
        if subprocess.run([*command, "--ignore-unused-allowlist"], check=False).returncode:
            sys.exit(
                "The stub is not what the compiled module has, see above. Write what the generator gets"
                f" wrong into {OVERLOADS.as_posix()}, then type `just stubs`."
            )
    nodes = [node for stub in expected.values() for node in ast.parse(stub).body]
    kinds = [node for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    documented = {node.name for node in kinds if ast.get_docstring(node)}
    for name in [node.name for node in kinds if node.name not in documented]:
        if not name.startswith("_"):
            sys.exit(f"{name} has no docstring: write `/// …` lines above it in Rust.")


if __name__ == "__main__":
    main(write, check)
