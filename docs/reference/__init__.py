"""The reference pages of the site, written from the code when the site is built: see docs/build.py.

A page is a function that yields Markdown. Descriptions are the docstrings of the code. Those that users of the command
line read have the language of the page, as headings and tables have; those of the Python interface are in English.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from reference.commands import commands
from reference.python import checks, contracts, helpers, hooks, python
from reference.recipes import components, recipe_keys
from reference.runs import exit_codes, run_directory
from reference.words import Words
from seqkit.hookspecs import KINDS

PAGES: dict[str, Callable[[Words], Iterable[str]]] = {
    "commands.md": commands,
    "recipe-keys.md": recipe_keys,
    **{f"{kind}s.md": lambda words, kind=kind: components(words, kind) for kind in KINDS},
    "run-directory.md": run_directory,
    "exit-codes.md": exit_codes,
    "python.md": python,
    "hooks.md": hooks,
    "contracts.md": contracts,
    "helpers.md": helpers,
    "checks.md": checks,
}
"""The generated pages by file name, in the order of the site."""


def pages(language: str) -> dict[str, str]:
    """Return the generated pages in a language, by file name."""
    words = Words(language)
    return {name: "\n\n".join(filter(None, write(words))) + "\n" for name, write in PAGES.items()}
