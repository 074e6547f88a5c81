"""Writing: greedy against an argmax loop, draws against brute force, stop texts and pieces against the whole."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seqkit.batches import collate
from seqkit.contracts import Example
from seqkit.infer.generate import stream, write
from seqkit.infer.numpy_engine import NumpyEngine
from seqkit.infer.sampling import Drawing, generator, sample
from seqkit.infer.torch_engine import TorchEngine
from seqkit.model import Model, build_model
from seqkit.recipe import read_recipe
from seqkit.registry import load_registry
from seqkit.resolve import resolve
from seqkit.tokenizers.byte import Byte
from seqkit.tokenizers.char import Char
from seqkit.tokenizers.word import Word

quickly = settings(max_examples=100, deadline=None, derandomize=True, database=None)


class Scripted:
    """An engine that likes the next id of each row's script best, and notes what it is given to read."""

    def __init__(self, *scripts: Sequence[int], vocab_size: int = 8, carries: bool = True, context: int = 99) -> None:
        self.scripts, self.vocab_size = [list(script) for script in scripts], vocab_size
        self.carries, self.context = carries, context
        self.read_texts: list[list[int]] = []
        self.steps: list[tuple[list[int], Any]] = []

    def read(self, texts: Sequence[np.ndarray]) -> tuple[np.ndarray, Any]:
        self.read_texts += [text.tolist()[-self.context :] for text in texts]
        if self.carries:
            return self._logits(range(len(texts)), 0), (list(range(len(texts))), 0)
        return self._logits(range(len(texts)), len(self.read_texts) // len(texts) - 1), None

    def step(self, ids: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        rows, done = state
        self.steps.append((ids.tolist(), rows))
        return self._logits(rows, done + 1), (rows, done + 1)

    def select(self, state: Any, rows: np.ndarray) -> Any:
        return [state[0][row] for row in rows], state[1]

    def _logits(self, rows: Sequence[int], place: int) -> np.ndarray:
        logits = np.zeros((len(rows), self.vocab_size), np.float32)
        logits[np.arange(len(rows)), [self.scripts[row][place] for row in rows]] = 1
        return logits


class Fixed:
    """An engine whose logits never change."""

    def __init__(self, logits: Sequence[float]) -> None:
        self.logits = np.array(logits, np.float32)

    def read(self, texts: Sequence[np.ndarray]) -> tuple[np.ndarray, Any]:
        return np.array([self.logits for _ in texts]), len(texts)

    def step(self, ids: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        return self.read(ids)

    def select(self, state: Any, rows: np.ndarray) -> Any:
        return len(rows)


def fitted(text: str, tokenizer: Any = None) -> Any:
    tokenizer = tokenizer or Char()
    tokenizer.fit([text])
    return tokenizer


def pieces(engine: Any, tokenizer: Any, length: int, prompt: Sequence[int] = (0,), **options: Any) -> list[str]:
    """Streams a text, and checks that the text written as a whole is the same."""
    seed, stop = options.pop("seed", 0), options.pop("stop", [])
    how: dict[str, Any] = {"length": length, "drawing": Drawing(**options), "stop": stop}
    whole = write(copy.deepcopy(engine), tokenizer, [np.array(prompt)], generators=[generator(seed)], **how)
    shown = list(stream(engine, tokenizer, np.array(prompt), seed=seed, **how))
    assert whole == ["".join(shown)]
    return shown


def draw(logits: Any, draws: np.random.Generator, never: Sequence[int] = (), **options: Any) -> int:
    return int(sample(np.array(logits)[None], Drawing(**options), [draws], never)[0])


# greedy

SENTENCE = "a stitch in time saves nine"
WRITERS: dict[str, dict[str, Any]] = {
    "lstm": {"encoder": {"type": "lstm", "hidden_size": 8}, "head": {"type": "next_char"}},
    "stacked": {
        "encoder": {"type": "stacked", "layers": [{"type": "lstm", "hidden_size": size} for size in (6, 8)]},
        "head": {"type": "next_char"},
    },
    "bilstm on prefixes": {
        "encoder": {"type": "bilstm", "hidden_size": 8},
        "head": {"type": "next_char", "objective": "prefix", "context": 9},
    },
    "bilstm that leaks": {
        "encoder": {"type": "bilstm", "hidden_size": 8},
        "head": {"type": "next_char", "allow_leak": True, "context": 9},
    },
}


def writer(name: str) -> tuple[dict[str, Any], Model, Any]:
    """Returns a recipe, a model that has half learned the sentence, and its tokenizer."""
    recipe = {"data": {"type": "text", "text": SENTENCE}} | WRITERS[name]
    plan = resolve(read_recipe(recipe), load_registry())
    tokenizer, head = fitted(SENTENCE), plan.head.build()
    head.fit([Example(SENTENCE)], tokenizer)
    torch.manual_seed(4)
    model = build_model(plan, tokenizer, head, None)
    batch = collate(list(head.rows(Example(SENTENCE), tokenizer.encode(SENTENCE))))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(30):
        optimizer.zero_grad()
        model(batch)[0].total.backward()
        optimizer.step()
    return plan.as_data(), model, tokenizer


@pytest.mark.parametrize("name", WRITERS)
def test_greedy_takes_the_argmax_of_the_whole_text_so_far(name: str) -> None:
    recipe, model, tokenizer = writer(name)
    model.eval()
    prompt = tokenizer.encode("a stitch")
    ids = prompt.tolist()
    for _ in range(30):
        read = torch.tensor([ids if model.encoder.causal else ids[-9:]])
        with torch.no_grad():
            encoded = model.encode(read, torch.tensor([read.shape[1]]))
            ids.append(int(model.head.logits(encoded)[0, -1].argmax()))
    wanted = tokenizer.decode(ids[len(prompt) :])
    assert len(set(wanted)) > 2
    weights = {key: value.numpy() for key, value in model.state_dict().items()}
    for engine in (TorchEngine(model), NumpyEngine(recipe, weights, {})):
        assert "".join(pieces(engine, tokenizer, 30, prompt)) == wanted


def test_an_engine_that_carries_reads_the_prompt_once_and_then_what_was_written() -> None:
    engine = Scripted([2, 0, 1])
    assert pieces(engine, fitted("abc"), 3, [1, 1, 2]) == ["c", "a", "b", ""]
    assert engine.read_texts == [[1, 1, 2]]
    assert engine.steps == [([2], [0]), ([0], [0])]


def test_an_engine_that_does_not_carry_reads_the_text_each_time() -> None:
    engine = Scripted([2, 0, 1], carries=False)
    assert "".join(pieces(engine, fitted("abc"), 3, [1, 1])) == "cab"
    assert engine.read_texts == [[1, 1], [1, 1, 2], [1, 1, 2, 0]]


# drawing

LOGITS = np.log([0.05, 0.4, 0.1, 0.25, 0.2])

DRAWS: dict[str, tuple[dict[str, Any], dict[int, float]]] = {
    "plain": ({}, {0: 0.05, 1: 0.4, 2: 0.1, 3: 0.25, 4: 0.2}),
    "top_k 1": ({"top_k": 1}, {1: 1.0}),
    "top_k 3": ({"top_k": 3}, {1: 0.4, 3: 0.25, 4: 0.2}),
    "top_k past the end": ({"top_k": 50}, {0: 0.05, 1: 0.4, 2: 0.1, 3: 0.25, 4: 0.2}),
    "top_p, a hair": ({"top_p": 1e-9}, {1: 1.0}),
    "top_p, exactly one": ({"top_p": 0.4}, {1: 0.4}),
    "top_p, one and a bit": ({"top_p": 0.41}, {1: 0.4, 3: 0.25}),
    "top_p, exactly three": ({"top_p": 0.85}, {1: 0.4, 3: 0.25, 4: 0.2}),
    "top_p, all": ({"top_p": 1.0}, {0: 0.05, 1: 0.4, 2: 0.1, 3: 0.25, 4: 0.2}),
    "top_p of what top_k leaves": ({"top_k": 3, "top_p": 0.75}, {1: 0.4, 3: 0.25}),
    "hot": ({"temperature": 2.0}, {number: math.sqrt(p) for number, p in enumerate((0.05, 0.4, 0.1, 0.25, 0.2))}),
    "cold": ({"temperature": 0.5}, {number: p * p for number, p in enumerate((0.05, 0.4, 0.1, 0.25, 0.2))}),
    "cold, then top_p": ({"temperature": 0.5, "top_p": 0.7}, {1: 0.4**2, 3: 0.25**2}),
    "never": ({"never": [1, 2]}, {0: 0.05, 3: 0.25, 4: 0.2}),
    "never, then top_k": ({"never": [1], "top_k": 2}, {3: 0.25, 4: 0.2}),
    "never, then top_p": ({"never": [1], "top_p": 0.4}, {3: 0.25}),
    "never, top_k past the end": ({"never": [0, 1, 2, 3], "top_k": 4}, {4: 1.0}),
}
"""Options, and what each id that may be drawn weighs."""


@pytest.mark.parametrize("name", DRAWS)
def test_draws_follow_the_distribution(name: str) -> None:
    options, weights = DRAWS[name]
    options = {"temperature": 1.0} | options
    draws = np.random.default_rng(0)
    times = 1_500
    counts = Counter(draw(LOGITS, draws, **options) for _ in range(times))
    assert set(counts) == set(weights)
    for number, weight in weights.items():
        share = weight / sum(weights.values())
        assert counts[number] / times == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / times))


@quickly
@given(
    logits=st.lists(st.floats(-30, 30, width=32), min_size=2, max_size=12),
    temperature=st.floats(0.05, 20),
    top_k=st.none() | st.integers(1, 14),
    top_p=st.none() | st.floats(0.01, 1),
    data=st.data(),
)
def test_a_draw_is_always_one_of_the_likeliest(
    logits: list[float], temperature: float, top_k: int | None, top_p: float | None, data: st.DataObject
) -> None:
    never = data.draw(st.lists(st.integers(0, len(logits) - 1), max_size=len(logits) - 1, unique=True))
    draws = np.random.default_rng(data.draw(st.integers(0, 99)))
    drawn = draw(logits, draws, never, temperature=temperature, top_k=top_k, top_p=top_p)
    assert drawn not in never
    likelier = [other for number, other in enumerate(logits) if number not in never and other > logits[drawn]]
    if top_k is not None:
        assert len(likelier) < top_k
    if top_p is not None:
        best = max(logits)
        weigh = [math.exp((other - best) / temperature) for other in logits]
        kept = sorted((weight for number, weight in enumerate(weigh) if number not in never), reverse=True)[:top_k]
        before = math.fsum(math.exp((other - best) / temperature) for other in likelier)
        assert before <= (top_p + 1e-9) * math.fsum(kept)


@pytest.mark.parametrize("never", [[], [1]])
def test_temperature_zero_takes_the_likeliest_and_the_first_of_equals(never: list[int]) -> None:
    draws = np.random.default_rng(0)
    wanted = 2 if never else 1
    assert {draw([1.0, 3, 2, 2], draws, never) for _ in range(20)} == {wanted}
    assert draw([1.0, 2, 2], draws) == 1


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-30])
def test_a_temperature_next_to_zero_is_greedy(temperature: float) -> None:
    draws = np.random.default_rng(0)
    assert draw(np.array([-1e30, 3.0, 2.0], np.float32), draws, temperature=temperature) == 1


