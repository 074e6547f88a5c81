"""Update the catalogue of descriptions: the docstrings that `seqkit show` and the reference of the site translate.

`make messages` runs it. It writes what is new into descriptions.po with an empty translation, as catalogue.py does for
messages. The texts are those that `seqkit show` and the pages of the reference look up, so that none is missing.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import catalogue
from catalogue import Entry
from helpers.docs import import_docs
from seqkit.cli.describe import SECTIONS, describe_component, describe_section
from seqkit.cli.language import DESCRIPTIONS
from seqkit.hookspecs import KINDS
from seqkit.registry import load_registry

CATALOGUE = catalogue.CATALOGUE.with_name(f"{DESCRIPTIONS}.po")
PAGES = ("recipe-keys.md", "run-directory.md", "exit-codes.md")
"""The pages of the reference with descriptions, besides those of components."""


def collect() -> dict[str, Entry]:
    """Return the descriptions to translate: those of the components of each kind, of sections, and of the pages.

    Components of plugins that are not in this repository are left out.
    """
    found: dict[str, Entry] = {}
    reference, words = import_docs("reference"), import_docs("reference.words").Words

    def recorder(origin: str) -> Callable[[str], str]:
        def lookup(text: str) -> str:
            found.setdefault(text, Entry(origin, is_template=False))
            return text

        return lookup

    own = {"seqkit", *(folder.parent.name for folder in catalogue.packages_of_plugins())}
    for entry in (entry for kind in KINDS for entry in load_registry().check().all(kind)):
        if entry.distribution in own:
            lookup = recorder(f"{entry.kind} {entry.name}")
            describe_component(entry, lookup)
            list(reference.recipes.component(words("en", lookup), entry))
    for name in SECTIONS:
        describe_section(name, recorder(name))
    for page in PAGES:
        list(reference.PAGES[page](words("en", recorder(page))))
    return found


if __name__ == "__main__":
    os.environ["SEQKIT_PLUGINS"] = "on"
    catalogue.update(CATALOGUE, collect())
