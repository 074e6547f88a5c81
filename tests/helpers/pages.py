"""Read the HTML pages of reports."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"


class Page(HTMLParser):
    """The elements and the text of a page. Every element must be closed.

    Args:
        text: the page.

    Attributes:
        elements: each element with its attributes, in order.
        ids: the ids.
        text: the visible text, with a line per piece.
        pictures: the root of each SVG.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.ids: list[str] = []
        self._open: list[str] = []
        self._pieces: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []
        assert len(set(self.ids)) == len(self.ids)
        self.text = "\n".join(self._pieces)
        self.pictures = [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.ids += [value for key, value in attrs if key == "id"]
        if tag != "meta":
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style" and data.strip():
            self._pieces.append(data)

    def tags(self) -> set[str]:
        """Return the names of the elements."""
        return {tag for tag, _ in self.elements}
