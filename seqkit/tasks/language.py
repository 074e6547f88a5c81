"""The task of a language model: to predict the next character or word, and so to generate text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from seqkit.contracts import DataFile, Draft
from seqkit.messages import message
from seqkit.tasks.columns import no_texts, text_column
from seqkit.tasks.models import table_section

_SHORT_LINE, _LONG_LINE = 60, 300
"""The median length of the lines of a list of names or verses, and of a list of sentences, is at most this."""

_ONE_HOT = 300
"""With at most this many different characters, one-hot vectors are as good as learned ones, and faster."""

_SHORT_TEXT = 500_000
"""A text of fewer characters is soon learned by heart, which dropout of weights and outputs delays."""

_WANTED_CHARACTERS = 8_000_000
"""How many characters training reads, in all epochs, unless that takes too long."""

_PROBED_CHARACTERS = 1_000_000

_STRAY = 100
"""A list can have a blank line for each of this many lines, and one in any case; more of them divide a text."""


def generate(file: DataFile) -> Draft | str:
    """Draft a recipe for a long text, for a file with a text per line, or for the texts of a table."""
    if file.columns:
        if len(file.texts) > 1:
            return message("--text names several columns, and the task reads one")
        column = text_column(file)
        if column is None:
            return no_texts(file)
        data = table_section(file, {"text": column.name, "label": None})
        texts = [str(value) for value in column.filled]
        return _draft(
            file,
            data,
            texts,
            0.4 if len(file.columns) == 1 and file.rows >= 20 else 0.0,
            message("the texts are in '{column}'", column=column.name),
        )
    if file.text is not None or file.label is not None:
        return message("the file has no columns: leave out --text and --label")
    encoding = {"encoding": file.encoding} if file.encoding != "utf-8" else {}
    lines = [line for line in file.lines if line.strip()]
    if not lines:
        return message("the file has no text")
    if _is_list(lines) and _inner_blanks(file.lines) <= max(1, len(lines) // _STRAY):
        return _draft(file, {"type": "text", "unit": "line", **encoding}, lines, 0.6, message("each line is a text"))
    draft = _draft(file, {"type": "text", **encoding}, None, 0.6, message("the file is one text"))
    comments = {**draft.comments, "data.type": message("the file is one text; for a text per line, add `unit: line`")}
    return replace(draft, comments=comments)


def _inner_blanks(lines: Sequence[str]) -> int:
    """Return the number of blank lines between the first and the last line that is not blank."""
    filled = [number for number, line in enumerate(lines) if line.strip()]
    return filled[-1] - filled[0] + 1 - len(filled)


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
    model = _long_text(file, characters) if texts is None else _list(texts, characters)
    recipe = {
        "data": data,
        "tokenizer": {"type": "char", "unknown": "mark", **({"min_count": 2} if characters > 20_000 else {})},
        **model,
    }
    size = model["encoder"]["hidden_size"]
    smaller = {"encoder": {"hidden_size": size // 2}}
    if model["head"].get("tied"):
        smaller["embedding"] = {"dim": size // 2}
    split = {"by": "order", "valid": 0.1} if texts is None else {"by": "hash", "valid": 0.1, "test": 0.1}
    comments = {
        "tokenizer": message("characters; about {characters:,} in all", characters=characters),
        "generate": message("what to generate after training"),
    }
    return Draft(fit, recipe, summary, comments, smaller, split)


def _list(texts: Sequence[str], characters: int) -> dict[str, Any]:
    """Return the settings of quatrains.yaml, with more epochs of fewer texts: a text has a beginning and an end."""
    size = 96 if characters < 50_000 else 192 if characters < 1_000_000 else 320
    longest = int(np.quantile([len(text) for text in texts], 0.99))
    return {
        "embedding": {"type": "learned", "dim": size, "dropout": 0.1},
        "encoder": {"type": "lstm", "hidden_size": size, **_dropout(0.1)},
        "head": {"type": "next_char", "whole_texts": True, "tied": True},
        "train": _train(characters, 16 if characters < 1_000_000 else 32),
        "generate": {"length": max(20, longest), "temperature": 0.8},
    }


def _long_text(file: DataFile, characters: int) -> dict[str, Any]:
    """Return the settings of shakespeare.yaml, or for a short text those of a regularized model, trained longer."""
    size = 64 if characters < 50_000 else 128 if characters < 150_000 else 256
    few = len(set("".join(file.lines)[:_PROBED_CHARACTERS])) <= _ONE_HOT
    first = next(line for line in file.lines if line.strip()).strip()
    is_short = characters < _SHORT_TEXT
    train = _train(characters, 16 if is_short else 32) | {"sequence_length": 128}
    if not is_short:
        train["optimizer"] = {"type": "adam", "lr": 0.005}
    return {
        "embedding": {"type": "one_hot"} if few else {"type": "learned", "dim": 128},
        "encoder": {"type": "lstm", "hidden_size": size, **(_dropout(0.3) if is_short else {})},
        "head": {"type": "next_char", **({} if is_short else {"dropout": 0.2})},
        "train": train,
        "generate": {"prompt": first[:6].strip(), "length": 200, "temperature": 0.7},
    }


def _dropout(of_weights: float) -> dict[str, Any]:
    return {"weight_dropout": of_weights, "output_dropout": 0.3, "variational": True}


def _train(characters: int, batch_size: int) -> dict[str, Any]:
    """Return how to train: the fewer characters, the more epochs, since an epoch of few is a few hundred steps."""
    return {
        "epochs": min(30, max(8, _WANTED_CHARACTERS // max(1, characters))),
        "batch_size": batch_size,
        "optimizer": {"type": "adamw", "lr": 0.004, "betas": [0.9, 0.99], "weight_decay": 0.02},
        "schedule": {"type": "cosine", "warmup": 100, "final": 0.02},
        "clip_norm": 1.0,
    }
