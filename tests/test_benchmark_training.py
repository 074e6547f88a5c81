"""That both sides of the training benchmarks compute the same: small sizes, nothing timed."""

from __future__ import annotations

from pathlib import Path

import characters
import characters_peer
import encoders
import pytest
import reviews
import reviews_peer
import torch

import seqkit
from seqkit.contracts import Batch


@pytest.mark.parametrize("embedding", ["learned", "one-hot"])
def test_a_classifier_and_its_peer_have_the_same_loss_and_gradients(embedding: str, tmp_path: Path) -> None:
    file = tmp_path / "reviews.csv"
    texts = [f"第{number}家酒店{'很好' if number % 2 else '太差' * (number % 5)}" for number in range(60)]
    lines = [f"{number % 2},{text}" for number, text in enumerate(texts)]
    file.write_text("label,review\n" + "\n".join(lines) + "\n", encoding="utf-8")
    run = seqkit.run(reviews.recipe(str(file), embedding, steps=1), runs=tmp_path, quiet=True)
    train_texts, train_labels, test_texts, _ = reviews_peer.read(str(file))
    examples = run.result["examples"]
    assert (len(train_texts), len(test_texts)) == (examples["train"], examples["test"])
    ids = [torch.from_numpy(run.tokenizer.encode(text)) for text in train_texts[:8]]
    peer = reviews_peer.Peer(run.tokenizer.vocab_size, embedding)
    batch = Batch(*reviews_peer.as_batch(ids, train_labels[:8]))
    assert len(set(batch.lengths.tolist())) > 1
    assert reviews.same(run._torch_model[1].train(), peer, batch) < 1e-5
    assert peer.loss(batch.inputs, batch.lengths, 1 - batch.targets) != peer.loss(*batch[:3])


def test_a_character_model_and_its_peer_have_the_same_loss_and_gradients(tmp_path: Path) -> None:
    text = ("To be, or not to be: that is the question. " * 200)[: 64 * 128 + 1]
    run = seqkit.run(characters.recipe(text, 2, 8, steps=1), runs=tmp_path, quiet=True)
    ids = torch.from_numpy(run.tokenizer.encode(text))
    inputs, targets = next(characters_peer.windows(ids))
    assert inputs.shape == (64, 128)
    assert torch.equal(inputs[0], ids[:128])
    assert torch.equal(targets[0], ids[1:129])
    peer = characters_peer.Peer(run.tokenizer.vocab_size, 2, 8)
    assert characters.same(run._torch_model[1].train(), peer, inputs[:5], targets[:5]) < 1e-5


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("job", [*encoders.PROJECTED, encoders.STACKED])
def test_encoders_and_nn_lstm_have_the_same_gradients(job: str) -> None:
    torch.manual_seed(0)
    encoder, reference, mixed = encoders.built(job, small=True)
    lengths = torch.tensor([7, 3, 5]) if mixed else torch.tensor([7, 7, 7])
    ours, theirs = encoders.sides(encoder, reference, lengths)
    assert encoders.difference(ours, theirs) < 1e-5
    with torch.no_grad():
        next(reference.parameters())[0, 0] += 1
    assert encoders.difference(ours, theirs) > 1e-3
