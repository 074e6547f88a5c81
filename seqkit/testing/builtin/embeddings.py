"""The checks of the built-in embeddings, named by their registrations."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from seqkit.embeddings.bigrams import Bigrams
from seqkit.embeddings.char_ngrams import CharNgrams
from seqkit.embeddings.concat import Concat
from seqkit.embeddings.learned import Learned
from seqkit.embeddings.one_hot import OneHot
from seqkit.embeddings.pretrained import Pretrained
from seqkit.embeddings.scaled import Scaled
from seqkit.testing.checks import Check, variants
from seqkit.testing.embedding import checks_for_embedding
from seqkit.tokenizers.word import Word


def one_hot() -> list[Check]:
    return checks_for_embedding(OneHot)


def learned() -> list[Check]:
    return variants(
        {
            "dropout": checks_for_embedding(lambda tokenizer: Learned(tokenizer, dim=4, dropout=0.3)),
            "word dropout": checks_for_embedding(lambda tokenizer: Learned(tokenizer, dim=4, word_dropout=0.3)),
        }
    )


def pretrained() -> list[Check]:
    def build(tokenizer: Any, **parameters: Any) -> Pretrained:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "vectors.txt"
            path.write_text("a 0.5 -1\nt 1 0.25\nh -0.5 2\n", encoding="utf-8")
            return Pretrained(tokenizer, path=path, **parameters)

    return variants(
        {
            "frozen": checks_for_embedding(build),
            "trainable": checks_for_embedding(lambda tokenizer: build(tokenizer, trainable=True, dropout=0.3)),
        }
    )


def char_ngrams() -> list[Check]:
    build = partial(CharNgrams, dim=4, min_n=1, max_n=3, buckets=50)
    return variants(
        {
            "characters": checks_for_embedding(partial(build, word_dropout=0.3)),
            "words": checks_for_embedding(partial(build, dropout=0.3), tokenizer=Word(unknown="mark", min_count=2)),
        }
    )


def bigrams() -> list[Check]:
    build = partial(Bigrams, dim=3, buckets=60, min_count=1)
    return variants(
        {
            "next": checks_for_embedding(build),
            "previous": checks_for_embedding(partial(build, pairs="previous", dropout=0.3)),
            "both": checks_for_embedding(partial(build, pairs="both"), tokenizer=Word(unknown="mark")),
        }
    )


def concat() -> list[Check]:
    def build(tokenizer: Any) -> Concat:
        inner: list[Any] = [OneHot, partial(Learned, dim=3), partial(Learned, dim=2, dropout=0.3)]
        return Concat(tokenizer, embeddings=inner, word_dropout=0.3)

    return checks_for_embedding(build)


def scaled() -> list[Check]:
    return variants(
        {
            "standard": checks_for_embedding(Scaled, width=3),
            "min_max": checks_for_embedding(lambda width: Scaled(width, by="min_max"), width=3),
            "robust": checks_for_embedding(lambda width: Scaled(width, by="robust"), width=3),
        }
    )