def test_a_great_temperature_draws_evenly() -> None:
    draws = np.random.default_rng(0)
    counts = Counter(draw(LOGITS, draws, temperature=1e9) for _ in range(2_000))
    assert all(abs(counts[number] / 2_000 - 0.2) < 0.04 for number in range(5))


def test_drawing_leaves_the_logits_as_they_were() -> None:
    for temperature in (0, 0.5):
        logits = np.array([[1.0, 2.0, 3.0]])
        sample(logits, Drawing(temperature, 2, 0.9), [generator(0)], [2])
        assert logits.tolist() == [[1.0, 2.0, 3.0]]


def test_a_seed_gives_one_text_and_another_seed_another() -> None:
    tokenizer = fitted("abcde")
    texts = ["".join(pieces(Fixed(LOGITS), tokenizer, 40, temperature=1.0, seed=seed)) for seed in (1, 1, 2)]
    assert len(texts[0]) == 40
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize(
    "options", [{}, {"temperature": 1.0}, {"temperature": 3.0, "top_k": 1}, {"temperature": 1.0, "top_p": 0.1}], ids=str
)
def test_the_unknowns_id_is_never_written(options: dict[str, Any]) -> None:
    tokenizer = fitted("abc", Char(unknown="mark"))
    assert list(tokenizer.unwritable) == [3]
    text = "".join(pieces(Fixed([0, 1, 0.5, 9]), tokenizer, 50, **options))
    assert len(text) == 50
    assert set(text) <= set("abc")


