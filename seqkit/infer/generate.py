"""Writing on from prompts, a token at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from seqkit.contracts import Tokenizer
from seqkit.infer.sampling import Drawing, generator, sample


class Engine(Protocol):
    """What writing needs of a model. A state is of as many rows as were read, and reading on from it uses it up."""

    def read(self, texts: Sequence[np.ndarray]) -> tuple[np.ndarray, Any]:
        """Reads texts from their beginning, each ids, int64 (time,), at least one.

        Returns:
            The logits (texts, vocab_size) of what comes next, and the state after them; None from a model that cannot
            go on from there, and reads each text anew.
        """

    def step(self, ids: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        """Reads an id a row, int64 (rows,), on from a state; returns as `read` does."""

    def select(self, state: Any, rows: np.ndarray) -> Any:
        """Returns the state of some rows, by their numbers."""


class Continuations:
    """Rows of text that a model writes on, an id in each at a time.

    Args:
        prompts: ids, int64 (time,), at least one each.
        generators: what each row draws from.
        never: ids that are not written.
    """

    def __init__(
        self,
        engine: Engine,
        prompts: Sequence[np.ndarray],
        drawing: Drawing,
        generators: Sequence[np.random.Generator],
        never: Sequence[int],
    ) -> None:
        self._engine = engine
        self._texts = list(prompts)
        self._drawing = drawing
        self._generators = list(generators)
        self._never = list(never)
        self._state: Any = None
        self._ids: np.ndarray | None = None

    def write(self) -> np.ndarray:
        """Returns each row's next id, int64 (rows,)."""
        if self._state is not None:
            logits, self._state = self._engine.step(self._ids, self._state)  # type: ignore[arg-type]
        else:
            if self._ids is not None:
                added = self._ids[:, None]
                self._texts = [np.concatenate(pair) for pair in zip(self._texts, added, strict=True)]
            logits, self._state = self._engine.read(self._texts)
        self._ids = sample(logits, self._drawing, self._generators, self._never)
        return self._ids

    def keep(self, rows: Sequence[int]) -> None:
        """Goes on with some of the rows, by their numbers."""
        numbers = np.array(rows)
        if self._state is not None:
            self._state = self._engine.select(self._state, numbers)
        self._texts = [self._texts[row] for row in rows]
        self._generators = [self._generators[row] for row in rows]
        if self._ids is not None:
            self._ids = self._ids[numbers]


def stream(
    engine: Engine,
    tokenizer: Tokenizer,
    prompt: np.ndarray,
    *,
    length: int,
    drawing: Drawing,
    seed: int,
    stop: Sequence[str],
) -> Iterator[str]:
    """Yields the continuation of a prompt piece by piece, up to and without the first stop text.

    Args:
        prompt: ids, int64 (time,), at least one.
        length: how many tokens at most.
        seed: of the draws.
    """
    writing = Continuations(engine, [prompt], drawing, [generator(seed)], tokenizer.unwritable)
    written = Written(tokenizer, stop)
    for _ in range(length):
        (number,) = writing.write().tolist()
        piece = written.add(number)
        if piece:
            yield piece
        if written.stopped:
            return
    yield written.end()


def write(
    engine: Engine,
    tokenizer: Tokenizer,
    prompts: Sequence[np.ndarray],
    *,
    length: int,
    drawing: Drawing,
    generators: Sequence[np.random.Generator],
    stop: Sequence[str],
    ended: Callable[[], bool] = lambda: False,
) -> list[str]:
    """Returns the continuations of prompts, which are written side by side; one that has met a stop text is left out of
    what is read on.

    Args:
        prompts: ids, int64 (time,), at least one each.
        length: how many tokens at most.
        generators: what each row draws from.
        ended: whether the answer is no longer wanted.
    """
    writing = Continuations(engine, prompts, drawing, generators, tokenizer.unwritable)
    if not stop:
        columns: list[np.ndarray] = []
        while len(columns) < length and not ended():
            columns.append(writing.write())
        return [tokenizer.decode(ids) for ids in np.stack(columns, axis=1).tolist()] if columns else []
    rows = [Written(tokenizer, stop) for _ in prompts]
    texts = ["" for _ in prompts]
    running = list(range(len(prompts)))
    for _ in range(length):
        if ended():
            break
        for row, number in zip(running, writing.write().tolist(), strict=True):
            texts[row] += rows[row].add(number)
        on = [place for place, row in enumerate(running) if not rows[row].stopped]
        if not on:
            break
        if len(on) < len(running):
            writing.keep(on)
            running = [running[place] for place in on]
    return [text + row.end() for text, row in zip(texts, rows, strict=True)]


class Written:
    """A text that grows by one id at a time, each decoded beside the few before it and never all of them again.

    Args:
        stop: the text ends before the first of these.

    Attributes:
        stopped: whether it has ended.
    """

    def __init__(self, tokenizer: Tokenizer, stop: Sequence[str] = ()) -> None:
        self.stopped = False
        self._ids: list[int] = []
        self._tokenizer = tokenizer
        self._stop = stop
        self._longest = max((len(text) for text in stop), default=1)
        self._text = ""
        self._shown = self._start = self._known = 0

    def add(self, number: int) -> str:
        """Returns what can be shown of the text now and could not before.

        A character of which some bytes are to come can't be, nor what may be the beginning of a stop text.
        """
        self._ids.append(number)
        before = self._tokenizer.decode(self._ids[self._start : self._known])
        now = self._tokenizer.decode(self._ids[self._start :])
        if len(now) > len(before) and not now.endswith("\N{REPLACEMENT CHARACTER}"):
            self._text += now[len(before) :]
            self._start, self._known = self._known, len(self._ids)
        # What was shown holds no stop text, and cannot be the beginning of one that ends here.
        ends = [place for place in (self._text.find(end, self._shown) for end in self._stop) if place >= 0]
        if ends:
            self.stopped = True
            return self._text[self._shown : min(ends)]
        shown = self._shown
        self._shown = max(shown, len(self._text) - self._longest + 1)
        return self._text[shown : self._shown]

    def end(self) -> str:
        """Returns what is left to show when nothing more comes."""
        if self.stopped:
            return ""
        before = self._tokenizer.decode(self._ids[self._start : self._known])
        return (self._text + self._tokenizer.decode(self._ids[self._start :])[len(before) :])[self._shown :]
