"""The commands. What they do is elsewhere; here are their options, messages and statuses."""

from __future__ import annotations

import atexit
import gc
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    0 done, 1 failure, 2 wrong usage or input, 3 done but something had to be hidden, 4 a face
    got out, 130 interrupted, 129 and 143 ended by SIGHUP and SIGTERM. arguments: default those
    of the process.
    """
    if arguments is None:
        atexit.register(_leave_cycles)
    try:
        # The commands take a moment to load, and may be interrupted in it.
        from blanket.cli.app import run

        return run(arguments)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _leave_cycles() -> None:
    """What is left when the process ends goes with it: to look for cycles in it takes 0.1 s."""
    # Libraries beside torch count what was not let go, and print it.
    if "torch" not in sys.modules:
        gc.freeze()
