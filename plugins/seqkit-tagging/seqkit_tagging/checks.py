"""The checks of this plugin's components, for `seqkit check-plugin` and for the tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from seqkit.contracts import Example
from seqkit.testing import (
    Check,
    checks_for_embedding,
    checks_for_encoder,
    checks_for_head,
    checks_for_reader,
    checks_for_tokenizer,
)
from seqkit_tagging.char_cnn import CharCNN
from seqkit_tagging.conll import Conll
from seqkit_tagging.crf import CRF
from seqkit_tagging.embedding import WordCharacterEmbedding
from seqkit_tagging.gazetteer import Gazetteer
from seqkit_tagging.tag import Tag
from seqkit_tagging.tokenizer import WordCharacterTokenizer
from seqkit_tagging.word_lists import WordLists
from seqkit_tagging.word_table import WordTable

EXAMPLES = [
    Example(words.split(), tags.split())
    for words, tags in (
        ("Ann Lee went to Rome .", "B-person I-person O O B-place O"),
        ("Rome is old", "B-place O O"),
        ("He met Bob", "O O B-person"),
        ("No", "O"),
        ("Bob likes New York and Ann", "B-person O B-place I-place O B-person"),
    )
]
SENTENCES = [example.input for example in EXAMPLES]


def conll() -> list[Check]:
    return checks_for_reader(
        lambda path: Conll(path=path),
        "In\tO\nParis\tB-place\n\nNo\tO\n",
        expected=[(["In", "Paris"], ["O", "B-place"]), (["No"], ["O"])],
        broken={"In\tO\n\nParis\n": 3},
    )


def word_table() -> list[Check]:
    header = "sentence,word,tag\n"
    return checks_for_reader(
        lambda path: WordTable(path=path),
        header + '1,In,O\n,Paris,B-place\n2,"""",O\n2,No,O\n',
        suffix=".csv",
        expected=[(["In", "Paris"], ["O", "B-place"]), (['"', "No"], ["O", "O"])],
        broken={"sentence,word\n1,In\n": 1, header + "1,In,O\n1,Paris\n": 3, header + "1,,O\n": 2},
    )


def word_lists() -> list[Check]:
    sample = '{"tokens": ["In", "Paris"], "tags": ["O", "B-place"]}\n\n{"tokens": ["No"], "tags": [0]}\n'
    return checks_for_reader(
        lambda path: WordLists(path=path),
        sample,
        suffix=".jsonl",
        expected=[(["In", "Paris"], ["O", "B-place"]), (["No"], ["0"])],
        broken={
            sample + "[]\n": 4,
            sample + '{"tokens": ["a"], "tags": ["O", "O"]}\n': 4,
            sample + '{"tokens": ["", "a"], "tags": ["O", "O"]}\n': 4,
            sample + '{"tags": ["O"]}\n': 4,
        },
    )


def tokenizer() -> list[Check]:
    texts = [check.named("texts") for check in checks_for_tokenizer(WordCharacterTokenizer)]
    words = checks_for_tokenizer(_tokenizer_with_all_features, texts=SENTENCES)
    return texts + [check.named("words") for check in words]


def gazetteer() -> list[Check]:
    return checks_for_tokenizer(lambda: _PlaceList(path=None), texts=SENTENCES)


class _PlaceList(Gazetteer):
    """A gazetteer with a file that lasts as long as `fit`."""

    def fit(self, texts: Iterable[str | Sequence[str]]) -> None:
        with TemporaryDirectory() as folder:
            self.path = Path(folder) / "places.txt"
            self.path.write_text("Rome\nNew York\nYork and Ann\n", encoding="utf-8")
            super().fit(texts)


def _tokenizer_with_all_features() -> WordCharacterTokenizer:
    return WordCharacterTokenizer(features=["shape", "suffix_2"], gazetteers=[lambda: _PlaceList(path=None)])


def embedding() -> list[Check]:
    def build(tokenizer: WordCharacterTokenizer) -> WordCharacterEmbedding:
        return WordCharacterEmbedding(
            tokenizer, characters=lambda size: CharCNN(size, filters=4), word_dim=5, char_dim=4
        )

    return checks_for_embedding(build, tokenizer=_tokenizer_with_all_features(), texts=SENTENCES)


def char_cnn() -> list[Check]:
    return checks_for_encoder(lambda input_size: CharCNN(input_size, filters=4))


def tag() -> list[Check]:
    plain = checks_for_head(
        lambda: Tag(scheme="none", class_weights="balanced"), EXAMPLES, tokenizer=WordCharacterTokenizer()
    )
    bio = checks_for_head(
        lambda: Tag(scheme="bio", constrained=True, probabilities=True, dropout=0.3, crop=3),
        EXAMPLES,
        tokenizer=WordCharacterTokenizer(),
    )
    return [check.named("none") for check in plain] + [check.named("bio") for check in bio]


def crf() -> list[Check]:
    return checks_for_head(
        lambda: CRF(scheme="bio", probabilities=True, dropout=0.3, mask=0.2),
        EXAMPLES,
        tokenizer=WordCharacterTokenizer(),
    )
