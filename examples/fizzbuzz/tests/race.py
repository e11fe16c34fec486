"""Check that Rust and plain Python agree, and measure how much faster Rust is: `just race`.

It takes what stands in RACES of oracle.py.
"""

import importlib
import statistics
import sys
import timeit
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import oracle

FOUR = ThreadPoolExecutor(4)
PACKAGE = "fizzbuzz_example"
Function = Callable[..., object]


def agree(rust: Function, python: Function, inputs: list[tuple[Any, ...]]) -> None:
    """Exit at the first input on which Rust and plain Python differ."""
    for arguments in inputs:
        if rust(*arguments) != python(*arguments):
            name, results = python.__name__, (rust(*arguments), python(*arguments))
            sys.exit(f"{name}{arguments!r}: Rust returns {results[0]!r}, Python {results[1]!r}")
    print(f"{python.__name__}: equal on {len(inputs)} inputs")


def milliseconds(call: Callable[[], object]) -> float:
    """Return the median time of five calls."""
    return statistics.median(timeit.repeat(call, number=1, repeat=5)) * 1e3


def race(
    rust: Function, python: Function, inputs: list[tuple[Any, ...]], timed: tuple[Any, ...]
) -> None:
    """Print how long both take, and the ratio: for a call, for many short ones, and in threads."""
    rows: list[tuple[str, Callable[[Function], object]]] = [
        (", one call", lambda function: function(*timed)),
        (", 200 calls", lambda function: [function(*arguments) for arguments in inputs[:200]]),
        (", four threads", lambda function: [*FOUR.map(lambda _: function(*timed), range(4))]),
    ]
    for title, call in rows:
        slow, fast = milliseconds(partial(call, python)), milliseconds(partial(call, rust))
        print(f"{python.__name__ + title:<34}{slow:12.3f} ms{fast:12.3f} ms{slow / fast:9.1f} x")


def main() -> None:
    """Compare, then race."""
    if not oracle.RACES:
        sys.exit("RACES in tests/oracle.py is empty: write your Python function there, and a row.")
    package = importlib.import_module(PACKAGE)
    functions = [getattr(package, python.__name__) for python, _, _ in oracle.RACES]
    for rust, (python, inputs, _) in zip(functions, oracle.RACES, strict=True):
        agree(rust, python, inputs)
    print(f"\n{'':<34}{'Python':>15}{'Rust':>15}")
    for rust, (python, inputs, timed) in zip(functions, oracle.RACES, strict=True):
        race(rust, python, inputs, timed)


if __name__ == "__main__":
    main()
