"""The same functions in plain Python, slow and plainly right: your slow function belongs here."""

import random
from collections.abc import Callable
from typing import Any


def longest_chain(limit: int) -> tuple[int, int]:
    """Find the number below `limit` with the longest Collatz chain, one number after another."""
    best = (0, 0)
    for start in range(1, limit):
        number, length = start, 1
        while number != 1:
            number = number // 2 if number % 2 == 0 else 3 * number + 1
            length += 1
        if length > best[1]:
            best = (start, length)
    return best


def fizzbuzz(n: float | list[float] | slice) -> str | list[str]:
    """Answer one number, or each number of a list or of a slice read as a range."""
    if isinstance(n, slice):
        n = list(range(n.start or 0, n.stop, 1 if n.step is None else n.step))
    if isinstance(n, list):
        return [_answer(number) for number in n]
    return _answer(n)


def _answer(number: float) -> str:
    if number % 15 == 0:
        return "fizzbuzz"
    if number % 5 == 0:
        return "buzz"
    if number % 3 == 0:
        return "fizz"
    return str(number + 0).removesuffix(".0")


CHANCE = random.Random(0)  # the same inputs every time

# For `just race`, such as (count, [("a b",), ("",)], ("a " * 1000,)): a function that the package has
# as well, the arguments on which both must agree, and those of the call that is timed.
Race = tuple[Callable[..., object], list[tuple[Any, ...]], tuple[Any, ...]]
RACES: list[Race] = [
    (longest_chain, [(limit,) for limit in range(2, 2002)], (100_000,)),
    (fizzbuzz, [(CHANCE.randint(-(2**70), 2**70),) for _ in range(5000)], (slice(1_000_000),)),
    (fizzbuzz, [(CHANCE.uniform(-1e6, 1e6),) for _ in range(5000)], (list(range(1_000_000)),)),
]
