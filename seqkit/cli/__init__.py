"""The command line: `main` is the command `seqkit`.

What it imports takes a moment, in which a signal already has to end the process without a traceback. Therefore nothing
is imported here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

_SIGNAL_EXIT = 128
"""Exit codes from this one name the signal that ended the command."""


def main() -> NoReturn:
    """Run `seqkit` with the arguments of this process, and exit."""
    try:
        _main()
    except KeyboardInterrupt:  # before a command starts, or after it has ended
        os._exit(130)


def execute(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code: see `seqkit.cli.execution`."""
    from seqkit.cli import execution

    return execution.execute(arguments)


def _main() -> NoReturn:
    code = execute(sys.argv[1:])
    import gc
    import signal

    from seqkit.cli.execution import discard_output

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # while the interpreter exits, it would print a traceback
    if code >= _SIGNAL_EXIT:
        discard_output()  # what is left is incomplete, and a full pipe would block the exit
        gc.freeze()  # torch's objects are not collected, which takes up to a second
    sys.exit(code)
