"""A Python package with a Rust core: what is public is imported here."""

from ._rust import (
    DAYS,
    Day,
    Point,
    Session,
    WeekError,
    call_each,
    check_week,
    count,
    double,
    later,
    longest_chain,
    mean,
    note,
    reverse,
    sums,
)

__all__ = [
    "DAYS",
    "Day",
    "Point",
    "Session",
    "WeekError",
    "call_each",
    "check_week",
    "count",
    "double",
    "later",
    "longest_chain",
    "mean",
    "note",
    "reverse",
    "sums",
]
