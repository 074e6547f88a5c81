"""Tests of the training benchmarks at small sizes and without timing: both sides compute the same result."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
import torch

import seqkit
from benchmarks.harness.runs import trained_model
from benchmarks.training import characters, characters_reference, encoders, kernels, reviews, reviews_reference
from seqkit.contracts import Batch
from seqkit.encoders.lstm import dispatch


@pytest.mark.parametrize("embedding", ["learned", "one-hot"])
def test_classifier_and_reference_have_equal_loss_and_gradients(embedding: str, tmp_path: Path) -> None:
    file = tmp_path / "reviews.csv"
    texts = [f"第{number}家酒店{'很好' if number % 2 else '太差' * (number % 5)}" for number in range(60)]
    lines = [f"{number % 2},{text}" for number, text in enumerate(texts)]
    file.write_text("label,review\n" + "\n".join(lines) + "\n", encoding="utf-8")
    run = seqkit.run(reviews.recipe(str(file), embedding, steps=1), runs=tmp_path, quiet=True)
    train_texts, train_labels, test_texts, _ = reviews_reference.read(str(file))
    examples = run.result["examples"]
    assert (len(train_texts), len(test_texts)) == (examples["train"], examples["test"])
    ids = [torch.from_numpy(run.tokenizer.encode(text)) for text in train_texts[:8]]
    reference = reviews_reference.Reference(run.tokenizer.vocab_size, embedding)
    batch = Batch(*reviews_reference.as_batch(ids, train_labels[:8]))
    assert len(set(batch.lengths.tolist())) > 1
    assert reviews.max_difference(trained_model(run).train(), reference, batch) < 1e-5
    assert reference.loss(batch.inputs, batch.lengths, 1 - batch.targets) != reference.loss(*batch[:3])


def test_character_model_and_reference_have_equal_loss_and_gradients(tmp_path: Path) -> None:
    text = ("To be, or not to be: that is the question. " * 200)[: 64 * 128 + 1]
    run = seqkit.run(characters.recipe(text, 2, 8, steps=1), runs=tmp_path, quiet=True)
    ids = torch.from_numpy(run.tokenizer.encode(text))
    inputs, targets = next(characters_reference.windows(ids))
    assert inputs.shape == (64, 128)
    assert torch.equal(inputs[0], ids[:128])
    assert torch.equal(targets[0], ids[1:129])
    reference = characters_reference.Reference(run.tokenizer.vocab_size, 2, 8)
    assert characters.max_difference(trained_model(run).train(), reference, inputs[:5], targets[:5]) < 1e-5


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("case", [*encoders.PROJECTED, encoders.STACKED])
def test_encoders_and_nn_lstm_have_equal_gradients(case: str) -> None:
    torch.manual_seed(0)
    encoder, reference, mixed = encoders.build(case, small=True)
    lengths = torch.tensor([7, 3, 5]) if mixed else torch.tensor([7, 7, 7])
    ours, of_reference = encoders.gradient_calls(encoder, reference, lengths)
    assert encoders.max_relative_difference(ours, of_reference) < 1e-5
    with torch.no_grad():
        next(reference.parameters())[0, 0] += 1
    assert encoders.max_relative_difference(ours, of_reference) > 1e-3


@pytest.mark.parametrize(("constant", "cases"), kernels.SECTIONS.items())
def test_both_kernels_of_a_case_have_equal_gradients(constant: str, cases) -> None:
    assert hasattr(dispatch, constant)
    torch.manual_seed(0)
    case = next(islice(cases(), 1))
    assert case.first != case.second
    inputs = case.inputs if isinstance(case.inputs, torch.Tensor) else case.inputs.table
    gradients = []
    for call in kernels.calls(case):
        inputs.grad = None
        call()
        gradients.append(inputs.grad)
    if gradients[0] is not None:  # ids have no gradient
        assert torch.allclose(*gradients, atol=1e-5)
