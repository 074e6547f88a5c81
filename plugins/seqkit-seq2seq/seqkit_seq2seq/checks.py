"""What `seqkit check-plugin` and the tests try these components on."""

from __future__ import annotations

from pathlib import Path

from seqkit.contracts import Example
from seqkit.testing import Check, checks_for_head, checks_for_reader
from seqkit.tokenizers.char import Char
from seqkit_seq2seq.dates import Dates
from seqkit_seq2seq.pairs import Pairs
from seqkit_seq2seq.translate import Translate

TSV = "good day\tguten Tag\nyes\tja\n"
EXPECTED = [("good day", "guten Tag"), ("yes", "ja")]
EXAMPLES = [Example("ab", "x"), Example("bca", "yx"), Example("c", "z"), Example("ccab", "zzy")]


def pairs() -> list[Check]:
    return checks_for_reader(
        lambda path: Pairs(path=path), TSV, suffix=".tsv", expected=EXPECTED, broken={TSV + "no\n": 3}
    )


def dates() -> list[Check]:
    def of_file(path: Path) -> Dates:
        return Dates(path=path)

    drawn = [check.named("drawn") for check in checks_for_reader(lambda: Dates(count=20))]
    return drawn + [check.named("file") for check in checks_for_reader(of_file, TSV, suffix=".tsv", expected=EXPECTED)]


def translate() -> list[Check]:
    tries = {
        "general": lambda: Translate(tokenizer=Char, hidden_size=12, dropout=0.3, max_length=8),
        "additive": lambda: Translate(tokenizer=Char, hidden_size=12, attention="additive", beam_size=3, max_length=8),
        "fed": lambda: Translate(tokenizer=Char, hidden_size=12, input_feeding=True, num_layers=2, max_length=8),
    }
    return [check.named(name) for name, head in tries.items() for check in checks_for_head(head, EXAMPLES)]
