from pathlib import Path
from types import SimpleNamespace

import torch
from seqkit_placeholder.embedding import Placeholder

import seqkit
from seqkit.testing import check_embedding

RECIPE = Path(__file__).parent.parent / "recipes" / "placeholder.yaml"


def test_contract() -> None:
    check_embedding(lambda tokenizer: Placeholder(tokenizer, dim=3))


def test_each_id_has_its_own_vector_of_length_one() -> None:
    embedding = Placeholder(SimpleNamespace(vocab_size=5), dim=3)
    vectors = embedding(torch.tensor([[0, 1, 2], [3, 4, 0]]))
    assert vectors.shape == (2, 3, embedding.output_size)
    torch.testing.assert_close(vectors.norm(dim=2), torch.ones(2, 3))
    assert torch.equal(vectors[0, 0], vectors[1, 2])
    assert len(vectors.flatten(0, 1).unique(dim=0)) == 5


def test_recipe_trains(tmp_path: Path) -> None:
    run = seqkit.run(RECIPE, runs=tmp_path, quiet=True)
    assert run.result["metrics"]["train"]["loss"] < run.result["baseline"]["loss"]
