"""Tag words that the tokenizer cuts into several tokens: `bpe`, and a WordPiece tokenizer of another author."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqkit
from seqkit.contracts import Tokenizer
from seqkit.errors import RecipeError, UnknownText
from seqkit.testing import checks_for_tokenizer, parametrize_with_checks

SENTENCES = [("played", "V"), ("plays", "V"), ("Annas", "N"), ("Annaed", "N"), ("walked", "V"), ("Bobs", "N")]


class WordPiece(Tokenizer):
    """A word is one of a few stems and endings, `[CLS]` precedes and `[SEP]` follows them."""

    takes_words = True
    cuts_words = True
    pieces = ("[CLS]", "[SEP]", "play", "walk", "Anna", "Bob", "##ed", "##s")
    vocab_size = len(pieces)

    def fit(self, texts: Iterable[Any]) -> None:
        pass

    def words(self, text: str) -> list[str]:
        return text.split()

    def encode(self, text: str | Sequence[str]) -> np.ndarray:
        return self.encode_words(text)[0]

    def encode_words(self, text: str | Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        ids, indices = [0], [-1]
        for number, word in enumerate(text.split() if isinstance(text, str) else text):
            stem = next((piece for piece in self.pieces if word.startswith(piece)), "")
            pieces = [stem, f"##{word[len(stem) :]}"] if word != stem else [stem]
            if not set(pieces) <= set(self.pieces):
                raise UnknownText(f"the word '{word}' is not in the vocabulary")
            ids += [self.pieces.index(piece) for piece in pieces]
            indices += [number] * len(pieces)
        return np.array([*ids, 1]), np.array([*indices, -1])

    def encode_prompt(self, text: str) -> np.ndarray:
        return self.encode(text)[:-1]

    def decode(self, ids: Sequence[int]) -> str:
        return " ".join(self.pieces[number] for number in ids if number > 1).replace(" ##", "")

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        pass


@parametrize_with_checks(checks_for_tokenizer(WordPiece, texts=["Anna played", "Bobs walks", "plays"]))
def test_the_tokenizer_of_this_module(check: Any) -> None:
    check()


def recipe(tmp_path: Path, tokenizer: dict[str, Any], head: dict[str, Any], count: int = 40) -> dict[str, Any]:
    generator = np.random.default_rng(1)
    sentences = [generator.permutation(len(SENTENCES))[:length] for length in generator.integers(1, 5, count)]
    text = "\n\n".join("\n".join("\t".join(SENTENCES[number]) for number in sentence) for sentence in sentences)
    (tmp_path / "train.tsv").write_text(text + "\n", encoding="utf-8")
    return {
        "name": "subwords",
        "data": {"type": "conll", "path": str(tmp_path / "train.tsv")},
        "tokenizer": tokenizer,
        "embedding": {"type": "learned", "dim": 12},
        "encoder": {"type": "bilstm", "hidden_size": 12},
        "head": head,
        "train": {"epochs": 12, "batch_size": 8, "optimizer": {"type": "adam", "lr": 0.03}, "device": "cpu"},
    }


@pytest.mark.parametrize("subwords", ["first", "last", "mean"])
@pytest.mark.parametrize("head", ["tag", "crf"])
def test_words_of_several_tokens_are_tagged(tmp_path: Path, head: str, subwords: str) -> None:
    settings = recipe(tmp_path, {"type": "bpe", "vocab_size": 262}, {"type": head, "subwords": subwords})
    run = seqkit.run(settings, runs=tmp_path)
    assert run.result["metrics"]["train"]["accuracy"] == 1.0
    (prediction,) = seqkit.load(run.path).predict(["plays Bobs Annaed"])
    assert (prediction["words"], prediction["tags"]) == (["plays", "Bobs", "Annaed"], ["V", "N", "N"])
    assert run.predict([["plays", "Bobs", "Annaed"]])[0]["tags"] == ["V", "N", "N"]
    assert run.evaluate([(["walked", "Annas"], ["V", "N"])])["accuracy"] == 1.0
    (error,) = run.errors([(["walked", "Annas"], ["V", "V"])])
    assert (error["truth"], error["prediction"], error["word"], error["start"]) == ("V", "N", "Annas", 1)
    assert run.evaluate(split="train", again=True)["accuracy"] == 1.0


def test_a_tokenizer_of_another_author_tags_and_classifies(tmp_path: Path) -> None:
    seqkit.register("tokenizer", "word_piece", WordPiece)
    settings = recipe(tmp_path, {"type": "word_piece"}, {"type": "tag"})
    run = seqkit.run(settings, runs=tmp_path)
    assert run.result["metrics"]["train"]["accuracy"] == 1.0
    assert run.predict([["Anna", "walks"], ["plays"]])[1]["tags"] == ["V"]

    table = "\n".join(["text,label", *(f"{word},{tag}" for word, tag in 4 * SENTENCES)])
    (tmp_path / "train.csv").write_text(table, encoding="utf-8")
    settings["data"] = {"type": "table", "path": str(tmp_path / "train.csv")}
    run = seqkit.run(settings | {"head": {"type": "classify"}}, runs=tmp_path)
    assert run.result["metrics"]["train"]["accuracy"] == 1.0


def test_words_of_pairs_cannot_be_tagged(tmp_path: Path) -> None:
    settings = recipe(tmp_path, {"type": "bpe"}, {"type": "tag"})
    (tmp_path / "pairs.csv").write_text("text,second,label\na,b,x\n", encoding="utf-8")
    settings["data"] = {"type": "table", "path": str(tmp_path / "pairs.csv"), "text_pair": "second"}
    with pytest.raises(RecipeError, match="'tag' predicts for each word of one text, and the reader yields pairs of"):
        seqkit.run(settings, runs=tmp_path)
