"""The peer of `reviews.py`: a BiLSTM classifier in plain PyTorch, packed sequences and all."""

from __future__ import annotations

import csv
import hashlib
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from side_by_side import finished, lap, peak_memory
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

CUT, SIZE, BATCH, RATE, CLIP = 128, 128, 32, 0.002, 1.0


class Peer(nn.Module):
    """A label from the final states of both directions."""

    def __init__(self, vocabulary: int, embedding: str) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.vectors = nn.Embedding(vocabulary, SIZE) if embedding == "learned" else None
        self.lstm = nn.LSTM(SIZE if self.vectors else vocabulary, SIZE, batch_first=True, bidirectional=True)
        self.output = nn.Linear(2 * SIZE, 2)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """ids: int64 (batch, time); lengths: int64 (batch,) -> logits (batch, 2)."""
        vectors = self.vectors(ids) if self.vectors else nn.functional.one_hot(ids, self.vocabulary).float()
        packed = pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False)
        _, (hidden, _) = self.lstm(packed)
        return self.output(torch.cat([hidden[0], hidden[1]], dim=1))

    def loss(self, ids: Tensor, lengths: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(self(ids, lengths), targets, reduction="sum")


def read(file: str) -> tuple[list[str], list[int], list[str], list[int]]:
    """Returns texts and labels of the training part and of the test, fold 0 of five."""
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
    """Pads rows of ids: (batch, time), lengths (batch,), labels (batch,)."""
    lengths = torch.tensor([len(row) for row in ids])
    return pad_sequence(list(ids), batch_first=True), lengths, torch.tensor(labels)


def main(file: str, embedding: str, epochs: int) -> None:
    before = peak_memory()
    torch.manual_seed(1)
    train_texts, train_labels, test_texts, test_labels = read(file)
    counts = Counter(character for text in train_texts for character in text)
    known = {character: number for number, character in enumerate(sorted(c for c in counts if counts[c] >= 2))}
    train_ids, test_ids = (
        [torch.tensor([known.get(character, len(known)) for character in text[:CUT]]) for text in texts]
        for texts in (train_texts, test_texts)
    )
    model = Peer(len(known) + 1, embedding)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    for _ in range(epochs):
        with lap():
            model.train()
            order = torch.randperm(len(train_ids)).tolist()
            for first in range(0, len(order), BATCH):
                rows = order[first : first + BATCH]
                ids, lengths, targets = as_batch([train_ids[n] for n in rows], [train_labels[n] for n in rows])
                optimizer.zero_grad()
                loss = model.loss(ids, lengths, targets) / len(rows)
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), CLIP)
                optimizer.step()
    model.eval()
    right = 0
    with torch.no_grad():
        for first in range(0, len(test_ids), 256):
            ids, lengths, targets = as_batch(test_ids[first : first + 256], test_labels[first : first + 256])
            right += int((model(ids, lengths).argmax(dim=1) == targets).sum())
    finished(before=before, accuracy=right / len(test_ids), vocabulary=len(known) + 1, examples=len(train_ids))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
