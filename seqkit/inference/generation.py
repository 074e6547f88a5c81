"""Generation of text from prompts, one token at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from seqkit.contracts import State, Tokenizer
from seqkit.inference.engine import LanguageModel, ignored_overflow
from seqkit.inference.sampling import SamplingConfig, row_generator, sample


class BatchDecoder:
    """Continue rows of text with a model, one token per row at a time.

    Args:
        model: computes the logits.
        prompts: ids, int64 (time,), at least one per prompt.
        sampling: how the next token is chosen.
        generators: random generators, one per row.
        suppressed_ids: ids that are never chosen.
    """

    def __init__(
        self,
        model: LanguageModel,
        prompts: Sequence[np.ndarray],
        sampling: SamplingConfig,
        generators: Sequence[np.random.Generator],
        suppressed_ids: Sequence[int],
    ) -> None:
        self._model = model
        self._texts = list(prompts)
        self._sampling = sampling
        self._generators = list(generators)
        self._suppressed_ids = list(suppressed_ids)
        self._state: State = None
        self._ids: np.ndarray | None = None

    def next_ids(self) -> np.ndarray:
        """Return the next id of each row, int64 (rows,)."""
        if self._state is not None:
            logits, self._state = self._model.step(self._ids, self._state)  # type: ignore[arg-type]
        else:
            if self._ids is not None:
                new_ids = self._ids[:, None]
                self._texts = [np.concatenate(pair) for pair in zip(self._texts, new_ids, strict=True)]
            logits, self._state = self._model.read(self._texts)
        self._ids = sample(logits, self._sampling, self._generators, self._suppressed_ids)
        return self._ids

    def select(self, rows: Sequence[int]) -> None:
        """Continue with some of the rows only.

        Args:
            rows: their indices.
        """
        numbers = np.array(rows)
        if self._state is not None:
            self._state = self._model.select(self._state, numbers)
        self._texts = [self._texts[row] for row in rows]
        self._generators = [self._generators[row] for row in rows]
        if self._ids is not None:
            self._ids = self._ids[numbers]


class StreamDetokenizer:
    """Decode a text id by id. Each id is decoded together with the few before it, not with the whole text.

    Args:
        tokenizer: decodes the ids.
        stop: the text ends before the first of these.
        end: the text ends at this id; None if no id ends it.

    Attributes:
        stopped: whether the text has ended.
    """

    def __init__(self, tokenizer: Tokenizer, stop: Sequence[str] = (), end: int | None = None) -> None:
        self.stopped = False
        self._end = end
        self._ids: list[int] = []
        self._tokenizer = tokenizer
        self._stop = stop
        self._longest_stop = max((len(text) for text in stop), default=1)
        self._text = ""
        self._emitted = 0  # characters of the text that were returned
        # ids[prefix_offset:] is decoded, and ids[prefix_offset:read_offset] is in the text already.
        self._prefix_offset = self._read_offset = 0

    def add(self, token_id: int) -> str:
        """Add an id, and return the text that it completes.

        Incomplete characters, and text that may be the beginning of a stop text, are held back.
        """
        if token_id == self._end:
            rest = self.flush()
            self.stopped = True
            return rest
        self._ids.append(token_id)
        known = self._tokenizer.decode(self._ids[self._prefix_offset : self._read_offset])
        decoded = self._tokenizer.decode(self._ids[self._prefix_offset :])
        if len(decoded) > len(known) and not decoded.endswith("\N{REPLACEMENT CHARACTER}"):
            self._text += decoded[len(known) :]
            self._prefix_offset, self._read_offset = self._read_offset, len(self._ids)
        # What was emitted contains no stop text, nor the beginning of one that ends here.
        ends = [place for place in (self._text.find(stop, self._emitted) for stop in self._stop) if place >= 0]
        if ends:
            self.stopped = True
            return self._text[self._emitted : min(ends)]
        emitted = self._emitted
        self._emitted = max(emitted, len(self._text) - self._longest_stop + 1)
        return self._text[emitted : self._emitted]

    def flush(self) -> str:
        """Return the rest of the text after the last id."""
        if self.stopped:
            return ""
        known = self._tokenizer.decode(self._ids[self._prefix_offset : self._read_offset])
        rest = self._tokenizer.decode(self._ids[self._prefix_offset :])[len(known) :]
        return (self._text + rest)[self._emitted :]


def stream(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompt: np.ndarray,
    *,
    length: int,
    sampling: SamplingConfig,
    seed: int,
    stop: Sequence[str],
    end: int | None = None,
) -> Iterator[str]:
    """Yield the continuation of a prompt in pieces, up to the first stop text.

    Args:
        model: computes the logits.
        tokenizer: decodes the ids.
        prompt: ids, int64 (time,), at least one.
        length: the maximum number of tokens.
        sampling: how the next token is chosen.
        seed: random seed.
        stop: the text ends before the first of these.
        end: the text ends at this id; None if no id ends it.
    """
    decoder = BatchDecoder(model, [prompt], sampling, [row_generator(seed)], _suppressed(tokenizer, end))
    detokenizer = StreamDetokenizer(tokenizer, stop, end)
    for _ in range(length):
        with ignored_overflow():
            (token_id,) = decoder.next_ids().tolist()
        piece = detokenizer.add(token_id)
        if piece:
            yield piece
        if detokenizer.stopped:
            return
    yield detokenizer.flush()


def generate(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompts: Sequence[np.ndarray],
    *,
    length: int,
    sampling: SamplingConfig,
    generators: Sequence[np.random.Generator],
    stop: Sequence[str],
    end: int | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> list[str]:
    """Return the continuations of prompts, generated as a batch. A row ends at its first stop text.

    Args:
        model: computes the logits.
        tokenizer: decodes the ids.
        prompts: ids, int64 (time,), at least one per prompt.
        length: the maximum number of tokens of each.
        sampling: how the next token is chosen.
        generators: random generators, one per row.
        stop: a text ends before the first of these.
        end: a text ends at this id; None if no id ends it.
        is_cancelled: returns whether the results are no longer needed.
    """
    with ignored_overflow():
        decoder = BatchDecoder(model, prompts, sampling, generators, _suppressed(tokenizer, end))
        if not stop and end is None:
            columns: list[np.ndarray] = []
            while len(columns) < length and not is_cancelled():
                columns.append(decoder.next_ids())
            return [tokenizer.decode(ids) for ids in np.stack(columns, axis=1).tolist()] if columns else []
        detokenizers = [StreamDetokenizer(tokenizer, stop, end) for _ in prompts]
        texts = ["" for _ in prompts]
        running = list(range(len(prompts)))
        for _ in range(length):
            if is_cancelled():
                break
            for row, token_id in zip(running, decoder.next_ids().tolist(), strict=True):
                texts[row] += detokenizers[row].add(token_id)
            unfinished = [place for place, row in enumerate(running) if not detokenizers[row].stopped]
            if not unfinished:
                break
            if len(unfinished) < len(running):
                decoder.select(unfinished)
                running = [running[place] for place in unfinished]
        return [text + detokenizer.flush() for text, detokenizer in zip(texts, detokenizers, strict=True)]


def _suppressed(tokenizer: Tokenizer, end: int | None) -> list[int]:
    """Return the ids that are never chosen: those without text, except the one that ends a text."""
    return [number for number in tokenizer.suppressed_ids if number != end]
