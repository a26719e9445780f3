"""The entry point of the `stockroom` command, which is there before all that the command is made of.

Loading that takes a second, in which somebody may press Ctrl-C.
"""

import os
import signal
import sys

_INTERRUPTED = 130  # As a shell has it for a program that SIGINT has ended.


def main() -> None:
    runs = sys.argv[1:2] == ["run"]
    # Without a word: nothing was begun, or a migration that will be as if it had not been.
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(0 if runs else _INTERRUPTED))
    from stockroom import cli  # noqa: PLC0415 - see above

    if not runs:
        # Other commands put in order what they have begun. `run` waits for signals in its own way.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    cli.main()
