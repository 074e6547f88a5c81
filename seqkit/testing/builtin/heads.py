"""The checks of the built-in heads, named by their registrations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from seqkit.contracts import Example
from seqkit.heads.classify import Classify
from seqkit.heads.multi_label import MultiLabel
from seqkit.heads.next_char import NextChar
from seqkit.heads.regress import Regress
from seqkit.testing.checks import Check, variants
from seqkit.testing.head import checks_for_head

LABELLED = [
    Example("good", "glad"),
    Example("a bad thing", "sad"),
    Example("nice one", "glad"),
    Example("so awful", "sad"),
    Example("x", "none"),
]
TEXTS = [Example("abcdefgh"), Example("bdfhac"), Example("hgfe")]


def next_char() -> list[Check]:
    return variants(
        {
            "step": checks_for_head(lambda: NextChar(dropout=0.3), TEXTS),
            "prefix": checks_for_head(lambda: NextChar(objective="prefix", context=5), TEXTS),
            "tied": checks_for_head(lambda: NextChar(tied=True, label_smoothing=0.1), TEXTS),
            "noise": checks_for_head(lambda: NextChar(noise=0.3), TEXTS),
            "mask": checks_for_head(lambda: NextChar(mask=0.3), TEXTS),
            "whole_texts": checks_for_head(lambda: NextChar(whole_texts=True), TEXTS),
        }
    )


def classify() -> list[Check]:
    return variants(
        {
            "final": checks_for_head(lambda: Classify(class_weights="balanced", dropout=0.3), LABELLED),
            "mean": checks_for_head(lambda: Classify(pooling="mean", label_smoothing=0.1), LABELLED),
            "max": checks_for_head(lambda: Classify(pooling="max", crop=3, noise=0.2, mask=0.2), LABELLED),
            "n-grams": checks_for_head(lambda: Classify(pooling=["final", "attention"], ngrams=3), LABELLED),
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
            "n-grams": checks_for_head(lambda: MultiLabel(pooling=["mean"], ngrams=2), examples),
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
                lambda: Regress(loss="huber", pooling="attention", ngrams=2),
                numbered([1.5, 7], [-2, 8], [3, 9], [0.25, 7], [9, 5]),
            ),
            "noise": checks_for_head(lambda: Regress(crop=3, noise=0.2), numbered("1.5", "-2", "3", "0.25", "9")),
        }
    )
