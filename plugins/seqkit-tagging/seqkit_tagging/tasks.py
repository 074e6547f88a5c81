"""Recognize sentences in columns, and draft a recipe for `seqkit init`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from seqkit.contracts import Column, DataFile, Draft
from seqkit.messages import listed, message
from seqkit_tagging.spans import Scheme, invalid_tag, split_tag
from seqkit_tagging.word_splitting import are_characters

_PROBED_LINES = 50_000
_MAX_TAGS = 120
_RANDOM_BELOW = 400
"""Fewer sentences than this are divided at random: a split by hash could be small or empty."""

_MIN_FILLED = 0.99
"""The share of rows that have a word and a tag, in a csv file with a row for each word."""

_MIN_CHARACTERS = 0.9
"""The share of words that are single characters, from which on a model of characters is drafted."""

_CONLLU_COLUMNS = 10
_WORD_NUMBER = re.compile(r"\d+([-.]\d+)?")
_SENTENCE_NAME = re.compile(
    r"(?i)(sent(ence)?|doc(ument)?|句子?|文档)([ _]?(#|id|no|nr|number|idx|index|编号|序号))?\.?"
)
_WORD_NAME = re.compile(r"(?i)(word|token|form|字|词|单词)(s|_?text)?")
_SCHEMES: tuple[Scheme, ...] = ("bio", "bmes")


def tag(file: DataFile) -> Draft | str:
    """Draft a recipe for a tag per word: lines of equally many columns, and a blank line after each sentence."""
    if isinstance(found := _word_table(file) or _word_lists(file), Draft):
        return found
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
        return message(
            "no words with tags (a line per word and a blank line after each sentence, a csv row per word with its "
            "sentence, or lists of tokens and tags in JSON Lines)"
        )
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
    columns_found = message("the word is column {word}, its tag column {tagged}", word=word, tagged=tagged)
    return _draft(data, columns[word - 1], tags, len(sentences), columns_found)


def _draft(
    data: dict[str, Any], words: Iterable[str], tags: Counter[str], sentences: int, columns: str, others: str = ""
) -> Draft:
    """Return the draft for tags of words; `columns` says where they are, `others` where there are others."""
    names = [name for name, _ in tags.most_common(8)]
    shown = listed([*names, *(["…"] if len(tags) > len(names) else [])])
    comments = {"data.type": message("{count} tags: {tags}", count=len(tags), tags=shown)}
    scheme = _scheme(tags)
    if scheme == "none":
        recipe, kind = _tags(sentences), message("tags")
    else:
        recipe, kind = _spans(sentences, scheme), message("spans in {scheme} tags", scheme=scheme.upper())
    if are_characters([word for word in words if word], _MIN_CHARACTERS):
        recipe |= _CHARACTERS
        recipe["train"]["epochs"] = min(8, recipe["train"]["epochs"])  # n-grams are learned quickly
        recipe["head"] |= {"ngrams": 2} | ({} if scheme == "none" else {"entity_bias": 0.5})
    split = {"by": "random", "valid": 0.2, "test": 0.2} if sentences < _RANDOM_BELOW else None
    smaller = {"encoder": {"hidden_size": recipe["encoder"]["hidden_size"] // 2}}
    summary = message("{columns} ({kind}){others}", columns=columns, kind=kind, others=others)
    return Draft(0.97, {"data": data, **recipe}, summary, comments, smaller, split)


def _word_table(file: DataFile) -> Draft | None:
    """Return the draft for a csv file with a row for each word; None if it has no columns of sentences and words."""
    if file.format not in ("csv", "tsv") or not file.has_header:
        return None
    names = [column.name for column in file.columns]
    sentence = next((column for column in file.columns if _SENTENCE_NAME.fullmatch(column.name)), None)
    word = next((column for column in file.columns if _WORD_NAME.fullmatch(column.name)), None)
    if sentence is None or word is None or word.filled_share < _MIN_FILLED:
        return None
    starts = [value for value, _ in groupby(value for value in map(str.strip, sentence.values) if value)]
    if not sentence.values[0] or len(starts) > len(sentence.values) / 2 or len(set(starts)) < len(starts):
        return None
    tagged = [
        column
        for column in file.columns
        if column not in (sentence, word) and column.filled_share > _MIN_FILLED and 2 <= len(column.counts) <= _MAX_TAGS
    ]
    spans = [column for column in tagged if _scheme(column.counts) != "none"]
    named = [column for column in tagged if column.name == file.label] if file.label else spans or tagged
    if not named:
        return None
    tag = named[-1] if spans else named[0]
    data: dict[str, Any] = {"type": "word_table", "sentence": sentence.name, "word": word.name, "tag": tag.name}
    if file.delimiter != ("\t" if file.format == "tsv" else ","):
        data["delimiter"] = file.delimiter
    if min(word.filled_share, tag.filled_share) < 1:
        data["empty"] = "skip"
    if file.encoding != "utf-8":
        data["encoding"] = file.encoding
    sentences = max(1, len(starts) * file.rows // max(1, len(sentence.values)))
    columns = message(
        "a row per word: the word is '{word}', its tag '{tag}', the sentence '{sentence}'",
        word=word.name,
        tag=tag.name,
        sentence=sentence.name,
    )
    others = [name for name in names if name in {column.name for column in tagged} - {tag.name}]
    return _draft(data, word.values, tag.counts, sentences, columns, "" if file.label else _or_label(others))


def _word_lists(file: DataFile) -> Draft | None:
    """Return the draft for JSON Lines with a list of words and a list of as many tags; None for any other file."""
    lists = [column for column in file.columns if column.has_lists and len(column.filled) == len(column.values)]
    word = next((column for column in lists if _WORD_NAME.fullmatch(column.name) and _are(str, column)), None)
    if file.format != "jsonl" or word is None or not all(word.values):
        return None
    lengths = [len(value) for value in word.values]
    tagged = {
        column.name: Counter(str(tag) for value in column.values for tag in value)
        for column in lists
        if column is not word and _are((str, int), column) and [len(value) for value in column.values] == lengths
    }
    tagged = {name: tags for name, tags in tagged.items() if 2 <= len(tags) <= _MAX_TAGS and file.label in (None, name)}
    if not tagged:
        return None
    tag = next((name for name, tags in tagged.items() if _scheme(tags) != "none"), None)
    tag = tag or next((name for name in tagged if "tag" in name), next(iter(tagged)))
    data: dict[str, Any] = {"type": "word_lists", "words": word.name, "tags": tag}
    if file.encoding != "utf-8":
        data["encoding"] = file.encoding
    columns = message("the words are in '{words}', their tags in '{tags}'", words=word.name, tags=tag)
    words = (each for value in word.values for each in value)
    return _draft(data, words, tagged[tag], file.rows, columns, _or_label([name for name in tagged if name != tag]))


def _or_label(names: Sequence[str]) -> str:
    """Return that other columns can be the tags instead."""
    return message(", or with --label {names}", names=listed(f"'{name}'" for name in names)) if names else ""


def _are(kind: type | tuple[type, ...], column: Column) -> bool:
    """Return whether the items of all lists are of a type."""
    return all(isinstance(item, kind) for value in column.filled for item in value)


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


_CHARACTERS: dict[str, Any] = {
    "tokenizer": {"type": "words_and_characters", "word_length": 2},
    "embedding": {"type": "words_and_characters", "word_dim": 64, "word_dropout": 0.3, "dropout": 0.5},
}
"""The settings of entities_zh.yaml for words that are single characters."""


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
