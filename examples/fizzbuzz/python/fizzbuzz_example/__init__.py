"""A Python package with a Rust core: what is public is imported here."""

from ._rust import fizzbuzz, longest_chain

__all__ = ["fizzbuzz", "longest_chain"]
