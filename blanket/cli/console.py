"""What the commands say, on the standard error, above a progress bar rather than through it."""

from __future__ import annotations

import logging

from rich.console import Console

console = Console(stderr=True)


def say(text: str) -> None:
    """Print a line as it is, without Rich's markup."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


class Messages(logging.Handler):
    """Log records on the console."""

    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record))
