"""A page: one HTML file with its style inside, that loads nothing and runs no script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from seqkit._version import __version__
from seqkit.messages import message, without_name
from seqkit.reports.markup import Markup, element
from seqkit.reports.style import STYLE

Section = tuple[str, str, Markup | None]
"""The id of a section, its heading and its content; a section without content is left out."""


def labelled_number(value: str, label: str) -> Markup:
    """Return a number of the head of a page, in large digits above what it is."""
    return element("div", element("div", value, class_="number"), element("div", element("bdi", label), class_="label"))


def page(title: str, head: Markup, sections: Sequence[Section]) -> str:
    """Return a whole page.

    The Content-Security-Policy allows the style of the page and nothing else: no script, no other file, no form. So
    even markup that came from data could run nothing.

    Args:
        title: the title.
        head: what is above the sections.
        sections: the sections, which links at the top lead to.
    """
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    shown = [(key, name, content) for key, name, content in sections if content]
    links = [element("a", name, href=f"#{key}") for key, name, _ in shown]
    body = [
        element("section", element("h2", name, id=key), content, aria_labelledby=key) for key, name, content in shown
    ]
    document = element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=policy),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name="color-scheme", content="light dark"),
            element("meta", name="generator", content=f"seqkit {__version__}"),
            element("title", title),
            element("style", Markup(STYLE)),
        ),
        element(
            "body",
            element(
                "main",
                element("header", element("h1", title), element("nav", *links, aria_label=message("Sections")), head),
                *body,
            ),
        ),
        lang=without_name(message("lang: en"), "lang"),
    )
    return f"<!DOCTYPE html>\n{document}\n"


def frame(document: str, height: int) -> Markup:
    """Return a page in a frame, for a notebook, which its style does not reach.

    Args:
        document: the page.
        height: in pixels.
    """
    return element("iframe", srcdoc=document, sandbox=True, width="100%", height=str(height), style="border: 0")
