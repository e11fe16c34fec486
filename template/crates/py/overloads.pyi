# What the generator of python/*/_rust.pyi cannot know: `just stubs` puts these lines in the place of
# the functions of the same name, and their docstrings stay.
from collections.abc import Iterator
from typing import overload

@overload
def fizzbuzz(n: float, /) -> str: ...
@overload
def fizzbuzz(n: list[int] | list[float] | slice, /) -> list[str]: ...

class Rules:
    def __iter__(self, /) -> Iterator[tuple[int, str]]: ...
