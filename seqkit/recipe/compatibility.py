"""What is wrong between the sections of a recipe that are right by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from seqkit.contracts import Embedding
from seqkit.errors import suggest
from seqkit.messages import listed, message
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
    head, encoder, train = built.head, built.encoder, settings.train
    if train.early_stopping and not has_validation:
        yield Problem(("train", "early_stopping"), _no_validation(message("set this key to null")))
    if built.schedule is not None and built.schedule.needs_validation and not has_validation:
        yield Problem(train.schedule.name_path, _no_validation(message("use another schedule, such as `constant`")))
    trackers: set[str] = set()
    for spec in filter(None, train.trackers):  # None is a tracker that is not installed
        if spec.name in trackers:
            yield Problem(spec.name_path, message("the tracker '{name}' is listed twice: remove it", name=spec.name))
        trackers.add(spec.name)
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
        if specs["data"] and not isinstance(built.reader, specs["data"].cls):  # data in memory
            text = message("'{head}' requires labels, and data has none: pass data=(inputs, targets)", head=name)
        yield Problem(head_spec.name_path, text)
    if built.reader is not None and built.reader.yields_pairs and head.per_word:
        text = message("'{head}' predicts for each word of one text, and the reader yields pairs of texts", head=name)
        yield Problem(head_spec.name_path, text)
    if built.reader is not None and not head.generates:
        pairs = built.reader.yields_pairs
        for number, requested in enumerate(settings.predict):
            if isinstance(requested, str) == pairs:
                wanted = message("pairs of texts, [first, second]") if pairs else message("single texts")
                yield Problem(
                    ("predict", str(number)),
                    message("must be one of the inputs that the recipe reads: {wanted}", wanted=wanted),
                )
    metrics = ["loss", *head.metric_names]
    for spec, metric in built.metrics:
        if missing := sorted(metric.needs - head.provides):
            text = message(
                "'{metric}' is computed from {needs}, and '{head}' provides no {missing}: remove it",
                metric=spec.name,
                needs=message(" and ").join(sorted(metric.needs)),
                head=name,
                missing=message(" and ").join(missing),
            )
            yield Problem(spec.name_path, text)
        if (result := metric.name or spec.name) in metrics:
            yield Problem(spec.name_path, message("there is a metric {name} already: remove it", name=result))
        metrics.append(result)
    if train.metric not in metrics and len(built.metrics) == len(train.metrics):
        hint = suggest(train.metric, metrics) or message(": use one of {metrics}", metrics=listed(metrics))
        text = message("'{head}' has no metric '{metric}'{hint}", head=name, metric=train.metric, hint=hint)
        yield Problem(("train", "metric"), text, rejected=train.metric)
    elif train.metric != "loss" and not has_validation:
        yield Problem(("train", "metric"), _no_validation(message("set this key to `loss`")))
    if train.sequence_length and not head.per_time_step:
        text = message("'{head}' predicts from whole rows, which cannot be cut into windows", head=name)
        yield Problem(("train", "sequence_length"), text)
    if settings.generate and not head.generates:
        yield Problem(("generate",), message("'{head}' cannot generate: use `predict:`", head=name), at_key=True)
    elif settings.generate and settings.generate.prompt is None and not head.whole_texts:
        yield Problem(("generate", "prompt"), message("is required: the text to continue"), at_key=True)
    if settings.predict and head.generates:
        text = message("'{head}' generates text and predicts no labels: use `generate:`", head=name)
        yield Problem(("predict",), text, at_key=True)


def _no_validation(remedy: str) -> str:
    """Return that a key requires a validation split, and what to do, including a remedy without one."""
    return message("requires a validation split: set `data.split.valid` or `data.valid`, or {remedy}", remedy=remedy)


def causality_fault(spec: Spec, head_spec: Spec, component: Encoder | Embedding, head: Head) -> str | None:
    """Return why a head cannot be used with an encoder or embedding that is not causal; None if it can, or if it is.

    Args:
        spec: the encoder or embedding to name.
        head_spec: the head to name.
        component: the encoder or embedding, built.
        head: the head, built.
    """
    if "causal" not in head.needs or component.causal:
        return None
    is_encoder = spec.registered.kind == "encoder"
    remedy = message("use a causal encoder") if is_encoder else message("use a causal embedding")
    remedies = [remedy, *head.causal_alternatives]
    return message(
        "'{name}' is not causal: its {outputs} depend on the tokens that '{head}' predicts, so the training loss "
        "would be misleadingly low and generation would fail: {remedies}",
        name=spec.name,
        outputs=message("outputs") if is_encoder else message("vectors"),
        head=head_spec.name,
        remedies=message(", or ").join(remedies),
    )


def directions_fault(spec: Spec, head_spec: Spec, component: Encoder | Embedding, head: Head) -> str | None:
    """Return why a head that needs separate directions cannot be used with an encoder or embedding; None if it can.

    Takes the arguments of `causality_fault`.
    """
    if "separate_directions" not in head.needs:
        return None
    if isinstance(component, Embedding):
        if not component.reads_neighbors:
            return None
        return message(
            "the vectors of '{embedding}' depend on neighboring tokens, which '{head}' predicts: use an embedding of "
            "single tokens, such as `learned`",
            embedding=spec.name,
            head=head_spec.name,
        )
    if component.separate_directions:
        return None
    return message(
        "'{encoder}' does not keep a forward and a backward direction separate, so '{head}' could read the tokens that "
        "it predicts: use an encoder that does, such as a `bilstm` with `num_layers: 1`",
        encoder=spec.name,
        head=head_spec.name,
    )
