"""The same functions in plain Python: slow, and plainly right."""


def longest_chain(limit: int) -> tuple[int, int]:
    """Find the number below `limit` with the longest Collatz chain, one number after another."""
    best = (0, 0)
    for start in range(1, limit):
        number, length = start, 1
        while number != 1:
            number = number // 2 if number % 2 == 0 else 3 * number + 1
            length += 1
        if length > best[1]:
            best = (start, length)
    return best