# stop texts and pieces

STOPS = {
    "none": ("abcabc", [], "abcabc"),
    "not met": ("abcabc", ["ca ", "x"], "abcabc"),
    "one character": ("abcabc", ["c"], "ab"),
    "in pieces": ("aabcaa", ["abc"], "a"),
    "at once": ("abcabc", ["abc"], ""),
    "the earlier of two": ("abcabc", ["ca", "b"], "a"),
    "the one that is complete first": ("abcdef", ["bcde", "cd"], "ab"),
    "two complete at once, the longer": ("abcdef", ["cd", "bcd"], "a"),
    "begun, broken off, begun again": ("aababb", ["abb"], "aab"),
    "begun when the length is up": ("abcab", ["abx"], "abcab"),
    "a line": ("ab\ncd\n", ["\n"], "ab"),
}


@pytest.mark.parametrize("name", STOPS)
def test_the_text_ends_before_the_first_stop(name: str) -> None:
    script, stop, wanted = STOPS[name]
    tokenizer = fitted("abcdef\n x")
    shown = pieces(
        Scripted(tokenizer.encode(script), vocab_size=tokenizer.vocab_size), tokenizer, len(script), stop=stop
    )
    assert "".join(shown) == wanted


def cut(text: str, stops: list[str]) -> str:
    """Reads a text character by character up to the first stop that is complete."""
    for end in range(1, len(text) + 1):
        places = [text[:end].find(stop) for stop in stops if stop in text[:end]]
        if places:
            return text[: min(places)]
    return text


