"""What the package is made of, in Rust."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, SupportsIndex, final, overload

@final
class Case:
    """How words are written."""

    GIVEN: Final[Case]
    "As the rules have them."
    UPPER: Final[Case]
    "In capitals."

    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __int__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __reduce__(self, /) -> tuple[Any, tuple[type, str]]: ...
    def __repr__(self, /) -> str: ...

@final
class Rules:
    """Rules of a game: which word stands for multiples of which divisor.

    Rules cannot change, so they are equal if their words are, and may be keys of a dictionary.

    Args:
        words (list[tuple[int, str]]): divisors from 1 to 4294967295 and their words, in the order in
            which words are joined.

    Raises:
        RulesError: if a divisor is 0.
        OverflowError: if a divisor is negative or too large.

    Examples:
        >>> from fizzbuzz_example import Case, Rules
        >>> rules = Rules([(3, "fizz"), (7, "bang")])
        >>> rules.answer(21, case=Case.UPPER)
        'FIZZBANG'
        >>> list(rules)
        [(3, 'fizz'), (7, 'bang')]
    """

    def __eq__(self, value: object, /) -> bool: ...
    def __getnewargs__(self, /) -> tuple[list[tuple[int, str]]]: ...
    def __hash__(self, /) -> int: ...
    def __iter__(self, /) -> Iterator[tuple[int, str]]: ...
    def __len__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(cls, words: Sequence[tuple[int, str]], /) -> Rules: ...
    def __repr__(self, /) -> str: ...
    def answer(self, /, number: SupportsIndex, *, case: Case = ...) -> str:
        """Join the words of the divisors of a number, or write the number if there are none.

        Args:
            number (int): of 64 bits.
            case (Case): how the words are written.

        Returns:
            str: the answer.

        Raises:
            OverflowError: if the number has more than 64 bits.
        """

@overload
def fizzbuzz(n: float, /) -> str:
    """Answer one number, each number of a list, or each number of a slice read as a range.

    A multiple of three gives `fizz`, of five `buzz`, of both `fizzbuzz`, and any other number its
    shortest form.

    Args:
        n (int | float | list[int | float] | slice): what to answer. A slice needs a stop; a missing
            start or step means 0 and 1. Its bounds fit into 64 bits; other numbers may be larger.

    Returns:
        str | list[str]: a `str` for a number, a `list[str]` for a list or a slice.

    Raises:
        TypeError: if `n` or something in it is no number, or a slice has no stop.
        ValueError: if the step of a slice is zero, or a bound needs more than 64 bits.
        MemoryError: if a slice has more numbers than memory can hold.

    Examples:
        >>> from fizzbuzz_example import fizzbuzz
        >>> fizzbuzz(15)
        'fizzbuzz'
        >>> fizzbuzz([1, 1.5, 10])
        ['1', '1.5', 'buzz']
        >>> fizzbuzz(slice(3, 0, -1))
        ['fizz', '2', '1']
    """

@overload
def fizzbuzz(n: list[int] | list[float] | slice, /) -> list[str]: ...
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
        >>> from fizzbuzz_example import longest_chain
        >>> longest_chain(100_000, threads=2)
        (77031, 351)
    """

class RulesError(ValueError):
    """Rules that no number can follow."""

__all__ = ["Case", "Rules", "RulesError", "fizzbuzz", "longest_chain"]
