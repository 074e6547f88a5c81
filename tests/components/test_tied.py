"""Tests of the output layer that shares its weight with the embedding, and of label smoothing in `next_char`."""

from __future__ import annotations

import copy
import json
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.numpy import load_file
from torch import Tensor, nn

import seqkit
from helpers.commands import error_line
from helpers.recipes import GENERATION_RECIPE
from helpers.runs import data_error_line, load_and_evaluate, load_and_use
from seqkit.contracts import Batch, Encoded
from seqkit.embeddings.concat import Concat
from seqkit.embeddings.learned import Learned
from seqkit.embeddings.one_hot import OneHot
from seqkit.embeddings.pretrained import Pretrained
from seqkit.encoders.lstm import LSTM
from seqkit.heads.next_char import NextChar
from seqkit.layers.tied import TiedLinear
from seqkit.modeling.model import Model
from seqkit.tokenizers.char import Char

TEXT, WIDTH = "abacabd", 6
TIED_RECIPE = GENERATION_RECIPE | {
    "embedding": {"type": "learned", "dim": 6},
    "head": {"type": "next_char", "tied": True},
}


def char_tokenizer() -> Char:
    tokenizer = Char()
    tokenizer.fit([TEXT])
    return tokenizer


def tied_model(**parameters: Any) -> Any:
    tokenizer = char_tokenizer()
    embedding, encoder, head = (
        Learned(tokenizer, dim=WIDTH, **parameters),
        LSTM(WIDTH, hidden_size=WIDTH),
        NextChar(tied=True),
    )
    head.fit([], tokenizer)
    head.build(encoder.output_size, encoder.final_size, embedding=embedding)
    return Model(embedding, encoder, head)  # type: ignore[arg-type]


def text_batch(tokenizer: Char) -> Batch:
    ids = torch.from_numpy(tokenizer.encode(TEXT))[None]
    lengths = torch.tensor([ids.shape[1] - 1])
    return Batch(ids[:, :-1], lengths, ids[:, 1:], lengths)


def test_loss_and_gradients_equal_plain_torch() -> None:
    torch.manual_seed(0)
    model = tied_model().double()
    with torch.no_grad():
        model.head.output.bias.normal_()
    batch = text_batch(char_tokenizer())
    loss = model(batch)[0].total
    table = model.embedding.vectors.weight.detach().clone().requires_grad_()
    reference = nn.LSTM(WIDTH, WIDTH, batch_first=True).double()
    reference.load_state_dict(model.encoder.layers.cells[0].state_dict())
    hidden = reference(nn.functional.embedding(batch.inputs, table))[0]
    logits = hidden @ table.T / WIDTH**0.5 + model.head.output.bias
    assert batch.targets is not None
    expected = nn.functional.cross_entropy(logits[0], batch.targets[0], reduction="sum")
    assert torch.allclose(loss, expected, rtol=0, atol=1e-12)
    (actual_gradient,) = torch.autograd.grad(loss, [model.embedding.vectors.weight])
    assert torch.allclose(actual_gradient, torch.autograd.grad(expected, [table])[0], rtol=0, atol=1e-12)


def test_the_weight_is_a_parameter_of_the_embedding_alone() -> None:
    model = tied_model()
    assert [name for name in model.state_dict() if not name.startswith("encoder.")] == [
        "embedding.vectors.weight",
        "head.output.bias",
    ]


def test_a_copy_of_the_model_uses_the_copied_embedding() -> None:
    model = tied_model()
    twin = copy.deepcopy(model)
    batch = text_batch(char_tokenizer())
    before = model(batch)[0].total
    with torch.no_grad():
        twin.embedding.vectors.weight.zero_()
    assert torch.equal(model(batch)[0].total, before)
    assert torch.equal(twin.head.logits(Encoded(torch.ones(1, 1, WIDTH), torch.ones(1, WIDTH))), torch.zeros(1, 1, 4))


def test_dropout_of_the_embedding_does_not_reach_the_output_layer() -> None:
    layer = TiedLinear(embedding := Learned(char_tokenizer(), dim=WIDTH, dropout=0.9).train())
    assert torch.allclose(layer(torch.eye(WIDTH)) * WIDTH**0.5, embedding.vectors.weight.T)


def test_vectors_of_a_file_and_of_several_embeddings_can_be_output_weights(tmp_path: Path) -> None:
    (tmp_path / "vectors.txt").write_text("b 1 2\nd 3 4\n")
    pretrained = partial(Pretrained, path=tmp_path / "vectors.txt", word_dropout=0.9, trainable=True)
    embedding = Concat(char_tokenizer(), embeddings=[pretrained, partial(Learned, dim=3)], word_dropout=0.9)
    layer = TiedLinear(embedding)
    table = embedding.eval()(torch.arange(4)[None])[0]
    assert torch.allclose(layer(torch.eye(5)) * 5**0.5, table.T)
    layer(torch.eye(5)).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in embedding.parameters())


