"""Every component keeps seqkit's contracts, by the checks that seqkit ships."""

from __future__ import annotations

from pathlib import Path

import pytest
from seqkit_tagging.char_cnn import CharCNN
from seqkit_tagging.conll import Conll
from seqkit_tagging.crf import Crf
from seqkit_tagging.embedding import WordsAndCharacters as Vectors
from seqkit_tagging.tag import Tag
from seqkit_tagging.tokenizer import WordsAndCharacters as Ids

from seqkit.testing import check_embedding, check_encoder, check_head, check_reader, check_tokenizer

CORPUS = Path(__file__).parent.parent / "recipes" / "data" / "visits" / "test.conll"
EXAMPLES = list(Conll(path=CORPUS).read())[:6]
WORDS = [example.input for example in EXAMPLES]


def ids() -> Ids:
    fitted = Ids()
    fitted.fit(WORDS)
    return fitted


def test_conll() -> None:
    check_reader(
        lambda path: Conll(path=path),
        "In\tO\nParis\tB-place\n\nNo\tO\n",
        expected=[(["In", "Paris"], ["O", "B-place"]), (["No"], ["O"])],
        broken={"In\tO\n\nParis\n": 3},
    )


def test_the_tokenizer() -> None:
    check_tokenizer(Ids, texts=WORDS)
    check_tokenizer(Ids)


def test_the_embedding() -> None:
    check_embedding(
        lambda tokenizer: Vectors(tokenizer, characters=lambda size: CharCNN(size, filters=4), word_dim=5, char_dim=4),
        tokenizer=ids(),
        texts=WORDS,
    )


def test_char_cnn() -> None:
    check_encoder(lambda input_size: CharCNN(input_size, filters=4))


@pytest.mark.parametrize(("cls", "scheme"), [(Tag, "none"), (Crf, "bio")])
def test_the_heads(cls: type[Tag] | type[Crf], scheme: str) -> None:
    check_head(lambda: cls(scheme=scheme), EXAMPLES, tokenizer=ids())
