"""What the scores of a language model do not show: a compressor on the same text, and the text that it generates."""

from __future__ import annotations

import lzma
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from seqkit.contracts import Example, LongText, Tokenizer
from seqkit.data.dataset import encode
from seqkit.errors import DataError
from seqkit.inference.copied_spans import longest_copies
from seqkit.inference.engine import Engine, ignored_overflow
from seqkit.inference.sampling import SamplingConfig, row_generator, sample
from seqkit.messages import message

TEMPERATURES = (0.5, 0.8, 1.0, 1.2)
CONTEXT, LENGTH = 100, 200
"""The number of tokens of held-out text that a sample continues, and the number that are generated."""

REPEATED = 4
"""The length of the n-grams that repetition counts, as in Welleck et al."""

MAX_TOKENS = 10_000_000
"""Of a longer text, the last tokens are used, which takes some seconds: `characters` and `train_characters` say so."""

COMPRESSOR = "xz -9e, primed with the training text: size(train + held-out) - size(train)"


def compressed_bits(train: str, held_out: str) -> float:
    """Return how many bits the compressor xz needs for each character of a text that follows the training text.

    Its dictionary is as large as both texts, so that it can use all of the training text.

    Args:
        train: the training text.
        held_out: the text to compress.
    """
    before, after = train.encode("utf-8", "surrogatepass"), held_out.encode("utf-8", "surrogatepass")
    filters = [
        {
            "id": lzma.FILTER_LZMA2,
            "preset": 9 | lzma.PRESET_EXTREME,
            "dict_size": max(4096, len(before) + len(after)),
        }
    ]
    sizes = [
        len(lzma.compress(data, lzma.FORMAT_RAW, filters=filters)) if data else 0 for data in (before + after, before)
    ]
    return 8 * (sizes[0] - sizes[1]) / len(held_out)


def whole_text(examples: Sequence[Example], tokenizer: Tokenizer) -> str:
    """Return the texts of examples as one text, a line each; of a long one, the last `MAX_TOKENS` tokens."""
    texts = []
    for example in examples:
        value = example.input
        is_long = isinstance(value, LongText)
        texts.append(tokenizer.decode(value.ids[-MAX_TOKENS:].tolist()) if is_long else str(value))
    return "\n".join(texts)


def compare_with_compressor(
    scores: Mapping[str, Any], baseline: Mapping[str, Any] | None, train: str, held_out: str
) -> dict[str, Any]:
    """Return the bits per character of the model, of its n-gram baseline and of a compressor on the held-out text.

    Args:
        scores: the metrics of the model.
        baseline: those of its baseline; None without one.
        train: the training text.
        held_out: the held-out text.
    """
    honest = scores.get("honest_loss", scores)  # of predicting from prefixes alone, if the encoder sees what follows
    bits = {"model": honest.get("bits_per_char"), "xz": compressed_bits(train, held_out)}
    found: dict[str, Any] = {
        "characters": len(held_out),
        "train_characters": len(train),
        "bits_per_char": bits,
        "xz": COMPRESSOR,
    }
    if baseline is not None and "bits_per_char" in baseline:
        bits["n_gram"] = baseline["bits_per_char"]
        found["n_gram"] = baseline.get("name")
    return found


_Choose: TypeAlias = Callable[[int, np.ndarray, slice], np.ndarray]
"""Returns the next id of each row, int64 (rows,), given the number of the step, the logits and the rows."""


class _Window(NamedTuple):
    """A part of the held-out text.

    Attributes:
        prompt: the ids that are read, int64 (time,).
        following: the ids that follow them, int64 (time,), at most `LENGTH`.
    """

    prompt: np.ndarray
    following: np.ndarray


def study_samples(
    engine: Engine, tokenizer: Tokenizer, examples: Sequence[Example], train: str, count: int, seed: int
) -> dict[str, Any]:
    """Compare the text that a model generates with the held-out text that it continues.

    Args:
        engine: the engine of the run.
        tokenizer: its tokenizer.
        examples: the held-out texts, from which prompts are taken at even distances.
        train: the training text, as the tokenizer decodes it.
        count: the number of samples at each temperature.
        seed: the random seed.

    Returns:
        `count`; the number of different `prompts`; `prompt_tokens` and `tokens`, the lengths; `train_characters`, the
        length of the training text; for the `held_out` text after the prompts, and `by_temperature`, the facts that
        `_describe` returns.

    Raises:
        DataError: the held-out texts are too short.
    """
    texts = [encode(example.input, tokenizer) for example in examples]
    if engine.whole_texts:
        texts = [np.insert(ids, 0, tokenizer.special_ids["begin"]) for ids in texts]
    prompts = _windows(texts, count)
    windows = [prompts[number % len(prompts)] for number in range(count)]
    lengths = [len(window.following) for window in windows]
    padded = np.zeros((count, max(lengths)), dtype=np.int64)
    for row, window in zip(padded, windows, strict=True):
        row[: len(window.following)] = window.following
    following, losses = _continue(engine, prompts, lambda step, logits, rows: padded[rows, step])
    groups = [following]
    all_losses = [losses]
    for temperature in TEMPERATURES:
        generators = [row_generator(seed, row) for row in range(count)]
        choose = _sampler(SamplingConfig(temperature), generators, tokenizer.suppressed_ids)
        ids, losses = _continue(engine, windows, choose)
        groups.append(ids)
        all_losses.append(losses)
    copies = iter(longest_copies([tokenizer.decode(ids.tolist()) for group in groups for ids in group], train))
    held_out, *described = [
        _describe(ids, losses, [next(copies) for _ in ids]) for ids, losses in zip(groups, all_losses, strict=True)
    ]
    return {
        "count": count,
        "prompts": len(prompts),
        "prompt_tokens": max(len(window.prompt) for window in windows),
        "tokens": max(lengths),
        "train_characters": len(train),
        "held_out": held_out,
        "by_temperature": [
            {"temperature": temperature} | facts for temperature, facts in zip(TEMPERATURES, described, strict=True)
        ],
    }


