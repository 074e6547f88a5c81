"""Writing on from a prompt, a token at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from seqkit.contracts import Tokenizer


class Engine(Protocol):
    """What writing needs of a model.

    Attributes:
        carries: whether a text is read once, with the state carried on; else its last `context` ids are read each time.
    """

    carries: bool
    context: int

    def next_logits(self, ids: np.ndarray, state: Any) -> tuple[np.ndarray, Any]: ...


def generate(
    engine: Engine,
    tokenizer: Tokenizer,
    prompt: np.ndarray,
    *,
    length: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    seed: int,
    stop: Sequence[str],
) -> Iterator[str]:
    """Yields the continuation of a prompt piece by piece, up to and without the first stop text.

    Args:
        prompt: ids, int64 (time,), at least one.
        length: how many tokens at most.
        temperature: divides the logits; 0 takes the likeliest.
        top_k: draw from so many likeliest; None from all.
        top_p: draw from the fewest likeliest that hold this probability together; None from all.
        seed: of the draws.
    """
    generator = np.random.default_rng(seed)
    written = Written(tokenizer)
    shown = 0
    longest = max((len(text) for text in stop), default=1)
    state = None
    unread = prompt
    for _ in range(length):
        if engine.carries:
            logits, state = engine.next_logits(unread, state)
        else:
            logits, _ = engine.next_logits(
                np.concatenate([prompt, np.array(written.ids, np.int64)])[-engine.context :], None
            )
        number = sample(logits, generator, temperature, top_k, top_p, tokenizer.unwritable)
        unread = np.array([number])
        text = written.add(number)
        # What was shown holds no stop text, and cannot be the beginning of one that ends here.
        ends = [place for place in (text.find(end, shown) for end in stop) if place >= 0]
        if ends:
            yield text[shown : min(ends)]
            return
        ready = max(shown, len(text) - longest + 1)
        if ready > shown:
            yield text[shown:ready]
            shown = ready
    yield written.end()[shown:]


class Written:
    """A text that grows by one id at a time, each decoded beside the few before it and never all of them again.

    Attributes:
        ids: all that was added.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.ids: list[int] = []
        self._tokenizer = tokenizer
        self._text = ""
        self._start = self._known = 0

    def add(self, number: int) -> str:
        """Returns the text so far, but for a character of which some bytes are to come."""
        self.ids.append(number)
        before = self._tokenizer.decode(self.ids[self._start : self._known])
        now = self._tokenizer.decode(self.ids[self._start :])
        if len(now) > len(before) and not now.endswith("\N{REPLACEMENT CHARACTER}"):
            self._text += now[len(before) :]
            self._start, self._known = self._known, len(self.ids)
        return self._text

    def end(self) -> str:
        """Returns the whole text, as it is when nothing more comes."""
        before = self._tokenizer.decode(self.ids[self._start : self._known])
        return self._text + self._tokenizer.decode(self.ids[self._start :])[len(before) :]


def sample(
    logits: np.ndarray,
    generator: np.random.Generator,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    never: Sequence[int] = (),
) -> int:
    """Draws an id by its logit (vocab_size,): temperature first, then the top k, then of these the top p.

    References: Fan et al., 2018, for top-k; Holtzman et al., 2020, for top-p.
    """
    scores = logits.astype(np.float64)
    scores[list(never)] = -np.inf
    if temperature == 0:
        return int(scores.argmax())
    with np.errstate(over="ignore"):  # at a temperature next to 0, minus infinity is the score of all but the best
        scores = (scores - scores.max()) / temperature
    order = np.argsort(-scores, kind="stable")
    if top_k is not None:
        order = order[:top_k]
    probabilities = np.exp(scores[order])
    probabilities /= probabilities.sum()
    if top_p is not None:
        kept = int(np.searchsorted(np.cumsum(probabilities), min(top_p, 1.0) - 1e-12)) + 1
        order, probabilities = order[:kept], probabilities[:kept] / probabilities[:kept].sum()
    return int(generator.choice(order, p=probabilities))
