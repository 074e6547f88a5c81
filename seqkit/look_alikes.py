"""Characters that look like those of YAML or of a command, as Chinese input methods and copied texts have them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seqkit.errors import suggest
from seqkit.messages import listed, message


def full_width(character: str) -> str:
    """Return the full-width form of an ASCII character."""
    return chr(ord(character) + 0xFEE0)


FULL_WIDTH_COMMAS = message("the columns are separated by full-width commas '，': replace them with ','")

_FULL_WIDTH = {
    **{full_width(character): character for character in map(chr, range(0x21, 0x7F)) if character not in "!?();~"},
    "：": ": ", "、": ",", "“": '"', "”": '"', "‘": "'", "’": "'", "【": "[", "】": "]",
}  # fmt: skip
"""What to write instead of each character. Punctuation that only texts contain is left out."""

_LOOK_ALIKE = re.compile(f"[{''.join(map(re.escape, _FULL_WIDTH))}\u3000\u00a0]")
_COLON_WITHOUT_SPACE = re.compile(r"(?<!\S)[A-Za-z_]\w*:[^\s/\\]")


def find_look_alike(text: str) -> str:
    """Return the first character that looks like another, and what to write instead; empty if there is none."""
    found = _LOOK_ALIKE.search(text)
    if found is None:
        return ""
    if found[0].isspace():
        return message("U+{number:04X}, which looks like a space: replace it with a space", number=ord(found[0]))
    return message("a full-width '{character}': write '{half}'", character=found[0], half=_FULL_WIDTH[found[0]])


def explain_look_alike(text: str) -> str:
    """Return the end of a message that rejects a key, a value or an option; empty if no character is to blame."""
    if look_alike := find_look_alike(text):
        return message("; it has {look_alike}", look_alike=look_alike)
    return message("; a colon must be followed by a space") if _COLON_WITHOUT_SPACE.search(text) else ""


def explain_missing_column(name: str, columns: Sequence[str]) -> str:
    """Return the end of a message that a table has no such column: what to write instead, or its columns."""
    shown = listed(column if len(column) <= 40 else column[:39] + "…" for column in columns[:20])
    found = suggest(name, columns) or message("; the columns are {columns}", columns=shown)
    if (look_alike := find_look_alike(name)) and not any(map(find_look_alike, columns)):
        found += message("; '{name}' has {look_alike}", name=name, look_alike=look_alike)
    return found
