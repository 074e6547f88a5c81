"""Files for which there is a plugin of seqkit's own that is not installed."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from seqkit.contracts import DataFile
from seqkit.messages import message
from seqkit.registry.registry import Registry
from seqkit.tasks.columns import MAX_LABELS, are_recordings

_PROBED_LINES = 10_000
_FEWEST_SENTENCES = 2


def missing_plugin(file: DataFile, chosen: str | None, registry: Registry) -> str | None:
    """Return which plugin suits a file better than the chosen task, if it is not installed.

    Args:
        file: the file.
        chosen: the name of the task that fits best; None if none fits.
        registry: the installed tasks.
    """
    if chosen is not None and registry.tasks[chosen].distribution != registry.plugins[0].distribution:
        return None  # the task of another plugin
    if has_tagged_words(file):
        plugin, contents = "seqkit-tagging", message("a word and its tag per line")
    elif chosen is None and has_recordings(file):
        plugin, contents = "seqkit-ctc", message("a list of recordings")
    else:
        return None
    if plugin in {task.distribution for task in registry.tasks.values()}:
        return None
    return message(
        "{contents}, for which there is the plugin {plugin}: install it, or name a task with --task",
        contents=contents,
        plugin=plugin,
    )


def has_tagged_words(file: DataFile) -> bool:
    """Return whether each line has a word and as many tags as the others, with a blank line after each sentence."""
    lines = [line for line in file.lines[:_PROBED_LINES] if not line.startswith("# ")]
    separator = "\t" if any("\t" in line for line in lines) else None
    sentences = [list(group) for has_words, group in groupby(lines, key=lambda line: bool(line.strip())) if has_words]
    words = [line.split(separator) for sentence in sentences for line in sentence]
    if len(sentences) < _FEWEST_SENTENCES or len(words) < 2 * len(sentences) or len({*map(len, words)}) > 1:
        return False
    most = min(MAX_LABELS, len(words) / 4)
    return any(2 <= len(set(column)) <= most for column in list(zip(*words, strict=True))[1:])


def has_recordings(file: DataFile) -> bool:
    """Return whether a column contains paths of recordings, below its name if that was not recognized as such."""
    return any(are_recordings(replace(column, values=column.values[1:])) for column in file.columns)
