"""What the package is made of, in Rust."""

from typing import SupportsIndex

__all__ = ["longest_chain"]

def longest_chain(limit: SupportsIndex, *, threads: SupportsIndex = ...) -> tuple[int, int]:
    """Find the number below `limit` with the longest Collatz chain.

    If chains are equally long, the one with the smallest start counts. Other Python threads run
    meanwhile.

    Args:
        limit (int): from 2 to 4294967295; the numbers 1 to `limit - 1` are tried.
        threads (int): how many threads share the work, from 1; no more than 256 are used.

    Returns:
        tuple[int, int]: the start of the chain, and how many numbers it has.

    Raises:
        TypeError: if an argument is not an `int`.
        ValueError: if `limit` is 0 or 1, or `threads` is 0.
        OverflowError: if an argument is negative or too large.

    Examples:
        >>> from fast_collatz import longest_chain
        >>> longest_chain(100_000, threads=2)
        (77031, 351)
    """
