"""`fizzbuzz`: each kind of argument, each error, and equality with plain Python."""

import enum
from collections.abc import Callable
from typing import Any, assert_type

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracle
from fizzbuzz_example import fizzbuzz

numbers = st.integers() | st.floats()


class Colour(enum.IntEnum):
    """Integers of a class of their own."""

    RED = 9
    HUGE = 2**70


class Index:
    """An integer of another library."""

    def __init__(self, give: Callable[[], int] = lambda: 10) -> None:
        """Keep the function that returns the integer."""
        self.give = give

    def __index__(self) -> int:
        """Return the integer."""
        return self.give()


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        (1, "1"),
        (3, "fizz"),
        (5, "buzz"),
        (15, "fizzbuzz"),
        (0, "fizzbuzz"),
        (-7, "-7"),
        (1.0, "1"),
        (1.5, "1.5"),
        (3.0, "fizz"),
        (2.0**80, "1.2089258196146292e+24"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (True, "1"),
        (2**63, "9223372036854775808"),
        (-(2**63), "-9223372036854775808"),
        (3 * 5 * 2**80, "fizzbuzz"),
        (Colour.RED, "fizz"),
        (Colour.HUGE, "1180591620717411303424"),
        (Index(), "buzz"),
    ],
)
def test_a_number_gives_a_string(number: float, answer: str) -> None:
    assert fizzbuzz(number) == answer


def test_a_list_gives_a_list() -> None:
    assert fizzbuzz([1, 3.0, 2.5]) == ["1", "fizz", "2.5"]
    assert fizzbuzz([]) == []


def test_a_list_that_changes_meanwhile_is_answered_as_it_was() -> None:
    shrinking: list[Any] = [Index(lambda: shrinking.pop()), 4, 6]
    assert fizzbuzz(shrinking) == ["fizz", "4", "fizz"]


@pytest.mark.parametrize(
    ("numbers", "answers"),
    [
        (slice(3), ["fizzbuzz", "1", "2"]),
        (slice(1, 4), ["1", "2", "fizz"]),
        (slice(1, 10, 4), ["1", "buzz", "fizz"]),
        (slice(3, 0, -1), ["fizz", "2", "1"]),
        (slice(-3), []),
        (slice(2**63 - 2, 2**63 - 1, 7), ["fizz"]),
    ],
)
def test_a_slice_is_read_as_a_range(numbers: slice, answers: list[str]) -> None:
    assert fizzbuzz(numbers) == answers


@given(number=numbers)
def test_rust_agrees_with_plain_python_on_a_number(number: float) -> None:
    assert fizzbuzz(number) == oracle.fizzbuzz(number)


@given(values=st.lists(numbers))
def test_rust_agrees_with_plain_python_on_a_list(values: list[float]) -> None:
    assert fizzbuzz(values) == oracle.fizzbuzz(values)


@given(
    start=st.none() | st.integers(-300, 300),
    stop=st.integers(-300, 300),
    step=st.none() | st.integers(-300, 300).filter(bool),
)
def test_rust_agrees_with_plain_python_on_a_slice(
    start: int | None, stop: int, step: int | None
) -> None:
    numbers = slice(start, stop, step)
    assert fizzbuzz(numbers) == oracle.fizzbuzz(numbers)


def test_a_step_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^step cannot be zero\n"):
        fizzbuzz(slice(1, 9, 0))


def test_a_bound_of_more_than_64_bits_is_named() -> None:
    with pytest.raises(ValueError, match="must fit into 64 bits, not 9223372036854775808"):
        fizzbuzz(slice(2**63))


def test_more_answers_than_memory_holds_are_refused() -> None:
    with pytest.raises(MemoryError, match="9223372036854775807 answers do not fit"):
        fizzbuzz(slice(2**63 - 1))


@pytest.mark.parametrize(
    "wrong",
    ["3", None, (3,), {"a": 1}, slice(None), slice("x"), slice(1.5), slice(1, 9, "q"), 1 + 2j],
)
def test_anything_else_is_refused_by_name(wrong: object) -> None:
    with pytest.raises(TypeError) as refusal:
        fizzbuzz(wrong)  # type: ignore[call-overload]  # the point of the test
    assert f"not {wrong!r}" in str(refusal.value)


def test_an_integer_of_another_type_is_named_if_it_is_too_large() -> None:
    huge: Any = Index(lambda: 2**64)
    with pytest.raises(ValueError, match="must fit into 64 bits, not <"):
        fizzbuzz(huge)


def test_an_error_of_another_type_arrives_as_it_is() -> None:
    broken: Any = Index(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        fizzbuzz(broken)


def test_types_tell_a_string_from_a_list() -> None:
    assert_type(fizzbuzz(1), str)
    assert_type(fizzbuzz([1.5]), list[str])
    assert_type(fizzbuzz(slice(3)), list[str])


def test_a_wrong_element_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="not 'x'"):
        fizzbuzz([1, "x"])  # type: ignore[arg-type]  # the point of the test
