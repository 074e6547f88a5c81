"""Characters that look like those of YAML or of a command, as Chinese input methods and copied texts have them."""

from __future__ import annotations

import re

from seqkit.messages import message

_FULL_WIDTH = {
    **{chr(ord(letter) + 0xFEE0): letter for letter in map(chr, range(0x21, 0x7F)) if letter not in "!?();~"},
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
