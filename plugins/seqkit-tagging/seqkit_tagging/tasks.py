"""Recognize sentences in columns, and draft a recipe for `seqkit init`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from seqkit.contracts import DataFile, Draft

_PROBED_LINES = 50_000
_MAX_TAGS = 120
_CONLLU_COLUMNS = 10


def tag(file: DataFile) -> Draft | str:
    """Draft a recipe for a tag per word: lines of equally many columns, and a blank line after each sentence."""
    lines = file.lines[:_PROBED_LINES]
    if file.format in ("jsonl", "parquet") or not lines:
        return "no words in columns"
    has_tabs = 2 * sum("\t" in line for line in lines) > sum(bool(line.strip()) for line in lines)
    rows = [_columns(line, has_tabs) for line in lines]
    sentences = [list(group) for is_sentence, group in groupby(rows, key=bool) if is_sentence]
    words = [row for sentence in sentences for row in sentence if not row[0].startswith("#")]
    widths = Counter(map(len, words))
    width, count = widths.most_common(1)[0] if widths else (0, 0)
    if len(sentences) < 3 or width < 2 or count < 0.98 * len(words) or len(words) < 2 * len(sentences):
        return "no words in columns with a blank line after each sentence"
    is_conllu = width == _CONLLU_COLUMNS and all(re.fullmatch(r"\d+([-.]\d+)?", row[0]) for row in words[:100])
    word, tagged = (2, 4) if is_conllu else (1, _tag_column(words, width))
    tags = Counter(row[tagged - 1] for row in words if len(row) == width)
    if not 2 <= len(tags) <= _MAX_TAGS:
        return f"the column {tagged} has {len(tags):,} distinct values, which is no set of tags"
    data: dict[str, Any] = {"type": "conll"}
    if word != 1 or tagged != width:
        data |= {"word": word, "tag": tagged}
    if file.encoding != "utf-8":
        data["encoding"] = file.encoding
    if any("," in name[1:] for name in tags) and any(name.startswith("B-") for name in tags):
        data["alternatives"] = "first"
    is_bio = "O" in tags and any(name.startswith("B-") for name in tags)
    comments = {"data.type": f"{len(tags)} tags: {', '.join(name for name, _ in tags.most_common(8))}, …"}
    recipe = {"data": data, **(_spans(len(sentences)) if is_bio else _tags(len(sentences)))}
    kind = "spans in BIO tags" if is_bio else "tags"
    return Draft(
        0.95,
        recipe,
        f"the word is column {word}, its tag column {tagged} ({kind})",
        comments,
        {"encoder": {"hidden_size": recipe["encoder"]["hidden_size"] // 2}},
    )


def _columns(line: str, has_tabs: bool) -> list[str]:
    if not line.strip() or line.startswith("-DOCSTART-"):
        return []
    return line.split("\t") if has_tabs else line.split()


def _tag_column(words: Sequence[Sequence[str]], width: int) -> int:
    """Return the column of the tags, from 1: the last one that has BIO tags, else the first one after the word."""
    for column in range(width, 1, -1):
        values = {row[column - 1] for row in words if len(row) == width}
        if "O" in values and any(value.startswith("B-") for value in values):
            return column
    return 2


def _model(dropout: float) -> dict[str, Any]:
    return {
        "tokenizer": {
            "type": "words_and_characters",
            "word_length": 16,
            "features": ["shape", "prefix_2", "prefix_3", "suffix_1", "suffix_2", "suffix_3"],
        },
        "embedding": {
            "type": "words_and_characters",
            "word_dim": 64,
            "char_dim": 24,
            "characters": {"type": "char_cnn", "filters": 64},
            "dropout": dropout,
        },
    }


def _train(sentences: int, batch_size: int, wanted: int, metric: str, lr: float) -> dict[str, Any]:
    steps = max(1, sentences // batch_size)
    return {
        "epochs": min(20, max(5, -(-wanted // steps))),
        "batch_size": batch_size,
        "optimizer": {"type": "adam", "lr": lr},
        "schedule": "linear",
        "clip_norm": 5.0,
        "metric": metric,
    }


def _spans(sentences: int) -> dict[str, Any]:
    """Return the settings of entities_wnut17.yaml."""
    model = _model(0.5)
    model["embedding"]["word_dropout"] = 1.0
    head = {"type": "crf", "scheme": "bio", "dropout": 0.5, "entity_bias": 1.5, "probabilities": True}
    return {
        **model,
        "encoder": {"type": "bilstm", "hidden_size": 100},
        "head": head,
        "train": _train(sentences, 8, 3200, "f1", 0.002),
    }


def _tags(sentences: int) -> dict[str, Any]:
    """Return the settings of upos_ewt.yaml."""
    return {
        **_model(0.33),
        "encoder": {"type": "bilstm", "hidden_size": 128},
        "head": {"type": "tag", "dropout": 0.4},
        "train": _train(sentences, 16, 3000, "accuracy", 0.003),
    }
