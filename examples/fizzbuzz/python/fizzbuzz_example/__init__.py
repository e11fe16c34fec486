"""A Python package with a Rust core: what is public is imported here."""

from ._rust import Case, Rules, RulesError, fizzbuzz, longest_chain

__all__ = ["Case", "Rules", "RulesError", "fizzbuzz", "longest_chain"]
