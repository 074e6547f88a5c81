"""Explain a prediction of a run, in torch, whatever its components are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seqkit.contracts import Example
from seqkit.contracts.capabilities import call_with_accepted
from seqkit.errors import DataError, PluginError, UsageError, suggest
from seqkit.explain.contents import LayerTrace
from seqkit.explain.explanation import Explanation
from seqkit.explain.tokens import SPECIAL_TEXTS, token_texts
from seqkit.inference.inputs import encode_inputs, encode_prompts
from seqkit.messages import listed, message

if TYPE_CHECKING:
    from seqkit.explain.attribution import Subject, Unit
    from seqkit.inference.torch_engine import TorchEngine

MAX_TOKENS = 500
"""The largest number of tokens of an input that is explained: the time grows with the square of it."""

_MAX_NAMED = 10
"""The largest number of labels that a message lists."""


def explain(
    engine: TorchEngine,
    value: Any,
    *,
    label: str | None = None,
    token: int | None = None,
    trace: bool = False,
    temperature: float | None = None,
) -> Explanation:
    """Explain the prediction for one input.

    Args:
        engine: the engine of the run.
        value: a text, a `TextPair`, a list of words, or features, float (time, features).
        label: the label whose score is explained; None for the most probable one.
        token: the number of the token or word whose prediction is explained, from 1, if the head has one for each; None
            for the first.
        trace: whether to add the gates and states of the encoder.
        temperature: of a calibrated run; None for any other.

    Raises:
        UsageError: the head has no scores, or there is no such label or token, or the input has too many tokens.
        DataError: the input is invalid, or a score is not finite.
    """
    head = engine.model.head
    if head.explains is None:
        raise UsageError(
            message(
                "the head '{head}' cannot be explained: it has no score of a label or a number",
                head=engine.head_name,
            )
        )
    inputs = _encode(engine, value)
    if len(inputs) > MAX_TOKENS:
        raise UsageError(
            message(
                "the text has {count:,} tokens, but an explanation takes at most {limit:,}: explain a part of it",
                count=len(inputs),
                limit=MAX_TOKENS,
            )
        )
    from seqkit.explain.attribution import Subject

    units = _units(engine, inputs, value)
    word = _word(engine, units, token)
    subject = Subject(engine.model, inputs, units, word, temperature or 1.0)
    names = [str(name) for name in call_with_accepted(head.score_names, tokenizer=engine.tokenizer)]
    scores = subject.scores()
    if len(scores) != len(names):
        raise PluginError(
            message(
                "the head '{head}' has {scores} scores and {names} names: score_names must return one per score",
                head=engine.head_name,
                scores=len(scores),
                names=len(names),
            )
        )
    best = 0 if head.score_kind == "number" else int(scores.argmax())
    subject.column = (
        best if label is None else _column(label, names, message("token") if engine.generates else message("label"))
    )
    return _explanation(engine, subject, value, names, names[best], trace, temperature)


def _encode(engine: TorchEngine, value: Any) -> np.ndarray:
    """Return the ids or the features that the model reads.

    Raises:
        DataError: the input is invalid.
        UsageError: it is empty, and the head continues texts.
    """
    if not engine.generates:
        (inputs,) = encode_inputs([Example(value)], [message("the input")], engine)
        return inputs
    if engine.tokenizer is None or not isinstance(value, str) or not value:
        raise UsageError(message("the text is empty: an explanation of the next token needs one before it"))
    begin = engine.tokenizer.special_ids["begin"] if engine.whole_texts else None
    (ids,) = encode_prompts([value], engine.tokenizer, begin=begin)
    return ids if engine.model.causal and engine.length_limit is None else ids[-engine.context :]


def _units(engine: TorchEngine, inputs: np.ndarray, value: Any) -> list[Unit]:
    """Return the tokens to explain; the words if the head predicts one label for each and the tokenizer cuts them."""
    from seqkit.explain.attribution import Unit

    if engine.tokenizer is None:
        return [Unit(str(number + 1), number, number + 1) for number in range(len(inputs))]
    if not engine.reads_words:
        begins = int(engine.whole_texts and inputs[0] == engine.tokenizer.special_ids["begin"])
        texts = [*[SPECIAL_TEXTS["begin"]] * begins, *token_texts(engine.tokenizer, inputs[begins:], value)]
        return [Unit(text, number, number + 1) for number, text in enumerate(texts)]
    words = engine.tokenizer.words(value) if isinstance(value, str) else list(value)
    indices = inputs[:, -1]
    starts = [0, *(np.flatnonzero((np.diff(indices) != 0) | (indices[1:] < 0)) + 1).tolist(), len(inputs)]
    return [
        Unit(words[indices[start]] if indices[start] >= 0 else "[]", start, end, bool(indices[start] >= 0))
        for start, end in zip(starts, starts[1:], strict=False)
    ]


def _word(engine: TorchEngine, units: Sequence[Unit], token: int | None) -> int | None:
    """Return the index of the word whose prediction is explained; None if the input has one prediction.

    Raises:
        UsageError: there is no such word.
    """
    if engine.model.head.explains == "row":
        if token is not None:
            raise UsageError(
                message(
                    "the head '{head}' makes one prediction per text: explain it without a token number (--token)",
                    head=engine.head_name,
                )
            )
        return None
    count = sum(unit.is_word for unit in units)
    if token is not None and not 1 <= token <= count:
        raise UsageError(
            message("there is no token {token}: the text has {count}, from 1 to {count}", token=token, count=count)
        )
    return (token or 1) - 1


def _column(label: str, names: Sequence[str], kind: str) -> int:
    """Return the number of a label.

    Args:
        label: the label.
        names: all labels.
        kind: what they are, for messages.

    Raises:
        UsageError: there is no such label.
    """
    if label in names:
        return names.index(label)
    hint = suggest(label, names)
    if not hint and len(names) <= _MAX_NAMED:
        hint = message(": choose one of {names}", names=listed(names))
    raise UsageError(message("there is no {kind} '{label}'{hint}", kind=kind, label=label, hint=hint))


def _explanation(
    engine: TorchEngine,
    subject: Subject,
    value: Any,
    names: Sequence[str],
    predicted: str,
    trace: bool,
    temperature: float | None,
) -> Explanation:
    model, units = engine.model, subject.units
    score, baseline = float(subject.explained(subject.scores()[None])[0]), subject.baseline()
    if not np.isfinite([score, baseline]).all():
        raise DataError(message("the score of '{label}' is not finite", label=names[subject.column]))
    notes = []
    try:
        gradients = subject.integrated_gradients()
    except RuntimeError:  # torch's error for a result without a gradient
        gradients = None
        notes.append(message("There are no integrated gradients: no gradient reaches the input of the encoder."))
    if gradients is not None and not gradients.is_exact:
        notes.append(
            message(
                "With {steps:,} points, the integrated gradients do not add up to the difference within 1%: the score "
                "changes abruptly on the way from the baseline.",
                steps=gradients.steps,
            )
        )
    if temperature is not None:
        notes.append(
            message("The log-odds are those of the calibrated run: at temperature {value:.3g}.", value=temperature)
        )
    if subject.reads_tokens():
        notes.append(
            message(
                "The head also reads the tokens themselves: the score without the tokens contains that part, and "
                "neither method shows it."
            )
        )
    half = model.head.explains == "row" and model.encoder.separate_directions
    forward, backward = subject.answers("forward", half=half), subject.answers("backward", half=half)
    return Explanation(
        text="" if engine.tokenizer is None else " ".join(value) if isinstance(value, list | tuple) else str(value),
        tokens=tuple(unit.name for unit in units),
        label=names[subject.column],
        predicted=predicted,
        unit="value" if model.head.score_kind == "number" else "log-odds",
        score=score,
        baseline=baseline,
        probability=subject.probability(),
        token=None if subject.word is None else subject.word + 1,
        word="" if subject.word is None else [unit.name for unit in units if unit.is_word][subject.word],
        gradients=None if gradients is None else gradients.values,
        gradient_steps=0 if gradients is None else gradients.steps,
        occlusion=subject.occlusion(),
        ended=forward.whole,
        began=backward.whole,
        forward=forward.half,
        backward=backward.half,
        pooling_weights=subject.pooling_weights(),
        traces=_traces(engine, subject) if trace else (),
        notes=tuple(notes),
    )


def _traces(engine: TorchEngine, subject: Subject) -> tuple[LayerTrace, ...]:
    """Return the gates and states of the encoder.

    Raises:
        UsageError: the encoder offers none.
    """
    import torch

    time = subject.vectors.shape[1]
    with torch.no_grad():
        traces = engine.model.encoder.trace(subject.vectors, torch.tensor([time]))
    if not traces:
        raise UsageError(
            message("the encoder '{encoder}' has no trace: explain without it", encoder=engine.plan.encoder.name)
        )
    steps = [""] * time
    for unit in subject.units:
        steps[unit.start : unit.end] = [unit.name] * (unit.end - unit.start)
    return tuple(
        LayerTrace(
            trace.name, tuple(steps), {name: values[0].double().numpy() for name, values in trace.values.items()}
        )
        for trace in traces
    )
