"""What people test in the first week."""

import asyncio
import logging
import pickle

import numpy as np
import pytest
import week
from week import Day, Point


class Doubler:
    def __call__(self, number: int) -> int:
        return 2 * number

    def __repr__(self) -> str:
        return "Doubler()"


def test_a_week_that_does_not_exist_has_an_error_of_its_own() -> None:
    with pytest.raises(week.WeekError, match="there is no week 99"):
        week.check_week(99)
    assert issubclass(week.WeekError, ValueError)
    assert isinstance(pickle.loads(pickle.dumps(week.WeekError("no"))), week.WeekError)


def test_a_constant_is_a_number() -> None:
    assert week.DAYS == 7


async def waits() -> int:
    return await week.later(5)


def test_an_async_function_is_awaited() -> None:
    assert asyncio.run(waits()) == 5


def test_a_callback_is_called() -> None:
    assert week.call_each(Doubler()) == [0, 2, 4]
    assert week.call_each(lambda number: -number, limit=2) == [0, -1]


def test_bytes_are_reversed() -> None:
    assert week.reverse(b"abc") == b"cba"


def test_an_array_is_doubled() -> None:
    assert week.double(np.array([1.0, 2.0])).tolist() == [2.0, 4.0]


def test_arguments_are_counted() -> None:
    assert week.count(1, "a", b=None) == 3


def test_a_session_ends_with_its_block() -> None:
    with week.Session(swallows=True):
        raise ValueError
    with pytest.raises(ValueError, match="kept"), week.Session(swallows=False):
        raise ValueError("kept")


def test_a_list_has_a_mean() -> None:
    assert week.mean([1.0, 2.0]) == 1.5
    with pytest.raises(ValueError, match="numbers is empty"):
        week.mean([])


def test_a_message_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        week.note("hello")
    assert caplog.messages == ["hello"]


def test_an_enum_has_equality_and_a_hash() -> None:
    assert {Day.Monday: 1}[Day.Monday] == 1
    assert Day.Monday != Day.Tuesday


def test_a_point_has_operators_and_properties() -> None:
    point = Point(1.0) + Point(y=2.0)
    point.y = -point.y
    assert repr(-point) == "Point(-1, 2)"
    assert Point.origin() < point


def test_a_point_is_pickled() -> None:
    copy = pickle.loads(pickle.dumps(Point(1.0, 2.0)))
    assert copy == Point(1.0, 2.0)


def test_a_nested_module_adds() -> None:
    assert week.sums.add(1, 2) == 3
