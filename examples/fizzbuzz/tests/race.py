"""Do Rust and plain Python agree, and how much faster is Rust? Started by `just race`."""

import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import oracle
from fizzbuzz_example import fizzbuzz, longest_chain

Function = Callable[[Any], object]


def agree(rust: Function, python: Function, inputs: Iterable[Any]) -> None:
    """Stop at the first input on which Rust and plain Python differ."""
    several = list(inputs)
    for one in several:
        if rust(one) != python(one):
            sys.exit(f"{one!r}: Rust says {rust(one)!r}, plain Python {python(one)!r}")
    print(f"{python.__name__}: equal on {len(several)} inputs")


def milliseconds(function: Function, argument: object) -> float:
    """Time five calls and take the median."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        function(argument)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def race(what: str, rust: Function, python: Function, argument: object) -> None:
    """Print how long both take, and how often the one fits into the other."""
    fast, slow = milliseconds(rust, argument), milliseconds(python, argument)
    print(f"{what:<34}{slow:12.3f} ms{fast:12.3f} ms{slow / fast:9.1f} x")


def many(function: Function) -> Function:
    """Make of a function one that calls it for each of several arguments."""
    return lambda several: [function(one) for one in several]


def at_once(function: Function) -> Function:
    """Make of a function one that calls it in four threads, once in each."""

    def call(argument: object) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(function, [argument] * 4))

    return call


def main() -> None:
    """Agree first, then race."""
    rust, python = longest_chain, oracle.longest_chain
    agree(rust, python, range(2, 2002))
    chance = random.Random(0)  # the same inputs every time
    agree(fizzbuzz, oracle.fizzbuzz, (chance.randint(-(2**70), 2**70) for _ in range(5000)))
    agree(fizzbuzz, oracle.fizzbuzz, (chance.uniform(-1e6, 1e6) for _ in range(5000)))

    print(f"\n{'':<34}{'Python':>15}{'Rust':>15}")
    race("longest_chain, one call", rust, python, 100_000)
    race("longest_chain, many short calls", many(rust), many(python), range(2, 202))
    race("longest_chain, four threads", at_once(rust), at_once(python), 100_000)
    race("fizzbuzz, many short calls", many(fizzbuzz), many(oracle.fizzbuzz), range(10_000))
    race("fizzbuzz, a slice of a million", fizzbuzz, oracle.fizzbuzz, slice(1_000_000))
    race("fizzbuzz, a list of a million", fizzbuzz, oracle.fizzbuzz, list(range(1_000_000)))


if __name__ == "__main__":
    main()
