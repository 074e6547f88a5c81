"""Sections of recipes that suit the texts of a file, after the settings of the shipped recipes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqkit.contracts import Column, DataFile
from seqkit.contracts.tasks import is_filled
from seqkit.layers.scripts import are_short, are_unspaced
from seqkit.messages import message

_PROBED = 20_000

_MANY_TOKENS = 200_000
"""From this number of tokens on, n-grams are also weighted by how much they distinguish the labels."""

_MAX_CUT = 2000
_MANY_ROWS = 1000


@dataclass(frozen=True)
class TextModel:
    """How texts are read.

    Attributes:
        tokenizer: the section.
        embedding: the section.
        encoder: the section.
        head: keys of the section of a head that predicts from the whole text.
        by_character: whether a token is a character.
        is_short: whether the texts are names, codes or titles.
        comments: comments for the recipe.
    """

    tokenizer: dict[str, Any]
    embedding: dict[str, Any]
    encoder: dict[str, Any]
    head: dict[str, Any]
    by_character: bool
    is_short: bool
    comments: dict[str, str]

    @property
    def smaller(self) -> dict[str, Any]:
        """A cheaper model: half the width, and shorter texts."""
        cut = {"max_length": max(64, self.tokenizer.get("max_length", _MAX_CUT) // 2)}
        return {"encoder": {"hidden_size": self.encoder["hidden_size"] // 2}} | (
            {} if self.is_short else {"tokenizer": cut}
        )


def text_model(texts: Sequence[str], rows: int) -> TextModel:
    """Return how to read texts: characters of Chinese, Japanese, Thai and of short strings, words of other texts.

    Args:
        texts: the texts of the rows that were read.
        rows: the number of rows of the file.
    """
    probed = texts[:: max(1, len(texts) // _PROBED)]
    is_unspaced = are_unspaced(probed)
    lengths = np.array([len(text) for text in probed])
    words = np.array([len(text.split()) for text in probed])
    is_short = not is_unspaced and are_short(probed)
    by_character = is_unspaced or is_short
    tokens = lengths if by_character else np.ceil(words * 1.2)
    cut = _cut(tokens)
    tokenizer = tokenizer_section(by_character, is_short, rows)
    if not by_character:
        why = message("words, in lower case")
    elif is_unspaced:
        why = message("characters: the script has no spaces")
    else:
        why = message("characters: the texts are short")
    if cut:
        tokenizer["max_length"] = cut
    embedding: dict[str, Any] = {"type": "learned", "dim": 64}
    if is_short:
        embedding["dropout"] = 0.2
        encoder: dict[str, Any] = {"type": "bilstm", "hidden_size": 128 if rows >= 5000 else 64}
        head: dict[str, Any] = {"pooling": ["final", "max"], "ngrams": 3, "dropout": 0.5}
    else:
        encoder = {"type": "bilstm", "hidden_size": 64, "input_dropout": 0.3, "variational": True}
        head = {"pooling": ["max", "attention"], "ngrams": 3 if by_character else 2, "dropout": 0.5}
        if not by_character:
            embedding = {"type": "concat", "embeddings": [embedding, {"type": "char_ngrams", "dim": 64}]}
        if rows * tokens.mean() >= _MANY_TOKENS:
            head["ngram_ratios"] = True
    return TextModel(tokenizer, embedding, encoder, head, by_character, is_short, {"tokenizer": why})


def tokenizer_section(by_character: bool, is_short: bool, rows: int) -> dict[str, Any]:
    """Return the section of the tokenizer of texts to classify.

    Texts to predict can have tokens that the training texts lack. If tokens that occur once are unknown, training has
    unknown tokens too, so that their vector is trained; small files and short texts need all their tokens.

    Args:
        by_character: whether a token is a character, not a word.
        is_short: whether the texts are names, codes or titles.
        rows: the number of texts.
    """
    section: dict[str, Any] = {"type": "char", "unknown": "mark"}
    if not by_character:
        section |= {"type": "word", "lower": True, "spaces": False}
    if rows >= _MANY_ROWS and not is_short:
        section["min_count"] = 2
    return section


def _cut(tokens: np.ndarray) -> int | None:
    """Return the length that few texts exceed, if the longest are much longer, and at most 2,000."""
    longest, usual = int(tokens.max(initial=0)), int(np.quantile(tokens, 0.98)) if len(tokens) else 0
    cut = min(_MAX_CUT, -(-max(usual, 16) // 16) * 16)
    return cut if longest > 1.2 * cut else None


def train_section(rows: int, is_short: bool, metric: str) -> dict[str, Any]:
    """Return how to train on this number of rows: enough steps for a small file, few epochs of a large one."""
    batch_size = 64 if is_short and rows >= 2000 else 32 if rows >= 500 else 16
    steps = max(1, int(rows * 0.8) // batch_size)
    wanted = 3000 if is_short else 1000
    return {
        "epochs": min(20, max(4, -(-wanted // steps))),
        "batch_size": batch_size,
        "optimizer": {"type": "adam", "lr": 0.002},
        "schedule": "cosine",
        "clip_norm": 1.0,
        "metric": metric,
    }


def table_section(file: DataFile, columns: Mapping[str, str | list[str] | None]) -> dict[str, Any]:
    """Return the section `data` of a table: what the reader cannot know from the name of the file, and the columns."""
    if file.format == "fasttext":
        return _fasttext_section(file, columns["label"])
    section: dict[str, Any] = {"type": "table", **columns}
    name = file.path.name.lower().removesuffix(".gz")
    if not name.endswith((".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".pq")):
        section["format"] = file.format
    if file.format in ("csv", "tsv"):
        if file.delimiter != ("\t" if file.format == "tsv" else ","):
            section["delimiter"] = file.delimiter
        if not file.has_header:
            section["columns"] = [column.name for column in file.columns]
    if file.format != "parquet" and file.encoding != "utf-8":
        section["encoding"] = file.encoding
    named = [each if isinstance(each, list) else [each] for each in columns.values() if each is not None]
    used = [file.column(name) for names in named for name in names]
    if missing := sorted({word for column in used for word in column.missing}):
        section["missing"] = missing
    if any(map(lacks_values, used)):
        section["empty"] = "skip"
    return section


def lacks_values(column: Column) -> bool:
    """Return whether a value of a column is empty."""
    return not all(map(is_filled, column.values))


def _fasttext_section(file: DataFile, label: str | list[str] | None) -> dict[str, Any]:
    """Return the section `data` of lines with labels before a text."""
    section: dict[str, Any] = {"type": "fasttext"}
    if file.label_prefix is None:
        section["prefix"] = None
    if label is None or file.column("label").has_lists:
        section["labels"] = None if label is None else "several"
    if file.encoding != "utf-8":
        section["encoding"] = file.encoding
    return section
