"""Build HTML and SVG from elements. Whatever is not markup already is escaped, so texts from data can run nothing."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from seqkit.messages import translate

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""The characters that no XML document contains, not even as references."""

_VOID = frozenset({"meta", "br", "hr"})


class Markup(str):
    """A string that is HTML or SVG, and is not escaped again."""

    __slots__ = ()


def element(tag: str, /, *children: object, **attributes: object) -> Markup:
    """Return an element.

    Args:
        tag: the name of the element.
        children: its content: markup, or texts and numbers, which are escaped. None is left out.
        attributes: its attributes. `class_` is `class`, `stroke_width` is `stroke-width`; None and False are left out,
            and True is an attribute without a value.
    """
    parts = [tag]
    for key, value in attributes.items():
        key = key.rstrip("_").replace("_", "-")
        if value is True:
            parts.append(f'{key}=""')
        elif value is not None and value is not False:
            parts.append(f'{key}="{escape(_number(value) if isinstance(value, float) else value)}"')
    opening = " ".join(parts)
    content = join(children)
    if not content and (tag in _VOID or tag in _EMPTY_SVG):
        return Markup(f"<{opening}{'/' if tag in _EMPTY_SVG else ''}>")
    return Markup(f"<{opening}>{content}</{tag}>")


_EMPTY_SVG = frozenset({"line", "path", "rect", "circle", "polyline"})


def join(children: Iterable[object], separator: str = "") -> Markup:
    """Return several pieces of content as one, without those that are None."""
    return Markup(escape(separator).join(escape(child) for child in children if child is not None))


def escape(value: object) -> Markup:
    """Return a value as markup: text is escaped, and a character that XML does not have becomes U+FFFD.

    A message is translated here: what is composed of messages must be one when it arrives.
    """
    if isinstance(value, Markup):
        return value
    return Markup(html.escape(_NOT_XML.sub("\ufffd", translate(str(value))), quote=True))


def _number(value: float) -> str:
    """Return a coordinate, to a tenth of a pixel; an opacity or a width is given as a string."""
    return f"{value:.1f}".removesuffix(".0")