def test_a_run_with_tied_vectors_of_a_file_generates_alike_in_both_engines(tmp_path: Path) -> None:
    (tmp_path / "vectors.txt").write_text("e 1 2 0 -1 0.5 1\nn 3 4 -1 0 0 1\n")
    embedding = {"type": "pretrained", "path": str(tmp_path / "vectors.txt")}
    run = seqkit.run(TIED_RECIPE | {"embedding": embedding}, runs=tmp_path / "runs", quiet=True)
    assert "head.output.weight" not in load_file(run.path / "model.safetensors")
    assert seqkit.load(run.path).generate(length=8) == run.result["generated"][0]["text"]


class Normalized(Learned):
    """Overrides `forward`, so that the vectors are no longer the rows of the table."""

    def forward(self, ids: Tensor) -> Tensor:
        return nn.functional.normalize(super().forward(ids), dim=2)


@pytest.mark.parametrize(
    ("embedding", "reason"),
    [
        (None, "tied requires an embedding with a table of vectors, such as `learned`"),
        (OneHot(char_tokenizer()), "tied requires an embedding with a table of vectors, such as `learned`"),
        (Normalized(char_tokenizer(), dim=5), "tied requires an embedding with a table of vectors, such as `learned`"),
        (
            Learned(char_tokenizer(), dim=3),
            "tied requires vectors as wide as the encoder's outputs (5), but those of the embedding have a width of 3: "
            "change one of the sizes (`dim` of the embedding, `proj_size` of an LSTM)",
        ),
    ],
    ids=["none", "one-hot", "normalized", "width"],
)
def test_head_rejects_an_embedding_without_fitting_vectors(embedding: Any, reason: str) -> None:
    head = NextChar(tied=True)
    head.restore({"vocab_size": 4})
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        head.build(5, 5, embedding=embedding)


def test_head_rejects_an_embedding_of_another_vocabulary() -> None:
    head = NextChar(tied=True)
    head.restore({"vocab_size": 7})
    with pytest.raises(ValueError, match="^tied requires a vector for each of the 7 tokens, but the embedding has 4$"):
        head.build(5, 5, embedding=Learned(char_tokenizer(), dim=5))


def test_recipe_error_names_the_line(tmp_path: Path, run_command: Callable[..., Any]) -> None:
    recipe = "data: {type: text, text: In Beijing}\nencoder: {type: lstm, hidden_size: 6}\nhead:\n  type: next_char\n"
    (tmp_path / "recipe.yaml").write_text(recipe + "  tied: true\ntrain: {epochs: 1}\n", encoding="utf-8")
    result = run_command("run", tmp_path / "recipe.yaml")
    assert result.code == 2
    assert "recipe.yaml:5:9: head.tied: requires an embedding with a table of vectors" in error_line(result)


@pytest.fixture(scope="module")
def tied_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seqkit.run(TIED_RECIPE, runs=tmp_path_factory.mktemp("runs"), quiet=True).path


def test_tied_run_is_saved_once_loaded_and_generates_alike_in_both_engines(tied_run: Path) -> None:
    weights = load_file(tied_run / "model.safetensors")
    assert "head.output.weight" not in weights
    loaded = seqkit.load(tied_run)
    assert loaded.generate(length=8) == loaded.result["generated"][0]["text"]
    assert loaded.evaluate([("In Beijing", None)])["loss"] > 0


@pytest.mark.parametrize("use", [load_and_use, load_and_evaluate])
@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("recipe", "head", "tied"), False, "'head.output.weight' is missing"),
        (("recipe", "embedding"), {"type": "one_hot"}, "has the shape (24, 6), not (24, 21)"),
        (("recipe", "encoder", "hidden_size"), 7, "has the shape (24, 6), not (28, 6)"),
    ],
    ids=["untied", "one-hot", "width"],
)
def test_changed_plan_is_a_data_error(
    tied_run: Path, tmp_path: Path, path: tuple[str, ...], value: Any, reason: str, use: Callable[[Path], Any]
) -> None:
    run = shutil.copytree(tied_run, tmp_path / "run")
    plan = json.loads((run / "plan.json").read_text(encoding="utf-8"))
    section = plan
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    (run / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    assert reason in data_error_line(run, use)


def test_label_smoothing_is_for_training_alone() -> None:
    torch.manual_seed(0)
    head = NextChar(label_smoothing=0.2)
    head.restore({"vocab_size": 4})
    head.build(WIDTH, WIDTH)
    encoded = Encoded(torch.randn(2, 3, WIDTH), torch.randn(2, WIDTH))
    lengths = torch.tensor([3, 2])
    batch = Batch(torch.zeros(2, 3, dtype=torch.int64), lengths, torch.randint(0, 4, (2, 3)), lengths)
    log_probabilities = head.logits(encoded).log_softmax(dim=2)
    assert batch.targets is not None
    of_targets = -log_probabilities.gather(2, batch.targets[:, :, None])[:, :, 0]
    smoothed = 0.8 * of_targets - 0.2 * log_probabilities.mean(dim=2)
    for loss, expected in [
        (head.train().loss(encoded, batch), smoothed),
        (head.eval().loss(encoded, batch), of_targets),
    ]:
        assert torch.allclose(loss.total, expected[batch.mask].sum())
        assert loss.count == 5
