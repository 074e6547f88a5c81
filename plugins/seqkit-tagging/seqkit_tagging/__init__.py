"""The components of this plugin, by name. A class is imported only when a recipe uses it."""

from __future__ import annotations

from collections.abc import Iterator

import seqkit
from seqkit.messages import message


@seqkit.hookimpl
def seqkit_readers() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "conll",
        "seqkit_tagging.conll:Conll",
        message("sentences in columns, one word and its tag per line"),
        checks="seqkit_tagging.checks:conll",
    )
    yield seqkit.Component(
        "word_table",
        "seqkit_tagging.word_table:WordTable",
        message("sentences in a csv file with a row for each word"),
        checks="seqkit_tagging.checks:word_table",
    )
    yield seqkit.Component(
        "word_lists",
        "seqkit_tagging.word_lists:WordLists",
        message("sentences in JSON Lines, with lists of words and tags"),
        checks="seqkit_tagging.checks:word_lists",
    )


@seqkit.hookimpl
def seqkit_tokenizers() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "words_and_characters",
        "seqkit_tagging.tokenizer:WordCharacterTokenizer",
        message("the id of each word and the ids of its characters"),
        checks="seqkit_tagging.checks:tokenizer",
    )
    yield seqkit.Component(
        "gazetteer",
        "seqkit_tagging.gazetteer:Gazetteer",
        message("the entries of a list of names in a text"),
        checks="seqkit_tagging.checks:gazetteer",
    )


@seqkit.hookimpl
def seqkit_embeddings() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "words_and_characters",
        "seqkit_tagging.embedding:WordCharacterEmbedding",
        message("a learned word vector and the encoded characters of the word, concatenated"),
        checks="seqkit_tagging.checks:embedding",
    )


@seqkit.hookimpl
def seqkit_encoders() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "char_cnn",
        "seqkit_tagging.char_cnn:CharCNN",
        message("a convolution and max pooling over the characters of a word"),
        checks="seqkit_tagging.checks:char_cnn",
    )


@seqkit.hookimpl
def seqkit_heads() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "tag",
        "seqkit_tagging.tag:Tag",
        message("a tag for each word, predicted independently"),
        checks="seqkit_tagging.checks:tag",
    )
    yield seqkit.Component(
        "crf",
        "seqkit_tagging.crf:CRF",
        message("a tag for each word, by a linear-chain CRF"),
        checks="seqkit_tagging.checks:crf",
    )


@seqkit.hookimpl
def seqkit_tasks() -> Iterator[seqkit.Task]:
    yield seqkit.Task("tag", "seqkit_tagging.tasks:tag", message("a tag for each word"))
