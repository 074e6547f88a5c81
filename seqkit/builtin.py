"""What seqkit ships, registered through the same hooks as a plugin: names, targets, summaries, checks; no imports."""

from __future__ import annotations

from collections.abc import Iterator

from seqkit.hookspecs import Component, hookimpl


@hookimpl
def seqkit_readers() -> Iterator[Component]:
    yield Component(
        "text",
        "seqkit.readers.text:Text",
        "plain text from a file or from the recipe itself",
        "seqkit.testing.builtin:text",
    )
    yield Component(
        "table",
        "seqkit.readers.table:Table",
        "csv, tsv or jsonl with a text and a label column",
        "seqkit.testing.builtin:table",
    )


@hookimpl
def seqkit_tokenizers() -> Iterator[Component]:
    yield Component("char", "seqkit.tokenizers.char:Char", "one id a character", "seqkit.testing.builtin:char")
    yield Component(
        "byte",
        "seqkit.tokenizers.byte:Byte",
        "one id a byte of UTF-8: no text is unknown",
        "seqkit.testing.builtin:byte",
    )
    yield Component(
        "word",
        "seqkit.tokenizers.word:Word",
        "Unicode words, punctuation, and Chinese by character",
        "seqkit.testing.builtin:word",
    )


@hookimpl
def seqkit_embeddings() -> Iterator[Component]:
    yield Component(
        "one_hot",
        "seqkit.embeddings.one_hot:OneHot",
        "a 1 in the id's place, nothing to learn",
        "seqkit.testing.builtin:one_hot",
    )
    yield Component(
        "learned", "seqkit.embeddings.learned:Learned", "a learned vector for each id", "seqkit.testing.builtin:learned"
    )
    yield Component(
        "scaled",
        "seqkit.embeddings.scaled:Scaled",
        "features, each brought to a common scale",
        "seqkit.testing.builtin:scaled",
    )


@hookimpl
def seqkit_encoders() -> Iterator[Component]:
    yield Component(
        "lstm", "seqkit.encoders.lstm:LSTM", "an LSTM that reads forwards: causal", "seqkit.testing.builtin:lstm"
    )
    yield Component(
        "bilstm", "seqkit.encoders.bilstm:BiLSTM", "an LSTM that reads both ways", "seqkit.testing.builtin:bilstm"
    )
    yield Component(
        "stacked", "seqkit.encoders.stacked:Stacked", "encoders on top of one another", "seqkit.testing.builtin:stacked"
    )
    yield Component(
        "projected",
        "seqkit.encoders.projected:Projected",
        "a linear projection of any encoder",
        "seqkit.testing.builtin:projected",
    )


@hookimpl
def seqkit_heads() -> Iterator[Component]:
    yield Component(
        "next_char",
        "seqkit.heads.next_char:NextChar",
        "predicts the next character, and writes on",
        "seqkit.testing.builtin:next_char",
    )
    yield Component(
        "classify",
        "seqkit.heads.classify:Classify",
        "a label for the whole sequence",
        "seqkit.testing.builtin:classify",
    )
    yield Component(
        "sentiment",
        "seqkit.heads.classify:Classify",
        "the same head as classify, by its best-known use",
        "seqkit.testing.builtin:classify",
    )
