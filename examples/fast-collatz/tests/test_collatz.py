"""`longest_chain`: each kind of argument, each error, and equality with plain Python."""

from threading import Thread
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracle
from fast_collatz import longest_chain


def test_the_longest_chain_below_ten_begins_with_nine() -> None:
    assert longest_chain(10) == (9, 20)


@given(limit=st.integers(2, 300), threads=st.integers(1, 8))
def test_rust_agrees_with_plain_python(limit: int, threads: int) -> None:
    assert longest_chain(limit, threads=threads) == oracle.longest_chain(limit)


@pytest.mark.parametrize("limit", [0, 1])
def test_a_limit_with_nothing_below_it_is_named(limit: int) -> None:
    with pytest.raises(ValueError, match=f"^limit must be at least 2, not {limit}$"):
        longest_chain(limit)


@pytest.mark.parametrize("limit", [-1, 2**32])
def test_a_limit_of_more_than_32_bits_is_refused(limit: int) -> None:
    with pytest.raises(OverflowError):
        longest_chain(limit)


@pytest.mark.parametrize("limit", ["10", 1.5, None])
def test_a_limit_of_another_type_is_refused(limit: object) -> None:
    with pytest.raises(TypeError, match="'limit'"):
        longest_chain(limit)  # type: ignore[arg-type]  # the point of the test


def others_run_meanwhile() -> bool:
    """Return whether this thread gets a turn during a call in another one."""
    times = []

    def work() -> None:
        times.append(perf_counter())
        longest_chain(200_000)
        times.append(perf_counter())

    thread = Thread(target=work)
    thread.start()
    turns = []
    while thread.is_alive():
        turns.append(perf_counter())
    start, end = times
    quarter = (end - start) / 4  # at both ends Python itself may give a turn
    return any(start + quarter < turn < end - quarter for turn in turns)


def test_other_threads_run_meanwhile() -> None:
    assert any(others_run_meanwhile() for _ in range(5))  # a busy machine may have no turn to give
