"""Colors on a terminal."""

from __future__ import annotations

import os
from typing import IO

RED = "31"
YELLOW = "33"


def shows_colors(stream: IO[str]) -> bool:
    """Return whether a stream shows colors.

    That is a terminal, unless it is `TERM=dumb`. `NO_COLOR` turns colors off (https://no-color.org), `FORCE_COLOR` on.
    """
    forced, disabled = os.environ.get("FORCE_COLOR", ""), os.environ.get("NO_COLOR", "")
    is_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
    return not disabled and (is_terminal or forced not in ("", "0"))


def colored(text: str, color: str, stream: IO[str]) -> str:
    """Return a text in a color, if the stream shows colors."""
    return f"\x1b[{color}m{text}\x1b[0m" if shows_colors(stream) else text
