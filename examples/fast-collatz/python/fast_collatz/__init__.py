"""A Python package with a Rust core: what is public is imported here."""

from ._rust import longest_chain

__all__ = ["longest_chain"]
