"""The same functions in plain Python, slow and plainly right: your slow function belongs here."""

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


# For `just race`, such as (count, [("a b",), ("",)], ("a " * 1000,)): a function that the package has
# as well, the arguments on which both must agree, and those of the call that is timed.
Race = tuple[Callable[..., object], list[tuple[Any, ...]], tuple[Any, ...]]
RACES: list[Race] = [
    (longest_chain, [(limit,) for limit in range(2, 2002)], (100_000,)),
]
