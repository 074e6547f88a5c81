"""Recognize pairs of texts, and draft a recipe for `seqkit init`."""

from __future__ import annotations

import re
from typing import Any

from seqkit.contracts import Column, DataFile, Draft
from seqkit.messages import message

_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
_SOURCES = re.compile(r"(?i)(source|src|input|text|question|word|from|en|english|original).*")
_TARGETS = re.compile(r"(?i)(target|tgt|output|answer|translation|pronunciation|to|summary|response).*")
_MAX_LABELS = 200
"""A column of texts that recur is one of labels if it has at most this many distinct values."""


def translate(file: DataFile) -> Draft | str:
    """Draft a recipe for two columns of texts, most of which occur once.

    If the user names the task, other columns can be the texts too: dates, numbers, texts that recur.
    """
    if file.format not in ("csv", "tsv", "jsonl", "parquet"):
        return message("no table")
    texts = [
        column
        for column in file.columns
        if column.is_text
        and 2 * len(column.counts) > len(column.filled)
        and 2 * sum(any(map(str.isalpha, text)) for text in column.filled) > len(column.filled)
    ]
    if file.task == "translate":
        usable = [column for column in file.columns if column.filled and not column.has_lists]
        texts = sorted(usable, key=lambda column: column not in texts)
    names = [column.name for column in texts]
    if len(file.texts) > 1:
        return message("--text names several columns, and the task reads one")
    if unusable := [name for name in (file.text, file.label) if name is not None and name not in names]:
        return message("the column '{column}' has no texts that mostly occur once", column=unusable[0])
    if len(texts) < 2:
        distinct = [column for column in file.columns if 2 * len(column.counts) > len(column.filled)]
        if len(file.columns) == len(distinct) == 2 and not all(
            column.is_numeric or column.has_lists for column in distinct
        ):
            return message(
                "the columns '{first}' and '{second}' are not both texts: to learn one of them from the other, as for "
                "dates, pass --task translate",
                first=file.columns[0].name,
                second=file.columns[1].name,
            )
        recurring = [column for column in file.columns if column.is_text and column not in texts]
        if texts and len(file.columns) == 2 and any(len(column.counts) > _MAX_LABELS for column in recurring):
            return message(
                "the texts of the column '{column}' recur: to produce them from the other column, pass --task "
                "translate",
                column=recurring[0].name,
            )
        return message("no two columns of texts that mostly occur once")
    source = next((each for each in texts if each.name == file.text), None)
    first = next(each for each in texts if each.name != file.label)
    source = source or next((each for each in texts if _SOURCES.fullmatch(each.name)), first)
    others = [each for each in texts if each is not source]
    target = next((each for each in others if each.name == file.label), None)
    target = target or next((each for each in others if _TARGETS.fullmatch(each.name)), others[0])
    recipe = {
        "data": _data(file, source, target),
        "tokenizer": _tokenizer(source),
        "embedding": {"type": "learned", "dim": 64, "dropout": 0.1},
        "encoder": {"type": "bilstm", "hidden_size": 64},
        "head": {
            "type": "translate",
            "tokenizer": _tokenizer(target),
            "hidden_size": 128,
            "dropout": 0.2,
            "label_smoothing": 0.1,
            "beam_size": 4,
        },
        "train": {
            "epochs": min(20, max(8, 3000 * 32 // max(1, file.rows))),
            "batch_size": 32,
            "optimizer": {"type": "adam", "lr": 0.003},
            "schedule": {"type": "cosine", "warmup": 100, "final": 0.05},
            "clip_norm": 1.0,
            "metric": "loss",
        },
    }
    if (
        file.label is None
        and file.task is None
        and not _TARGETS.fullmatch(target.name)
        and 10 * target.mean_length < source.mean_length
    ):
        reason = message(
            "the texts of the column '{target}' are much shorter than those of '{source}'",
            target=target.name,
            source=source.name,
        )
        if len(file.columns) > 2:
            return reason
        return message("{reason}: to produce them, pass --task translate", reason=reason)
    is_named = bool(_SOURCES.fullmatch(source.name) and _TARGETS.fullmatch(target.name))
    fit = 0.93 if is_named else 0.6 if len(file.columns) == 2 else 0.3
    summary = message("the text is '{source}', the text to produce '{target}'", source=source.name, target=target.name)
    smaller = {"encoder": {"hidden_size": 32}, "head": {"hidden_size": 64}}
    return Draft(fit, recipe, summary, {}, smaller)


def _data(file: DataFile, source: Column, target: Column) -> dict[str, Any]:
    encoding = {"encoding": file.encoding} if file.encoding != "utf-8" else {}
    if file.format == "tsv" and not file.has_header:
        places = {column.name: place for place, column in enumerate(file.columns, start=1)}
        return {"type": "pairs", "source": places[source.name], "target": places[target.name], **encoding}
    section: dict[str, Any] = {"type": "table", "text": source.name, "label": target.name, **encoding}
    if not file.path.name.lower().removesuffix(".gz").endswith((".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")):
        section["format"] = file.format
    if not file.has_header:
        section["columns"] = [column.name for column in file.columns]
    if file.format == "csv" and file.delimiter != ",":
        section["delimiter"] = file.delimiter
    if any(len(column.filled) < len(column.values) for column in (source, target)):
        section["empty"] = "skip"
    return section


def _tokenizer(column: Column) -> dict[str, Any]:
    """Return characters for words and for scripts without spaces, words for sentences."""
    sample = " ".join(map(str, column.filled[:2000]))
    is_sentence = not _UNSPACED.search(sample[:5000]) and sample.count(" ") > 4 * len(column.filled[:2000])
    frequent = {"min_count": 2} if len(column.filled) >= 1000 else {}
    return {"type": "word" if is_sentence else "char", "unknown": "mark", **frequent}
