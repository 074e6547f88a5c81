"""The pages about runs: the run directory, and the exit codes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from reference.markdown import head, table, text
from reference.words import Words
from seqkit import errors
from seqkit.recipe.docstrings import parse_docstring
from seqkit.runs import directory
from seqkit.training import checkpoint


def run_directory(words: Words) -> Iterator[str]:
    """Yield the page of the files of a run directory."""
    yield from head(words, "Run directory")
    overview, *files = re.split(r"^(\S+):\n\n", inspect.cleandoc(directory.__doc__ or ""), flags=re.MULTILINE)
    yield table((words["file"], words["content"]), entries(words, overview))
    yield text(words.describe(overview.strip().rpartition("\n\n")[2]))
    for name, keys in zip(files[::2], files[1::2], strict=True):
        yield f"## {name}"
        yield table((words["key"], words["content"]), entries(words, keys))
    description, _, rest = inspect.cleandoc(checkpoint.__doc__ or "").partition("\n\n")[2].partition("\n\n")
    yield f"## {directory.RunDirectory(Path()).checkpoints}/"
    yield text(words.describe(description))
    yield table((words["file"], words["content"]), entries(words, rest))
    yield text(words.describe(rest.rpartition("\n\n")[2]))


def entries(words: Words, docstring: str) -> Iterator[tuple[str, str]]:
    """Yield name and description of each item in an indented list; a description can have several lines."""
    for name, description in re.findall(r"^ {4}(\S+) {2,}(.*(?:\n {20,}.*)*)", docstring, re.MULTILINE):
        yield name if name == "…" else f"`{name}`", words.describe(" ".join(description.split()))


def exit_codes(words: Words) -> Iterator[str]:
    """Yield the page of the exit codes, from the classes of errors."""
    yield from head(words, "Exit codes")
    rows = [("0", "", words["success"])]
    for cls in vars(errors).values():
        if inspect.isclass(cls) and issubclass(cls, errors.SeqkitError) and "exit_code" in vars(cls):
            meaning = words.describe(parse_docstring(cls.__doc__)[0].partition("\n\n")[0])
            rows.append((str(cls.exit_code), f"`{cls.__name__}`", meaning))
    description, parts = parse_docstring(errors.Interrupted.__doc__)
    codes = parts["Args"]["signal_number"].partition(". ")[2]
    rows.append(("130, 143", "`Interrupted`", words.describe(f"{description} {codes}")))
    yield table(
        (words["code"], words["error"], words["meaning"]), sorted(rows, key=lambda row: int(row[0][:3].strip(",")))
    )
