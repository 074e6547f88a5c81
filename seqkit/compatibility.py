"""What no section of a recipe can see alone: whether its parts go together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqkit.errors import suggest
from seqkit.plan import Spec
from seqkit.problems import Problem
from seqkit.trial import try_out

if TYPE_CHECKING:
    from seqkit.contracts import Encoder, Head, Reader
    from seqkit.settings import Top

VALIDATION = "needs a validation split: `data.split.valid` or `data.valid`"


@dataclass
class Built:
    """Components as their constructors made them from parameters alone; None where that failed."""

    reader: Reader | None
    encoder: Encoder | None
    head: Head | None


def conflicts(
    top: Top,
    validates: bool,
    specs: Mapping[str, Spec | None],
    built: Built,
    named_at: Callable[[tuple[str, ...]], tuple[str, ...]],
) -> Iterator[Problem]:
    """Yields what does not go together.

    Args:
        validates: whether the recipe has a validation split.
        specs: the components by section; None for one that is at fault itself.
        built: the same as built from their parameters.
        named_at: from a component's place in the recipe to where its name is written.
    """
    head, encoder, train = built.head, built.encoder, top.train
    if train.early_stopping and not validates:
        yield Problem(("train", "early_stopping"), VALIDATION)
    if head is None or specs["head"] is None:
        return
    name = specs["head"].name
    if encoder is not None and specs["encoder"] is not None and not encoder.causal:
        culprit, built_culprit = _not_causal(specs["encoder"], encoder)
        if message := causality_fault(culprit, specs["head"], built_culprit, head):
            yield Problem(named_at(culprit.path), message)
    if built.reader is not None and "targets" in head.needs and not built.reader.labelled:
        message = f"'{name}' learns from labels, and this reader gives none; use a `table`"
        yield Problem(named_at(("head",)), message)
    if train.metric not in ("loss", *head.metric_names):
        known = ["loss", *head.metric_names]
        hint = suggest(train.metric, known) or f": one of {', '.join(known)}"
        yield Problem(("train", "metric"), f"'{name}' has no metric '{train.metric}'{hint}")
    elif train.metric != "loss" and not validates:
        yield Problem(("train", "metric"), VALIDATION)
    if train.sequence_length and not head.per_step:
        yield Problem(("train", "sequence_length"), f"'{name}' answers for a whole row, which cannot be cut")
    if top.generate and not head.generates:
        yield Problem(("generate",), f"'{name}' does not write; use `predict:`", at_key=True)
    elif top.generate and top.generate.prompt is None:
        yield Problem(("generate", "prompt"), "is required: the text to go on from", at_key=True)
    if top.predict and head.generates:
        message = f"'{name}' writes text and has no labels to predict; use `generate:`"
        yield Problem(("predict",), message, at_key=True)


def _not_causal(spec: Spec, encoder: Encoder) -> tuple[Spec, Encoder]:
    """Returns the encoder that is to blame when one is not causal: itself, or one nested in it."""
    for value in spec.values.values():
        for inner in value if isinstance(value, list) else [value]:
            if not isinstance(inner, Spec) or inner.registered.kind != "encoder":
                continue
            try:
                built = try_out(inner, 1)
            except Exception:  # it cannot be built without what is below it, so it is not judged alone
                continue
            if not built.causal:
                return _not_causal(inner, built)
    return spec, encoder


def causality_fault(encoder_spec: Spec, head_spec: Spec, encoder: Encoder, head: Head) -> str | None:
    """Returns why this encoder may not stand under this head, or None when it may."""
    from seqkit.signature import parameters

    if "causal" not in head.needs or encoder.causal:
        return None
    known = parameters(head_spec.cls)
    remedies = ["use a causal encoder (`lstm`)"]
    if "objective" in known:
        remedies.append("hide the future with `head.objective: prefix`")
    if "allow_leak" in known:
        remedies.append("set `head.allow_leak: true` to reproduce the known mistake")
    return (
        f"'{encoder_spec.name}' is not causal: its backward half reads the answer that '{head_spec.name}' must "
        f"give, so the loss would be wonderful and the text wrong; {', or '.join(remedies)}"
    )
