"""A linear chain of tags: the best sequence, and exact probabilities of tags and entities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from seqkit_tagging.spans import Scheme, Span, continues, is_forbidden, split_tag

_FORBIDDEN_SCORE = -1e4
"""Added to the score of a forbidden transition: larger than any difference between scores of sentences, and finite."""


class Transitions(NamedTuple):
    """The scores of a chain that do not depend on the words.

    Attributes:
        start: of the first tag, float (tags,).
        between: of each tag (column) after each tag (row), float (tags, tags).
        end: of the last tag, float (tags,).
    """

    start: Tensor
    between: Tensor
    end: Tensor

    def plus(self, other: Transitions) -> Transitions:
        """Return the sums of the scores of both."""
        return Transitions(self.start + other.start, self.between + other.between, self.end + other.end)


def penalties(tags: Sequence[str], scheme: Scheme) -> Transitions:
    """Return scores that exclude the transitions that a scheme forbids, and are 0 for all others."""

    def table(previous: Sequence[str | None], following: Sequence[str | None]) -> Tensor:
        return torch.tensor(
            [[_FORBIDDEN_SCORE * is_forbidden(first, second, scheme) for second in following] for first in previous]
        )

    return Transitions(table([None], tags)[0], table(tags, tags), table(tags, [None])[:, 0])


def pool(rows: Sequence[Sequence[Mapping[str, Any]]]) -> tuple[Tensor, Tensor, Transitions]:
    """Return the means of the scores of several models.

    Args:
        rows: for each row, its prediction by each model: the `scores` of its tags (time, tags), and the `transitions`
            of the model.

    Returns:
        The scores, float (rows, time, tags), the lengths of the rows, int64 (rows,), and the transitions.
    """
    scores = [torch.tensor([each["scores"] for each in row], dtype=torch.float64).mean(dim=0).float() for row in rows]
    models = [[torch.tensor(each, dtype=torch.float64) for each in item["transitions"]] for item in rows[0]]
    transitions = Transitions(*(torch.stack(each).mean(dim=0).float() for each in zip(*models, strict=True)))
    lengths = torch.tensor([len(row) for row in scores])
    return nn.utils.rnn.pad_sequence(scores, batch_first=True), lengths, transitions


def best_paths(scores: Tensor, lengths: Tensor, transitions: Transitions) -> list[list[int]]:
    """Return the tag ids of the sequence with the highest score, by the Viterbi algorithm.

    Args:
        scores: of each tag at each time step, float (batch, time, tags).
        lengths: int64 (batch,), on the CPU, each at least 1 and at most time.
        transitions: the scores of the transitions.
    """
    best = transitions.start + scores[:, 0]  # the score of the best sequence that ends in each tag, (batch, tags)
    previous = []  # the tag before each tag in that sequence, by time step, (batch, tags)
    is_inside = torch.arange(scores.shape[1], device=scores.device) < lengths.to(scores.device)[:, None]
    stay = torch.arange(scores.shape[2], device=scores.device).expand_as(best)
    for step in range(1, scores.shape[1]):
        values, tag_ids = (best[:, :, None] + transitions.between + scores[:, step, None]).max(dim=1)
        inside = is_inside[:, step, None]
        best = torch.where(inside, values, best)
        previous.append(torch.where(inside, tag_ids, stay))
    last = (best + transitions.end).argmax(dim=1)
    path = [last]
    for pointers in reversed(previous):
        path.append(pointers.gather(1, path[-1][:, None])[:, 0])
    rows = torch.stack(path[::-1], dim=1).tolist()
    return [row[:length] for row, length in zip(rows, lengths.tolist(), strict=True)]


class Posterior:
    """The probabilities of the tags and the entities of a batch, by the forward-backward algorithm in float64.

    A sequence of tags has a probability proportional to the exponential of its score. The probability of a tag or an
    entity is the sum of those of all sequences that contain it (Rabiner, A Tutorial on Hidden Markov Models, 1989; for
    entities, Culotta and McCallum, Confidence Estimation for Information Extraction, 2004).

    Args:
        scores: of each tag at each time step, float (batch, time, tags).
        lengths: int64 (batch,), each at least 1 and at most time.
        transitions: the scores of the transitions.
        tags: the tag of each id.
    """

    def __init__(self, scores: Tensor, lengths: Tensor, transitions: Transitions, tags: Sequence[str]) -> None:
        self._scores = scores.cpu().double()
        self._lengths = lengths.tolist()
        start, self._between, self._end = (each.cpu().double() for each in transitions)
        self._tags = tags
        self._continues = torch.tensor([[continues(one, other) for other in tags] for one in tags])
        time = scores.shape[1]
        is_inside = torch.arange(time) < lengths.cpu()[:, None]  # (batch, time)
        forward = [start + self._scores[:, 0]]
        for step in range(1, time):
            forward.append(self._step(forward[-1], self._between) + self._scores[:, step])
        backward = [self._end.expand_as(forward[0])]
        for step in range(time - 1, 0, -1):
            following = (backward[-1] + self._scores[:, step])[:, None]  # (batch, 1, tags)
            values = torch.logsumexp(self._between + following, dim=2)
            backward.append(torch.where(is_inside[:, step, None], values, self._end))
        self._forward = torch.stack(forward, dim=1)  # (batch, time, tags)
        self._backward = torch.stack(backward[::-1], dim=1)
        self._total = torch.logsumexp(self._forward[:, 0] + self._backward[:, 0], dim=1)  # (batch,)

    def log_tags(self) -> Tensor:
        """Return the logarithm of the probability of each tag of each word, float64 (batch, time, tags)."""
        return self._forward + self._backward - self._total[:, None, None]

    def tags(self, row: int) -> Tensor:
        """Return the probability of each tag of each word of a row, float64 (time, tags)."""
        length = self._lengths[row]
        return self.log_tags()[row, :length].exp()

    def log_likelihood(self, row: int, path: Sequence[int]) -> float:
        """Return the log-likelihood of a sequence of tag ids of a row."""
        score = self._forward[row, 0, path[0]] + self._end[path[-1]] - self._total[row]
        for step in range(1, len(path)):
            score = score + self._between[path[step - 1], path[step]] + self._scores[row, step, path[step]]
        return float(score)

    def span(self, row: int, span: Span) -> float:
        """Return the probability that a row has an entity of this type with exactly these words.

        Sequences that do not follow the scheme count by the entities that `spans` finds in them.
        """
        joined = self._between.masked_fill(~self._continues, -torch.inf)
        parted = self._between.masked_fill(self._continues, -torch.inf)
        scores = self._scores[row]
        begins = torch.tensor([split_tag(tag)[0] != "O" and split_tag(tag)[1] == span.label for tag in self._tags])
        if span.start == 0:
            values = self._forward[row, 0]
        else:
            values = self._step(self._forward[row, span.start - 1], parted) + scores[span.start]
        values = values.masked_fill(~begins, -torch.inf)
        for step in range(span.start + 1, span.end):
            values = self._step(values, joined) + scores[step]
        if span.end == self._lengths[row]:
            values = values + self._end
        else:
            values = self._step(values, parted) + scores[span.end] + self._backward[row, span.end]
        return min(1.0, float((torch.logsumexp(values, dim=0) - self._total[row]).exp()))

    @staticmethod
    def _step(values: Tensor, between: Tensor) -> Tensor:
        """Return the sum, over the tags of one time step, of the weights of reaching each tag of the next, as logs."""
        return torch.logsumexp(values[..., :, None] + between, dim=-2)
