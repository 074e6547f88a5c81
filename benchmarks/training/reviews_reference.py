"""The reference of `reviews.py`: a BiLSTM classifier in plain PyTorch, on packed sequences.

    python -m benchmarks.training.reviews_reference FILE learned|one-hot EPOCHS

Started by `reviews.py`, which writes a line to its standard input before each epoch. The hyperparameters defined here
apply to both sides.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

from benchmarks.harness.processes import peak_memory, report_result, timed_round

MAX_LENGTH, BATCH_SIZE, LEARNING_RATE, CLIP_NORM = 128, 32, 0.002, 1.0
SIZE = 128
"""The size of the learned vectors, and of the hidden state of each direction."""


class Reference(nn.Module):
    """A classifier of the final states of both directions of an LSTM."""

    def __init__(self, vocab_size: int, embedding: str) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        self.vectors = nn.Embedding(vocab_size, SIZE) if embedding == "learned" else None
        self.lstm = nn.LSTM(SIZE if self.vectors else vocab_size, SIZE, batch_first=True, bidirectional=True)
        self.output = nn.Linear(2 * SIZE, 2)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Compute logits, float32 (batch, 2), from ids, int64 (batch, time), and lengths, int64 (batch,)."""
        vectors = self.vectors(ids) if self.vectors else nn.functional.one_hot(ids, self.vocab_size).float()
        packed = pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False)
        _, (hidden, _) = self.lstm(packed)
        return self.output(torch.cat([hidden[0], hidden[1]], dim=1))

    def loss(self, ids: Tensor, lengths: Tensor, targets: Tensor) -> Tensor:
        """Compute the sum of the cross-entropies of a batch; targets: int64 (batch,)."""
        return nn.functional.cross_entropy(self(ids, lengths), targets, reduction="sum")


def read(file: str) -> tuple[list[str], list[int], list[str], list[int]]:
    """Read the reviews, and return the texts and labels of the training split and of the test split (fold 0 of 5)."""
    texts: tuple[list[str], list[str]] = ([], [])
    labels: tuple[list[int], list[int]] = ([], [])
    with Path(file).open(encoding="utf-8-sig", newline="") as opened:
        for row in csv.DictReader(opened):
            if row["review"].strip():
                place = int(hashlib.sha256(row["review"].strip().encode()).hexdigest(), 16) % 1000
                texts[place < 200].append(row["review"])
                labels[place < 200].append(int(row["label"]))
    return texts[0], labels[0], texts[1], labels[1]


def as_batch(ids: Sequence[Tensor], labels: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Pad rows of ids: return ids (batch, time), lengths (batch,) and labels (batch,), all int64."""
    lengths = torch.tensor([len(row) for row in ids])
    return pad_sequence(list(ids), batch_first=True), lengths, torch.tensor(labels)


def main(file: str, embedding: str, epochs: int) -> None:
    """Train the reference, each epoch a timed round, and report its accuracy on the test split."""
    before = peak_memory()
    torch.manual_seed(1)
    train_texts, train_labels, test_texts, test_labels = read(file)
    counts = Counter(character for text in train_texts for character in text)
    known = {character: number for number, character in enumerate(sorted(c for c in counts if counts[c] >= 2))}
    train_ids, test_ids = (
        [torch.tensor([known.get(character, len(known)) for character in text[:MAX_LENGTH]]) for text in texts]
        for texts in (train_texts, test_texts)
    )
    model = Reference(len(known) + 1, embedding)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    for _ in range(epochs):
        with timed_round():
            model.train()
            order = torch.randperm(len(train_ids)).tolist()
            for first in range(0, len(order), BATCH_SIZE):
                rows = order[first : first + BATCH_SIZE]
                ids, lengths, targets = as_batch([train_ids[n] for n in rows], [train_labels[n] for n in rows])
                optimizer.zero_grad()
                loss = model.loss(ids, lengths, targets) / len(rows)
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
                optimizer.step()
    model.eval()
    correct = 0
    with torch.no_grad():
        for first in range(0, len(test_ids), 256):
            ids, lengths, targets = as_batch(test_ids[first : first + 256], test_labels[first : first + 256])
            correct += int((model(ids, lengths).argmax(dim=1) == targets).sum())
    report_result(
        memory_before=before, accuracy=correct / len(test_ids), vocab_size=len(known) + 1, examples=len(train_ids)
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
