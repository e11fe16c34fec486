"""A terminal of 80 x 24, in which a test types keys and reads the screen as a person does."""

import contextlib
import re
import sys
import time
from pathlib import Path

import pexpect
import pyte
from project import template

COLUMNS, LINES = 80, 24
KEYS = {"down": "\x1b[B", "up": "\x1b[A", "space": " ", "enter": "\r", "clear": "\x15"}


class Screen(pyte.Screen):
    """A screen that answers when the program asks where the cursor is."""

    def __init__(self, process: "pexpect.spawn[str]") -> None:
        """Remember the program."""
        super().__init__(COLUMNS, LINES)
        self.process = process

    def write_process_input(self, data: str) -> None:
        """Send what a terminal would."""
        self.process.send(data)


class Terminal:
    """Copier, asking its questions."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        """Start `copier copy` for a folder."""
        command = ["-m", "copier", "copy", *arguments, str(template()), str(folder)]
        self.process = pexpect.spawn(
            sys.executable, command, encoding="utf-8", timeout=30, dimensions=(LINES, COLUMNS)
        )
        self.screen = Screen(self.process)
        self.stream = pyte.Stream(self.screen)
        self.printed = ""

    def rows(self) -> list[str]:
        """Return the rows of the screen, without blanks at their ends."""
        return [row.rstrip() for row in self.screen.display]

    def read(self) -> None:
        """Show on the screen what was printed since."""
        with contextlib.suppress(pexpect.TIMEOUT, pexpect.EOF):
            data = self.process.read_nonblocking(100_000, timeout=0.05)
            self.printed += data
            self.stream.feed(data)

    def wait_for(self, text: str, *below: str) -> None:
        """Wait until the screen shows a text, and directly below its row exactly these rows."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            self.read()
            rows = [row.strip() for row in self.rows()]
            for number, row in enumerate(rows, start=1):
                if text in row and rows[number : number + len(below)] == [*below]:
                    return
        shown = "\n".join([text, *below, "is not on the screen:", *self.rows()])
        raise AssertionError(shown)

    def type(self, keys: str) -> None:
        """Type keys, separated by blanks: names such as `down` and `enter`, or text."""
        for key in keys.split():
            self.process.send(KEYS.get(key, key))
            time.sleep(0.05)  # a person's second key comes after the first was shown

    def end(self) -> int | None:
        """Return the exit code."""
        end = time.monotonic() + 60
        while self.process.isalive():
            assert time.monotonic() < end, "\n".join(["it goes on asking:", *self.rows()])
            self.read()
        self.read()
        self.process.close()
        return self.process.exitstatus

    def text(self) -> str:
        """Return everything that was printed, without the terminal's control sequences."""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.printed)