def _windows(texts: Sequence[np.ndarray], count: int) -> list[_Window]:
    """Return parts of texts at even distances, at most `count`."""
    size = CONTEXT + LENGTH
    found = []
    for ids in texts:
        for start in range(0, max(len(ids) - size, 0) + 1, size):
            part = ids[start : start + size]
            context = min(CONTEXT, len(part) // 2)
            if context:
                found.append(_Window(part[:context], part[context:]))
    if not found:
        raise DataError(message("the held-out texts are too short to be continued: two tokens are needed"))
    if len(found) <= count:
        return found
    return [found[number] for number in np.linspace(0, len(found) - 1, count).astype(int).tolist()]


def _sampler(sampling: SamplingConfig, generators: Sequence[np.random.Generator], suppressed: Sequence[int]) -> _Choose:
    """Return a function that samples the next ids."""
    return lambda step, logits, rows: sample(logits, sampling, generators[rows], suppressed)


def _continue(engine: Engine, windows: Sequence[_Window], choose: _Choose) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Continue the prompts of windows, each by as many tokens as follow it.

    Args:
        engine: computes the logits.
        windows: the windows.
        choose: chooses the next ids.

    Returns:
        For each window the ids, int64 (time,), and the loss of each under the model, in nats, (time,).
    """
    ids: list[np.ndarray] = []
    losses: list[np.ndarray] = []
    for first in range(0, len(windows), engine.max_rows):
        rows = slice(first, min(first + engine.max_rows, len(windows)))
        texts = [window.prompt for window in windows[rows]]
        steps = max(len(window.following) for window in windows[rows])
        chosen, nats = np.zeros((len(texts), steps), dtype=np.int64), np.zeros((len(texts), steps))
        with ignored_overflow():
            logits, state = engine.read(texts)
            for step in range(steps):
                new = choose(step, logits, rows)
                scores = logits.astype(np.float64)
                scores -= scores.max(axis=1, keepdims=True)
                chosen[:, step] = new
                nats[:, step] = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(new)), new]
                if step + 1 < steps and state is not None:
                    logits, state = engine.step(new, state)
                elif step + 1 < steps:
                    texts = [np.append(text, each) for text, each in zip(texts, new, strict=True)]
                    logits, state = engine.read(texts)
        for row, window in enumerate(windows[rows]):
            ids.append(chosen[row, : len(window.following)])
            losses.append(nats[row, : len(window.following)])
    return ids, losses


def _describe(ids: Sequence[np.ndarray], losses: Sequence[np.ndarray], copies: Sequence[str]) -> dict[str, Any]:
    """Return facts about texts.

    Returns:
        `loss`, the mean loss of the model per token, in nats: of the held-out text with its true past, of samples with
        their own past (a model that is much surer of its own text has left the distribution of its training: He et al.,
        Exposure Bias versus Self-Recovery, 2021); `perplexity`, exp of it; `longest_copy`, the longest span of
        characters that the training text contains too, and `mean_copy`, the mean length of that of each text;
        `repetition`, the mean fraction of 4-grams of tokens that their text contains before (Welleck et al., Neural
        Text Generation with Unlikelihood Training, 2020); `distinct_1` to `distinct_4`, the fraction of different
        n-grams among those of all texts (Li et al., A Diversity-Promoting Objective Function for Neural Conversation
        Models, 2016).
    """
    loss = float(np.concatenate(losses).mean())
    longest = max(copies, key=len)
    repeated = [1 - len(set(grams)) / len(grams) for each in ids if (grams := _ngrams(each, REPEATED))]
    distinct = {}
    for n in range(1, 5):
        grams = [gram for each in ids for gram in _ngrams(each, n)]
        if grams:
            distinct[f"distinct_{n}"] = len(set(grams)) / len(grams)
    return {
        "loss": loss,
        "perplexity": math.exp(min(loss, 700.0)),
        "longest_copy": {"characters": len(longest), "text": longest},
        "mean_copy": float(np.mean([len(copy) for copy in copies])),
        **({"repetition": float(np.mean(repeated))} if repeated else {}),
        **distinct,
    }


def _ngrams(ids: np.ndarray, n: int) -> list[tuple[int, ...]]:
    values = ids.tolist()
    return list(zip(*(values[start:] for start in range(n)), strict=False))
