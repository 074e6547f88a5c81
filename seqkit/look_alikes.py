"""Characters that look like those of YAML or of a command, as Chinese input methods and copied texts have them."""

from __future__ import annotations

import re

from seqkit.messages import message


def full_width(character: str) -> str:
    """Return the full-width form of an ASCII character."""
    return chr(ord(character) + 0xFEE0)


FULL_WIDTH_COMMAS = message("the columns are separated by full-width commas '，': replace them with ','")

_PLAIN = {full_width(character): character for character in map(chr, range(0x21, 0x7F)) if character not in "!?();~"}
_PLAIN |= dict(zip("、“”‘’【】", ",\"\"''[]", strict=True))
"""The replacement of each character. Punctuation that only texts contain is left out."""

_LOOK_ALIKE = re.compile(f"[{''.join(map(re.escape, _PLAIN))}\u3000\u00a0]")
_COLON_WITHOUT_SPACE = re.compile(r"(?<!\S)[A-Za-z_]\w*:[^\s/\\]")
_TYPE_KEY = re.compile(r"(?<!\S)type[:：]")
_KEY_AND_COLON = re.compile(r"[\w.]+\s*([:：])")


def find_look_alike(text: str, *, colon: str = ":") -> str:
    """Return the first confusable character of a text and its replacement, for a message; an empty text without one.

    Confusable characters: Unicode Technical Standard 39.

    Args:
        text: the text to search.
        colon: the replacement of a full-width colon: `: ` at the end of a key.
    """
    found = _LOOK_ALIKE.search(text)
    if found is None:
        return ""
    character, number = found[0], ord(found[0])
    if character.isspace():
        return message("U+{number:04X}, which looks like a space: replace it with a space", number=number)
    plain = colon if character == "：" else _PLAIN[character]
    return message("'{character}' (U+{number:04X}): write '{plain}'", character=character, number=number, plain=plain)


def explain_look_alike(text: str) -> str:
    """Return the end of a message that rejects a key, a value or an option; empty if no character is to blame."""
    look_alike = find_look_alike(text)
    return message("; it has {look_alike}", look_alike=look_alike) if look_alike else ""


def explain_missing_space(text: str) -> str:
    """Return the end of a message that rejects a text in place of a mapping; empty if no colon is to blame."""
    if look_alike := find_look_alike(text, colon=": "):
        return message("; it has {look_alike}", look_alike=look_alike)
    return message("; a colon must be followed by a space") if _COLON_WITHOUT_SPACE.search(text) else ""


def explain_short_form(text: str) -> str:
    """Return the end of a message that rejects a name, which can be a mapping without the spaces: `type:lstm`."""
    return explain_missing_space(text) if _TYPE_KEY.search(text) else explain_look_alike(text)


def explain_missing_equals(text: str) -> str:
    """Return the end of a message that rejects a text in place of `key=value`; empty if no character is to blame."""
    found = _KEY_AND_COLON.match(text)
    if found and "=" not in text:
        return message("; write '=' after the key, not '{character}'", character=found[1])
    return explain_look_alike(text)
