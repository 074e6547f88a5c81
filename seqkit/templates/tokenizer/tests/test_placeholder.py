import json
from pathlib import Path

import pytest
from seqkit_placeholder.tokenizer import Placeholder

import seqkit
from seqkit.testing import check_tokenizer

RECIPE = Path(__file__).parent.parent / "recipes" / "placeholder.yaml"
TEXTS = ["At eight", "ÄÖÜ ß", "İstanbul, ΣΑΣ", "北京 ABC", ""]


def test_contract() -> None:
    check_tokenizer(Placeholder)


@pytest.mark.parametrize("text", TEXTS)
def test_decode_restores_the_text(text: str) -> None:
    tokenizer, again = Placeholder(), Placeholder()
    tokenizer.fit(TEXTS)
    again.restore(json.loads(json.dumps(tokenizer.state())))
    ids = again.encode(text)
    assert all(0 <= number < again.vocab_size for number in ids)
    assert again.decode(ids.tolist()) == text


def test_capital_is_a_mark_and_the_small_letter() -> None:
    tokenizer = Placeholder()
    tokenizer.fit(["ab", "A"])
    assert tokenizer.encode("aBA").tolist() == [1, 0, 2, 0, 1]
    assert tokenizer.vocab_size == 3


def test_unknown_character() -> None:
    tokenizer = Placeholder()
    tokenizer.fit(["ab"])
    with pytest.raises(seqkit.DataError, match="'c', character 3 of the text, is not in the vocabulary"):
        tokenizer.encode("abc")


def test_recipe_trains(tmp_path: Path) -> None:
    run = seqkit.run(RECIPE, runs=tmp_path, quiet=True)
    assert run.result["metrics"]["train"]["loss"] < run.result["baseline"]["loss"]