@quickly
@given(
    script=st.text("ab中", min_size=1, max_size=20),
    stops=st.lists(st.text("ab中", min_size=1, max_size=4), max_size=3),
    tokenizer=st.sampled_from([Char(), Byte()]),
)
@example(script="aab", stops=["ab"], tokenizer=Byte())
def test_pieces_never_show_what_a_stop_takes_back_and_never_lag_behind_it(
    script: str, stops: list[str], tokenizer: Any
) -> None:
    tokenizer.fit(["ab中"])
    ids = tokenizer.encode(script)
    engine = Scripted(ids, vocab_size=tokenizer.vocab_size)
    wanted = cut(script, stops)
    held = max(map(len, stops), default=1) - 1
    shown = ""
    for piece in stream(engine, tokenizer, np.array([0]), length=len(ids), drawing=Drawing(), seed=0, stop=stops):
        shown += piece
        assert wanted.startswith(shown)
        written = tokenizer.decode(ids[: len(engine.steps) + 1]).rstrip("\N{REPLACEMENT CHARACTER}")
        assert len(shown) >= min(len(wanted), len(written) - held)
    assert shown == wanted


def test_without_a_stop_every_character_is_shown_as_it_is_written() -> None:
    tokenizer = fitted("abc")
    assert pieces(Scripted([0, 1, 2]), tokenizer, 3) == ["a", "b", "c", ""]


def test_a_character_of_several_bytes_is_shown_whole() -> None:
    tokenizer = Byte()
    text = "né中🙂!"
    ids = tokenizer.encode(text)
    shown = pieces(Scripted(ids, vocab_size=256), tokenizer, len(ids))
    assert [piece for piece in shown if piece] == list(text)
    assert "".join(pieces(Scripted(ids, vocab_size=256), tokenizer, len(ids), stop=["🙂"])) == "né中"


@quickly
@given(content=st.binary(min_size=1, max_size=24), stops=st.lists(st.sampled_from(["a", "é", "\x00\x00"]), max_size=1))
@example(content=b"\xe4\xb8", stops=[])
@example(content=b"\xf0\x9f\x99a\xff\xff\xc3", stops=["a"])
@example(content="\N{REPLACEMENT CHARACTER}a".encode(), stops=[])
def test_pieces_of_any_bytes_join_to_the_whole(content: bytes, stops: list[str]) -> None:
    tokenizer = Byte()
    shown = pieces(Scripted(content, vocab_size=256), tokenizer, len(content), stop=stops)
    assert "".join(shown) == cut(content.decode(errors="replace"), stops)


def test_pieces_of_words_join_to_the_whole() -> None:
    text = "Don't stop, the cat's 好 - 12 times!"
    tokenizer = fitted(text, Word())
    ids = tokenizer.encode(text)
    for stop, wanted in (
        ([], tokenizer.decode(ids)),
        (["cat"], "Don't stop, the "),
        ([" 12"], "Don't stop, the cat's好-"),
    ):
        engine = Scripted(ids, vocab_size=tokenizer.vocab_size)
        assert "".join(pieces(engine, tokenizer, len(ids), stop=stop)) == wanted
