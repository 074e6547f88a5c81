"""The task of a language model: to predict the next character or word, and so to generate text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqkit.contracts import DataFile, Draft
from seqkit.tasks.columns import labels_before_texts, text_column
from seqkit.tasks.models import table_section

_SHORT_LINE, _LONG_LINE = 60, 300
"""The median length of the lines of a list of names or verses, and of a list of sentences, is at most this."""

_ONE_HOT = 300
"""With at most this many different characters, one-hot vectors are as good as learned ones, and faster."""

_PROBED_CHARACTERS = 1_000_000


def generate(file: DataFile) -> Draft | str:
    """Draft a recipe for a long text, for a file with a text per line, or for the texts of a table."""
    if file.columns:
        column = text_column(file)
        if column is None:
            return "no column of texts: name it with --text"
        data = table_section(file, {"text": column.name, "label": None})
        texts = [str(value) for value in column.filled]
        return _draft(
            file,
            data,
            texts,
            0.4 if len(file.columns) == 1 and file.rows >= 20 else 0.0,
            f"the texts are in '{column.name}'",
        )
    encoding = {"encoding": file.encoding} if file.encoding != "utf-8" else {}
    lines = [line for line in file.lines if line.strip()]
    if not lines:
        return "the file has no text"
    fit = 0.0 if labels_before_texts(lines) else 0.6
    if _is_list(lines) and len(lines) == len(file.lines):
        return _draft(file, {"type": "text", "unit": "line", **encoding}, lines, fit, "each line is a text")
    return _draft(file, {"type": "text", **encoding}, None, fit, "the file is one text")


def _is_list(lines: Sequence[str]) -> bool:
    """Return whether lines are texts: names, verses, sentences; not the lines of prose with a limited width."""
    lengths = [len(line) for line in lines]
    median, long = np.quantile(lengths, [0.5, 0.9])
    if len(lines) < 20 or len(set(lines)) < 0.8 * len(lines):
        return False
    is_wrapped = long < 1.25 * median or 20 * sum(line[0].isspace() for line in lines) > len(lines)
    return bool(median <= _SHORT_LINE or (median <= _LONG_LINE and not is_wrapped))


def _draft(file: DataFile, data: dict[str, Any], texts: list[str] | None, fit: float, summary: str) -> Draft:
    characters = file.characters if texts is None else int(sum(map(len, texts)) * file.rows / max(1, len(texts)))
    size = 64 if characters < 100_000 else 128 if characters < 500_000 else 256
    train: dict[str, Any] = {"epochs": 8, "batch_size": 32}
    if texts is None:
        batch = 32 if characters > 200_000 else 8
        train = {"epochs": 8 if characters > 500_000 else 20, "batch_size": batch, "sequence_length": 128}
    else:
        train = {"epochs": min(30, max(6, 2_000_000 // max(1, characters))), "batch_size": 32}
    train |= {
        "optimizer": {"type": "adam", "lr": 0.005 if texts is None else 0.003},
        "schedule": {"type": "cosine", "warmup": 100, "final": 0.05},
        "clip_norm": 1.0,
    }
    first = next(line for line in (texts or file.lines) if line.strip()).strip()
    prompt = first[:1] if texts is not None else first[:6].strip()
    few = len(set("".join(texts or file.lines)[:_PROBED_CHARACTERS])) <= _ONE_HOT
    recipe = {
        "data": data,
        "tokenizer": {"type": "char", "unknown": "mark", **({"min_count": 2} if characters > 20_000 else {})},
        "embedding": {"type": "one_hot"} if few else {"type": "learned", "dim": 128},
        "encoder": {"type": "lstm", "hidden_size": size},
        "head": {"type": "next_char", "dropout": 0.2},
        "train": train,
        "generate": {"prompt": prompt, "length": 200 if texts is None else 60, "temperature": 0.7},
    }
    split = {"by": "order", "valid": 0.1} if texts is None else {"by": "hash", "valid": 0.1, "test": 0.1}
    comments = {
        "tokenizer": f"characters; about {characters:,} in all",
        "generate": "what to generate after training",
    }
    return Draft(fit, recipe, summary, comments, {"encoder": {"hidden_size": size // 2}}, split)
