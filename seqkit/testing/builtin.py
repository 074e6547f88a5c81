"""Checks of the built-in components. The `checks` functions of a plugin look like these."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.contracts import Example
from seqkit.embeddings.bigrams import Bigrams
from seqkit.embeddings.char_ngrams import CharNgrams
from seqkit.embeddings.concat import Concat
from seqkit.embeddings.learned import Learned
from seqkit.embeddings.one_hot import OneHot
from seqkit.embeddings.pretrained import Pretrained
from seqkit.embeddings.scaled import Scaled
from seqkit.encoders.lstm import LSTM, BiLSTM
from seqkit.encoders.projected import Projected
from seqkit.encoders.stacked import Stacked
from seqkit.heads.classify import Classify
from seqkit.heads.multi_label import MultiLabel
from seqkit.heads.next_char import NextChar
from seqkit.heads.regress import Regress
from seqkit.optimizers.adam import Adam, AdamW, NAdam
from seqkit.optimizers.rmsprop import RMSprop
from seqkit.optimizers.sgd import SGD
from seqkit.readers.sequences import Sequences
from seqkit.readers.table import Table
from seqkit.readers.text import Text
from seqkit.schedules.decay import Constant, Cosine, Linear, Step
from seqkit.schedules.one_cycle import OneCycle
from seqkit.schedules.plateau import Plateau
from seqkit.testing.checks import Check
from seqkit.testing.embedding import checks_for_embedding
from seqkit.testing.encoder import checks_for_encoder
from seqkit.testing.head import checks_for_head
from seqkit.testing.optimizer import checks_for_optimizer
from seqkit.testing.reader import checks_for_reader
from seqkit.testing.schedule import checks_for_schedule
from seqkit.testing.tokenizer import checks_for_tokenizer
from seqkit.tokenizers.bpe import BPE
from seqkit.tokenizers.byte import Byte
from seqkit.tokenizers.char import Char
from seqkit.tokenizers.word import Word

LABELLED = [
    Example("good", "glad"),
    Example("a bad thing", "sad"),
    Example("nice one", "glad"),
    Example("so awful", "sad"),
    Example("x", "none"),
]
TEXTS = [Example("abcdefgh"), Example("bdfhac"), Example("hgfe")]


def variants(checks: dict[str, list[Check]]) -> list[Check]:
    """Return the checks of a component with several settings, with the name of the setting in the name of the check."""
    return [check.named(setting) for setting, of_setting in checks.items() for check in of_setting]


def text() -> list[Check]:
    sample = "first line\n\nsecond line, 第二\n"
    lines = [("first line", None), ("second line, 第二", None)]
    return variants(
        {
            "one example": checks_for_reader(lambda path: Text(path=path), sample, expected=[(sample, None)]),
            "lines": checks_for_reader(lambda path: Text(path=path, unit="line"), sample, expected=lines),
            "in the recipe": checks_for_reader(lambda: Text(text=sample)),
        }
    )


def table() -> list[Check]:
    pairs = [("good, really", "1"), ("bad", "0")]
    csv = 'text,label\n"good, really",1\nbad,0\n'
    tsv = "text\tlabel\ngood, really\t1\nbad\t0\n"
    jsonl = '{"text": "good, really", "label": 1}\n{"text": "bad", "label": 0}\n'

    def checks(sample: str, suffix: str, broken: dict[str, int]) -> list[Check]:
        return checks_for_reader(lambda path: Table(path=path), sample, suffix=suffix, expected=pairs, broken=broken)

    return variants(
        {
            "csv": checks(csv, ".csv", {"text\ngood\n": 1, csv + "one,two,three\n": 4, csv + '"open,1\n': 4}),
            "tsv": checks(tsv, ".tsv", {tsv + "alone\n": 4, tsv + "\t1\n": 4}),
            "jsonl": checks(jsonl, ".jsonl", {jsonl + "[]\n": 3, jsonl + "{\n": 3, jsonl + '{"text": "x"}\n': 3}),
        }
    )


def sequences() -> list[Check]:
    sample = '{"sequence": [[0.5, 1], [2, 3]], "label": "up"}\n{"sequence": [[4, 5]], "label": 1}\n'
    expected = [(np.array([[0.5, 1], [2, 3]]), "up"), (np.array([[4.0, 5]]), "1")]
    broken = {
        sample + "[]\n": 3,
        sample + '{"sequence": [[1]], "label": 1}\n': 3,
        sample + '{"sequence": [], "label": 1}\n': 3,
        sample + '{"sequence": [[1, 2]]}\n': 3,
    }
    return checks_for_reader(
        lambda path: Sequences(path=path), sample, suffix=".jsonl", expected=expected, broken=broken
    )


def char() -> list[Check]:
    return variants(
        {
            "error": checks_for_tokenizer(Char),
            "mark": checks_for_tokenizer(lambda: Char(unknown="mark", min_count=2)),
            "skip": checks_for_tokenizer(lambda: Char(unknown="skip", max_length=9)),
        }
    )


def byte() -> list[Check]:
    return checks_for_tokenizer(Byte)


def bpe() -> list[Check]:
    words = [["In", "Beijing", "Sarah", "bought", "apples", "."], ["100", "apples", "我今天很开心"]]
    return variants(
        {
            "texts": checks_for_tokenizer(lambda: BPE(vocab_size=300)),
            "truncated": checks_for_tokenizer(lambda: BPE(vocab_size=270, max_length=9)),
            "words": checks_for_tokenizer(lambda: BPE(vocab_size=300), texts=words),
        }
    )


def word() -> list[Check]:
    return variants(
        {
            "error": checks_for_tokenizer(Word),
            "mark": checks_for_tokenizer(lambda: Word(unknown="mark", lower=True, max_length=3)),
            "skip": checks_for_tokenizer(lambda: Word(unknown="skip")),
        }
    )


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


def torch_lstm(encoder: Any, inputs: Tensor) -> Tensor:
    """Return the outputs of torch.nn.LSTM with the weights of an `lstm` or `bilstm`, as a reference.

    Args:
        encoder: an `LSTM` or `BiLSTM`.
        inputs: (batch, time, input_size), without padding.
    """
    layers, first = encoder.layers, encoder.layers.cells[0]
    reference = nn.LSTM(
        first.input_size,
        first.hidden_size,
        layers.num_layers,
        bias=first.bias,
        batch_first=True,
        bidirectional=layers.directions == 2,
        proj_size=first.proj_size,
    )
    weights = [weight for cell in layers.cells for weight in cell.parameters()]
    with torch.no_grad():
        for parameter, weight in zip(reference.parameters(), weights, strict=True):
            parameter.copy_(weight)
        return reference(inputs)[0]


def lstm() -> list[Check]:
    def deep(size: int) -> LSTM:
        return LSTM(size, hidden_size=5, num_layers=3, proj_size=2, bias=False, dropout=0.3)

    return variants(
        {
            "one layer": checks_for_encoder(lambda size: LSTM(size, hidden_size=4), reference=torch_lstm),
            "three layers, projected": checks_for_encoder(deep, reference=torch_lstm),
            "ids": checks_for_encoder(lambda size: LSTM(size, hidden_size=2), input_size=11, reference=torch_lstm),
            "regularized": checks_for_encoder(
                lambda size: LSTM(
                    size,
                    hidden_size=4,
                    input_dropout=0.2,
                    output_dropout=0.3,
                    variational=True,
                    weight_dropout=0.4,
                ),
                reference=torch_lstm,
            ),
        }
    )


def bilstm() -> list[Check]:
    return variants(
        {
            "two layers": checks_for_encoder(
                lambda size: BiLSTM(size, hidden_size=4, num_layers=2, dropout=0.3), reference=torch_lstm
            ),
            "projected": checks_for_encoder(
                lambda size: BiLSTM(size, hidden_size=5, proj_size=3), reference=torch_lstm
            ),
        }
    )


def stacked() -> list[Check]:
    def lower(size: int) -> LSTM:
        return LSTM(size, hidden_size=4)

    return variants(
        {
            "two forward layers": checks_for_encoder(
                lambda size: Stacked(size, layers=[lower, lambda size: LSTM(size, hidden_size=3)], dropout=0.3)
            ),
            "bidirectional below": checks_for_encoder(
                lambda size: Stacked(size, layers=[lambda size: BiLSTM(size, hidden_size=2), lower])
            ),
        }
    )


def projected() -> list[Check]:
    return variants(
        {
            "lstm": checks_for_encoder(
                lambda size: Projected(size, encoder=lambda size: LSTM(size, hidden_size=4), proj_size=2)
            ),
            "bilstm": checks_for_encoder(
                lambda size: Projected(size, encoder=lambda size: BiLSTM(size, hidden_size=4), proj_size=3, bias=False)
            ),
        }
    )


def next_char() -> list[Check]:
    return variants(
        {
            "step": checks_for_head(lambda: NextChar(dropout=0.3), TEXTS),
            "prefix": checks_for_head(lambda: NextChar(objective="prefix", context=5), TEXTS),
            "tied": checks_for_head(lambda: NextChar(tied=True, label_smoothing=0.1), TEXTS),
            "noise": checks_for_head(lambda: NextChar(noise=0.3), TEXTS),
        }
    )


def classify() -> list[Check]:
    return variants(
        {
            "final": checks_for_head(lambda: Classify(class_weights="balanced", dropout=0.3), LABELLED),
            "mean": checks_for_head(lambda: Classify(pooling="mean", label_smoothing=0.1), LABELLED),
            "max": checks_for_head(lambda: Classify(pooling="max", crop=3, noise=0.2), LABELLED),
            "n-grams": checks_for_head(
                lambda: Classify(pooling=["final", "attention"], ngrams=3, ngram_buckets=64), LABELLED
            ),
        }
    )


def multi_label() -> list[Check]:
    examples = [
        replace(example, target=labels)
        for example, labels in zip(LABELLED, (["a", "b"], ["b"], ["c"], ["a"], []), strict=True)
    ]
    return variants(
        {
            "final": checks_for_head(lambda: MultiLabel(dropout=0.3), examples),
            "n-grams": checks_for_head(lambda: MultiLabel(pooling=["mean"], ngrams=2, ngram_buckets=64), examples),
            "noise": checks_for_head(lambda: MultiLabel(crop=3, noise=0.2), examples),
        }
    )


def regress() -> list[Check]:
    def numbered(*targets: Any) -> list[Example]:
        return [replace(example, target=target) for example, target in zip(LABELLED, targets, strict=True)]

    return variants(
        {
            "one number": checks_for_head(lambda: Regress(dropout=0.3), numbered("1.5", "-2", "3", "0.25", "9")),
            "two numbers": checks_for_head(
                lambda: Regress(loss="huber", pooling="attention", ngrams=2, ngram_buckets=64),
                numbered([1.5, 7], [-2, 8], [3, 9], [0.25, 7], [9, 5]),
            ),
            "noise": checks_for_head(lambda: Regress(crop=3, noise=0.2), numbered("1.5", "-2", "3", "0.25", "9")),
        }
    )


def _optimizer(cls: Any, **settings: Any) -> list[Check]:
    """Return the checks of an optimizer with its defaults, and with all its parts in use."""
    settings |= {"weight_decay": 0.1, "exempt_biases": True}
    return variants(
        {
            "defaults": checks_for_optimizer(cls),
            "all parts": checks_for_optimizer(lambda parameters: cls(parameters, **settings)),
        }
    )


def adam() -> list[Check]:
    return _optimizer(Adam)


def adamw() -> list[Check]:
    return _optimizer(AdamW)


def nadam() -> list[Check]:
    return _optimizer(NAdam)


def sgd() -> list[Check]:
    return _optimizer(SGD, momentum=0.9, nesterov=True)


def rmsprop() -> list[Check]:
    return _optimizer(RMSprop, momentum=0.5)


def _schedule(cls: Any, **settings: Any) -> list[Check]:
    """Return the checks of a schedule with its defaults, and with other settings."""
    return variants({"defaults": checks_for_schedule(cls), "settings": checks_for_schedule(lambda: cls(**settings))})


def constant() -> list[Check]:
    return _schedule(Constant, warmup=3)


def step() -> list[Check]:
    return _schedule(Step, warmup=3, every=2, gamma=0.1)


def linear() -> list[Check]:
    return _schedule(Linear, warmup=3, final=0.1)


def cosine() -> list[Check]:
    return _schedule(Cosine, warmup=3, final=0.1)


def one_cycle() -> list[Check]:
    return _schedule(OneCycle, rise=0.6, initial=0.5, final=0.0)


def plateau() -> list[Check]:
    return _schedule(Plateau, warmup=3, patience=1, gamma=0.3, final=0.01)
