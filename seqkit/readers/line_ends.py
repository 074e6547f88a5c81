"""The lines of a text: what ends a line, and byte order marks that begin one.

The lines of a file end in what ends most files' lines, "\\n" or "\\r\\n". A "\\r" alone is then part of a line; it ends
lines only in a text without any "\\n", as on old Macs. Other characters, such as U+0085 and U+2028, end no line.

A byte order mark at the start of a later line comes from the concatenation of files, and is removed with a warning.
"""

from __future__ import annotations

import warnings

from seqkit.messages import message

BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


class LineEnds:
    """Replace each line end by `\\n` and remove byte order marks at the start of lines, in a text that comes in chunks.

    Args:
        has_line_feeds: whether a "\\n" occurs anywhere in the text.

    Attributes:
        line: the number of the line that the next chunk continues, from 1.
        marked_lines: the number of lines, not counting the first, that began with a byte order mark.
        first_marked: the number of the first of them.
    """

    def __init__(self, has_line_feeds: bool) -> None:
        self.line = 1
        self.marked_lines = self.first_marked = 0
        self._has_line_feeds = has_line_feeds
        self._held = ""  # a "\r" at the end of a chunk, which a "\n" may follow
        self._starts_line = True
        self._last_marked = 0

    def translate(self, chunk: str, is_last: bool) -> str:
        """Return the next part of the text."""
        chunk = self._held + chunk
        self._held = "\r" if chunk.endswith("\r") and not is_last else ""
        chunk = chunk.removesuffix(self._held).replace("\r\n", "\n")
        if not self._has_line_feeds:
            chunk = chunk.replace("\r", "\n")
        if BYTE_ORDER_MARK in chunk:
            chunk = self._remove_marks(chunk)
        if chunk:
            self._starts_line = chunk.endswith("\n")
            self.line += chunk.count("\n")
        return chunk

    def warn(self, source: str) -> None:
        """Issue a warning if marks were removed, after the last chunk."""
        if self.marked_lines:
            text = message(
                "{source}:{line}: removed the byte order mark at the start of the line (such lines in the file: "
                "{count:,}): the file was concatenated from several",
                source=source,
                line=self.first_marked,
                count=self.marked_lines,
            )
            warnings.warn(text, stacklevel=2)

    def _remove_marks(self, chunk: str) -> str:
        lines = chunk.split("\n")
        for place, line in enumerate(lines):
            if line.startswith(BYTE_ORDER_MARK) and (place or self._starts_line):
                lines[place] = line.lstrip(BYTE_ORDER_MARK)
                self._count(self.line + place)
        return "\n".join(lines)

    def _count(self, line: int) -> None:
        if line in (1, self._last_marked):  # the mark of the file itself, or a second mark of the same line
            return
        self.marked_lines += 1
        self.first_marked = self.first_marked or line
        self._last_marked = line
