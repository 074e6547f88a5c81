"""Recognize sentences in columns, and draft a recipe for `seqkit init`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from seqkit.contracts import Column, DataFile, Draft
from seqkit.messages import counted, listed, message
from seqkit_tagging.spans import Scheme
from seqkit_tagging.word_columns import (
    MAX_TAGS,
    MIN_FILLED,
    find_tags,
    find_word,
    find_word_lines,
    named_column,
    no_tags,
    scheme_of,
)
from seqkit_tagging.word_splitting import are_characters

_PROBED_LINES = 50_000
_RANDOM_BELOW = 400
"""Fewer sentences than this are divided at random: a split by hash could be small or empty."""

_MIN_CHARACTERS = 0.9
"""The share of words that are single characters, from which on a model of characters is drafted."""

_SENTENCE_NAME = re.compile(
    r"(?i)(sent(ence)?|doc(ument)?|句子?|文档)([ _]?(#|id|no|nr|number|idx|index|编号|序号))?\.?"
)
_WORD_NAME = re.compile(r"(?i)(word|token|form|字|词|单词)(s|_?text)?")


def tag(file: DataFile) -> Draft | str:
    """Draft a recipe for a tag per word: lines of equally many columns, and a blank line after each sentence."""
    if isinstance(found := _word_table(file) or _word_lists(file), Draft):
        return found
    lines = file.lines[:_PROBED_LINES]
    has_other_columns = len(file.columns) > 1 and file.delimiter != "\t"
    if file.format in ("jsonl", "parquet") or has_other_columns or not lines:
        return message("no words in columns")
    return _word_columns(file, lines)


def _word_columns(file: DataFile, lines: Sequence[str]) -> Draft | str:
    """Return the draft for a file with a word per line, its columns separated by tabs or spaces."""
    no_words = message(
        "no words with tags (a line per word and a blank line after each sentence, a csv row per word with its "
        "sentence, or lists of tokens and tags in JSON Lines)"
    )
    if (found := find_word_lines(lines)) is None:
        return no_words
    label, text = named_column(file, found, file.label, "--label"), named_column(file, found, file.text, "--text")
    if (word := text or find_word(found, label)) is None:
        return no_words
    if label is word:
        return message("--text and --label name the same column, '{column}': name two", column=word.name)
    tagged = find_tags(found, word)
    tag = label or next(iter(tagged), None)
    if tag is None:
        return no_tags(found)
    if len(tag.counts) == 1 or (len(tag.counts) > MAX_TAGS and 2 * len(tag.counts) > len(tag.values)):
        return counted(
            len(tag.counts),
            "the column '{column}' has one value only, but tags need at least 2: name another with --label (data.tag "
            "of a recipe)",
            "the column '{column}' has {count:,} distinct values, too many for tags: name another with --label "
            "(data.tag of a recipe)",
            column=tag.name,
        )
    places = {column.name: place for place, column in enumerate(found.columns, start=1)}
    data: dict[str, Any] = {"type": "conll"}
    if places[word.name] != 1 or places[tag.name] != len(places):
        data |= {"word": places[word.name], "tag": places[tag.name]}
    if found.comment:
        data["comment"] = found.comment
    if file.encoding != "utf-8":
        data["encoding"] = file.encoding
    if any("," in name[1:] for name in tag.counts) and any(name.startswith("B-") for name in tag.counts):
        data["alternatives"] = "first"
    summary = message(
        "the word is column {word}, its tag column {tagged}", word=places[word.name], tagged=places[tag.name]
    )
    others = [] if label else [column.name for column in tagged[1:6]]
    return _draft(data, word.values, tag.counts, len(found.sentences), summary, _or_label(others))


def _draft(
    data: dict[str, Any], words: Iterable[str], tags: Counter[str], sentences: int, columns: str, others: str = ""
) -> Draft:
    """Return the draft for tags of words; `columns` says where they are, `others` where there are others."""
    names = [name for name, _ in tags.most_common(8)]
    shown = listed([*names, *(["…"] if len(tags) > len(names) else [])])
    comments = {"data.type": message("{count} tags: {tags}", count=len(tags), tags=shown)}
    scheme = scheme_of(tags)
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
    word = next((column for column in file.columns if _has_words(column, file)), None)
    if sentence is None or word is None or word.filled_share < MIN_FILLED:
        return None
    starts = [value for value, _ in groupby(value for value in map(str.strip, sentence.values) if value)]
    if not sentence.values[0] or len(starts) > len(sentence.values) / 2 or len(set(starts)) < len(starts):
        return None
    tagged = [
        column
        for column in file.columns
        if column not in (sentence, word) and column.filled_share > MIN_FILLED and 2 <= len(column.counts) <= MAX_TAGS
    ]
    spans = [column for column in tagged if scheme_of(column.counts) != "none"]
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
    word = next((column for column in lists if _has_words(column, file) and _are(str, column)), None)
    if file.format != "jsonl" or word is None or not all(word.values):
        return None
    lengths = [len(value) for value in word.values]
    tagged = {
        column.name: Counter(str(tag) for value in column.values for tag in value)
        for column in lists
        if column is not word and _are((str, int), column) and [len(value) for value in column.values] == lengths
    }
    tagged = {name: tags for name, tags in tagged.items() if 2 <= len(tags) <= MAX_TAGS and file.label in (None, name)}
    if not tagged:
        return None
    tag = next((name for name, tags in tagged.items() if scheme_of(tags) != "none"), None)
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


def _has_words(column: Column, file: DataFile) -> bool:
    """Return whether the words are in a column: the one that the user names, or one with a usual name."""
    return column.name == file.text if file.text is not None else _WORD_NAME.fullmatch(column.name) is not None


def _are(kind: type | tuple[type, ...], column: Column) -> bool:
    """Return whether the items of all lists are of a type."""
    return all(isinstance(item, kind) for value in column.filled for item in value)


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
