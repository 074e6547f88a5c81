"""What is wrong between the sections of a recipe that are right by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from seqkit.errors import suggest
from seqkit.messages import message
from seqkit.recipe.rules import Problem

if TYPE_CHECKING:
    from seqkit.contracts import Encoder, Head
    from seqkit.recipe.dry_build import DryBuild
    from seqkit.recipe.plan import Spec
    from seqkit.recipe.schema import Settings


def find_conflicts(
    settings: Settings, has_validation: bool, specs: Mapping[str, Spec | None], built: DryBuild
) -> Iterator[Problem]:
    """Yield what is wrong between the sections of a recipe.

    Args:
        settings: the sections that are not components.
        has_validation: whether there is a validation split.
        specs: the components by section; None for one that is wrong itself.
        built: the same, built from their parameters alone.
    """
    no_validation = message("requires a validation split: set `data.split.valid` or `data.valid`")
    head, encoder, train = built.head, built.encoder, settings.train
    if train.early_stopping and not has_validation:
        yield Problem(("train", "early_stopping"), no_validation)
    if built.schedule is not None and built.schedule.needs_validation and not has_validation:
        yield Problem(train.schedule.name_path, no_validation)
    head_spec = specs["head"]
    if head is None or head_spec is None:
        return
    name = head_spec.name
    culprit = built.not_causal
    if encoder is not None and culprit and (text := causality_fault(culprit, head_spec, encoder, head)):
        yield Problem(culprit.name_path, text)
    encoder_spec = specs["encoder"]
    if encoder is not None and encoder_spec and (text := directions_fault(encoder_spec, head_spec, encoder, head)):
        yield Problem(encoder_spec.name_path, text)
    if built.reader is not None and "targets" in head.needs and not built.reader.labelled:
        text = message("'{head}' requires labels, and the reader provides none: use a reader with labels", head=name)
        yield Problem(head_spec.name_path, text)
    metrics = ["loss", *head.metric_names]
    if train.metric not in metrics:
        hint = suggest(train.metric, metrics) or message(": use one of {metrics}", metrics=", ".join(metrics))
        text = message("'{head}' has no metric '{metric}'{hint}", head=name, metric=train.metric, hint=hint)
        yield Problem(("train", "metric"), text)
    elif train.metric != "loss" and not has_validation:
        yield Problem(("train", "metric"), no_validation)
    if train.sequence_length and not head.per_time_step:
        text = message("'{head}' predicts from whole rows, which cannot be cut into windows", head=name)
        yield Problem(("train", "sequence_length"), text)
    if settings.generate and not head.generates:
        yield Problem(("generate",), message("'{head}' cannot generate: use `predict:`", head=name), at_key=True)
    elif settings.generate and settings.generate.prompt is None:
        yield Problem(("generate", "prompt"), message("is required: the text to continue"), at_key=True)
    if settings.predict and head.generates:
        text = message("'{head}' generates text and predicts no labels: use `generate:`", head=name)
        yield Problem(("predict",), text, at_key=True)


def causality_fault(encoder_spec: Spec, head_spec: Spec, encoder: Encoder, head: Head) -> str | None:
    """Return why a head cannot be used with an encoder that is not causal; None if it can, or if the encoder is causal.

    Args:
        encoder_spec: the encoder to name.
        head_spec: the head to name.
        encoder: the encoder, built.
        head: the head, built.
    """
    if "causal" not in head.needs or encoder.causal:
        return None
    remedies = [message("use a causal encoder"), *head.causal_alternatives]
    return message(
        "'{encoder}' is not causal: its outputs depend on the tokens that '{head}' predicts, so the training loss "
        "would be misleadingly low and generation would fail: {remedies}",
        encoder=encoder_spec.name,
        head=head_spec.name,
        remedies=message(", or ").join(remedies),
    )


def directions_fault(encoder_spec: Spec, head_spec: Spec, encoder: Encoder, head: Head) -> str | None:
    """Return why a head that needs separate directions cannot be used with an encoder; None if it can.

    Takes the arguments of `causality_fault`.
    """
    if "separate_directions" not in head.needs or encoder.separate_directions:
        return None
    return message(
        "'{encoder}' does not keep a forward and a backward direction separate, so '{head}' could read the tokens that "
        "it predicts: use an encoder that does, such as a `bilstm` with `num_layers: 1`",
        encoder=encoder_spec.name,
        head=head_spec.name,
    )
