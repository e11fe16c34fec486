"""What the package is made of, in Rust."""

__all__ = ["longest_chain"]

def longest_chain(limit: int, *, threads: int = ...) -> tuple[int, int]:
    """Find the number below `limit` with the longest Collatz chain.

    Of several equally long chains, the one with the smallest start counts. Other Python threads
    run meanwhile.

    Args:
        limit (int): from 2 to 4294967295; the numbers 1 to `limit - 1` are tried.
        threads (int): from 1 to 256; how many threads share the work.

    Returns:
        tuple[int, int]: the start of the chain, and how many numbers it has.

    Raises:
        TypeError: if an argument is not an `int`.
        ValueError: if an argument lies outside its bounds.

    Examples:
        >>> from fast_collatz import longest_chain
        >>> longest_chain(100_000, threads=2)
        (77031, 351)
    """
