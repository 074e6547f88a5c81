"""The checks of the built-in readers, named by their registrations."""

from __future__ import annotations

import numpy as np

from seqkit.readers.fasttext import FastText
from seqkit.readers.sequences import Sequences
from seqkit.readers.table import Table
from seqkit.readers.text import Text
from seqkit.testing.checks import Check, variants
from seqkit.testing.reader import checks_for_reader


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


def fasttext() -> list[Check]:
    sample = "__label__pos good, really\n\n__label__neg bad\n"
    several = "__label__bed __label__food good\nbad\n"
    return variants(
        {
            "one": checks_for_reader(
                lambda path: FastText(path=path),
                sample,
                expected=[("good, really", "pos"), ("bad", "neg")],
                broken={sample + "alone\n": 4, sample + "__label__pos\n": 4, sample + several: 4},
            ),
            "several": checks_for_reader(
                lambda path: FastText(path=path, labels="several"),
                several,
                expected=[("good", ["bed", "food"]), ("bad", [])],
                broken={several + "__label__bed\n": 3},
            ),
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
