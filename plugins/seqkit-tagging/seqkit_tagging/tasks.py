"""Recognize sentences in columns, and draft a recipe for `seqkit init`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from seqkit.contracts import DataFile, Draft
from seqkit.messages import message
from seqkit_tagging.spans import Scheme, invalid_tag, split_tag

_PROBED_LINES = 50_000
_MAX_TAGS = 120
_CONLLU_COLUMNS = 10
_WORD_NUMBER = re.compile(r"\d+([-.]\d+)?")
_SCHEMES: tuple[Scheme, ...] = ("bio", "bmes")


def tag(file: DataFile) -> Draft | str:
    """Draft a recipe for a tag per word: lines of equally many columns, and a blank line after each sentence."""
    lines = file.lines[:_PROBED_LINES]
    if file.format in ("jsonl", "parquet") or not lines:
        return message("no words in columns")
    has_tabs = 2 * sum("\t" in line for line in lines) > sum(bool(line.strip()) for line in lines)
    rows = [_columns(line, has_tabs) for line in lines]
    sentences = [list(group) for is_sentence, group in groupby(rows, key=bool) if is_sentence]
    words = [row for sentence in sentences for row in sentence if not _is_comment(row)]
    widths = Counter(map(len, words))
    width, count = widths.most_common(1)[0] if widths else (0, 0)
    if len(sentences) < 3 or width < 2 or count < 0.98 * len(words) or len(words) < 2 * len(sentences):
        return message("no words in columns with a blank line after each sentence")
    words = [row for row in words if len(row) == width]
    columns = [[row[place] for row in words] for place in range(width)]
    is_numbered = width > 2 and all(_WORD_NUMBER.fullmatch(cell) for cell in columns[0])
    is_conllu = width == _CONLLU_COLUMNS and is_numbered
    word = 2 if is_numbered else 1
    tagged = 4 if is_conllu else _tag_column(columns, word)
    tags = Counter(columns[tagged - 1])
    if not 2 <= len(tags) <= _MAX_TAGS:
        return message(
            "the column {column} has {count:,} distinct values, which is no set of tags", column=tagged, count=len(tags)
        )
    data: dict[str, Any] = {"type": "conll"}
    if word != 1 or tagged != width:
        data |= {"word": word, "tag": tagged}
    if is_numbered and not is_conllu and any(line.startswith("#") for line in lines):
        data["comment"] = "#"
    if file.encoding != "utf-8":
        data["encoding"] = file.encoding
    if any("," in name[1:] for name in tags) and any(name.startswith("B-") for name in tags):
        data["alternatives"] = "first"
    comments = {"data.type": f"{len(tags)} tags: {', '.join(name for name, _ in tags.most_common(8))}, …"}
    scheme = _scheme(tags)
    if scheme == "none":
        recipe, kind = _tags(len(sentences)), message("tags")
    else:
        recipe, kind = _spans(len(sentences), scheme), message("spans in {scheme} tags", scheme=scheme.upper())
    return Draft(
        0.95,
        {"data": data, **recipe},
        message("the word is column {word}, its tag column {tagged} ({kind})", word=word, tagged=tagged, kind=kind),
        comments,
        {"encoder": {"hidden_size": recipe["encoder"]["hidden_size"] // 2}},
    )


def _columns(line: str, has_tabs: bool) -> list[str]:
    if not line.strip() or line.startswith("-DOCSTART-"):
        return []
    return line.split("\t") if has_tabs else line.split()


def _is_comment(row: Sequence[str]) -> bool:
    return row[0] == "#" or row[0].startswith("# ") or (row[0].startswith("#") and len(row) == 1)


def _tag_column(columns: Sequence[Sequence[str]], word: int) -> int:
    """Return the column of the tags, from 1: the last one with spans, else the first one after the word.

    Of columns with the same types of spans, which hold nested spans, it is the first: that of the outer ones.
    """
    kinds = {
        column: {split_tag(tag)[1] for tag in values} - {"_"}
        for column, values in enumerate(columns, start=1)
        if column > word and len(tags := set(values)) <= _MAX_TAGS and _scheme(tags) != "none"
    }
    if not kinds:
        return word + 1
    last = max(kinds)
    return min(column for column in kinds if column == last or kinds[column] & kinds[last])


def _scheme(tags: Iterable[str]) -> Scheme:
    """Return how tags mark spans: in BIO, in BMES, with or without O, or not at all."""
    found = set(tags)
    if not any(tag[:2] in ("B-", "I-") for tag in found) and not {"B", "I"} <= found and not {"B", "E", "S"} <= found:
        return "none"
    return next((scheme for scheme in _SCHEMES if invalid_tag(found, scheme) is None), "none")


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


def _spans(sentences: int, scheme: Scheme) -> dict[str, Any]:
    """Return the settings of entities_wnut17.yaml, for tags that need not follow the scheme in order."""
    model = _model(0.5)
    model["embedding"]["word_dropout"] = 1.0
    head = {"type": "crf", "scheme": scheme, "dropout": 0.5, "entity_bias": 1.5, "probabilities": True}
    head["invalid_tags"] = "repair"
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
