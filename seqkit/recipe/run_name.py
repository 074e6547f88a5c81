"""Names of runs, which are folders, in any script."""

from __future__ import annotations

from unicodedata import category, normalize

MAX_LENGTH = 64

MAX_BYTES = 200
"""A folder name has at most 255 bytes on most file systems, and that of a run ends with its number."""


def is_run_name(text: str) -> bool:
    """Return whether a text is a run name: letters, marks, digits, `.`, `_`, `-`; a letter or digit first.

    Marks are the vowel signs of Devanagari, for instance, which `\\w` of a regular expression excludes.
    """
    return (
        0 < len(text) <= MAX_LENGTH
        and category(text[0])[0] in "LN"
        and all(letter in "._-" or category(letter)[0] in "LMN" for letter in text)
        and len(text.encode()) <= MAX_BYTES
    )


def run_name_of(stem: str) -> str:
    """Return a run name for a file: its letters, marks and digits, and a hyphen for every other character.

    Args:
        stem: the name of the file, without its ending.

    Returns:
        The name; empty if the stem has no letter or digit.
    """
    plain = "".join(letter if category(letter)[0] in "LMN" else "-" for letter in normalize("NFC", stem))
    start = next((place for place, letter in enumerate(plain) if category(letter)[0] in "LN"), len(plain))
    return plain[start:].rstrip("-")[:MAX_LENGTH].encode()[:MAX_BYTES].decode(errors="ignore")
