"""What this plugin adds to seqkit, by name: each class is imported when a recipe uses it."""

from __future__ import annotations

from collections.abc import Iterator

import seqkit


@seqkit.hookimpl
def seqkit_readers() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "conll",
        "seqkit_tagging.conll:Conll",
        "sentences with a word and its tag a line",
        checks="seqkit_tagging.checks:conll",
    )


@seqkit.hookimpl
def seqkit_tokenizers() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "words_and_characters",
        "seqkit_tagging.tokenizer:WordsAndCharacters",
        "a word's id beside its characters'",
        checks="seqkit_tagging.checks:tokenizer",
    )


@seqkit.hookimpl
def seqkit_embeddings() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "words_and_characters",
        "seqkit_tagging.embedding:WordsAndCharacters",
        "a learned vector for each word beside what an encoder makes of its characters",
        checks="seqkit_tagging.checks:embedding",
    )


@seqkit.hookimpl
def seqkit_encoders() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "char_cnn",
        "seqkit_tagging.char_cnn:CharCNN",
        "a convolution and the maximum over it, for a word's characters",
        checks="seqkit_tagging.checks:char_cnn",
    )


@seqkit.hookimpl
def seqkit_heads() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "tag", "seqkit_tagging.tag:Tag", "a tag for each word, each by itself", checks="seqkit_tagging.checks:tag"
    )
    yield seqkit.Component(
        "crf",
        "seqkit_tagging.crf:Crf",
        "a tag for each word, by a linear-chain CRF",
        checks="seqkit_tagging.checks:crf",
    )
