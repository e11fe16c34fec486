"""What holds for every package with a Rust core."""

import doctest
import importlib.machinery
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import fizzbuzz_example
from fizzbuzz_example import _rust

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def test_the_rust_module_is_a_compiled_one() -> None:
    assert _rust.__file__ is not None
    suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    assert Path(_rust.__file__).name.endswith(suffixes)


def test_the_examples_in_docstrings_are_right() -> None:
    # Classes of Rust name another module as theirs, or none, so doctest alone would pass over them.
    for example in doctest.DocTestFinder().find(_rust, module=False):
        assert doctest.DocTestRunner().run(example).failed == 0, example.name
    results = doctest.testmod(fizzbuzz_example)
    assert results.failed == 0


@pytest.mark.skipif(not FREE_THREADED, reason="this Python has a GIL")
def test_importing_it_leaves_the_gil_off() -> None:
    code = "import sys, fizzbuzz_example; print(sys._is_gil_enabled())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
