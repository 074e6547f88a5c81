"""Check that the metric of a comparison means the same for all candidates, before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence

from seqkit.errors import UsageError
from seqkit.messages import listed, message
from seqkit.recipe.dry_build import dry_build
from seqkit.recipe.plan import Plan, Spec


def check_comparable(plans: Sequence[tuple[str, Plan]], metric: str | None) -> None:
    """Check that a metric has the same meaning and unit for all candidates.

    The loss has the unit of its head: nats per word or per sentence, or a squared error. Other metrics can be compared
    between two heads that both have them and predict the same kind of thing, and those that are means per token
    (`Head.token_metrics`) only between equal tokenizers.

    Args:
        plans: the name and the plan of each candidate; the first one is the reference.
        metric: the metric; None for the one that the first recipe chooses the best epoch by.

    Raises:
        UsageError: the metric cannot be compared; the message names those that can.
    """
    (name, first), *others = plans
    metric = metric or first.train.metric
    for other_name, other in others:
        heads = [dry_build(plan.head) for plan in (first, other)]
        if first.head.cls is not other.head.cls:
            reason = message("their heads are '{first}' and '{second}'", first=first.head.name, second=other.head.name)
            shared = _shared_metrics(first, other)
        elif metric in heads[0].token_metrics and _tokenizers(first) != _tokenizers(other):
            reason = message("it is a mean per token, and their tokenizers differ")
            shared = [each for each in heads[0].metric_names if each not in heads[0].token_metrics]
        else:
            continue
        if metric in shared:
            continue
        remedy = message("compare recipes of one task")
        if shared:
            remedy = message("pass --metric with one of {names}", names=listed(shared))
        raise UsageError(
            message(
                "{first} and {second} cannot be compared by {metric}: {reason}: {remedy}",
                first=name,
                second=other_name,
                metric=metric,
                reason=reason,
                remedy=remedy,
            )
        )


def _shared_metrics(first: Plan, second: Plan) -> list[str]:
    """Return the metrics besides `loss` that two plans with different heads can be compared by."""
    kinds, names = [], []
    for plan in (first, second):
        head = dry_build(plan.head)
        added = [(spec.name, dry_build(spec)) for spec in plan.train.metrics]
        kinds.append((head.provides - {"probabilities"}, head.per_time_step))
        names.append(
            {name: name in head.higher_is_better for name in head.metric_names if name not in head.token_metrics}
            | {metric.name or name: metric.higher_is_better for name, metric in added}
        )
    if kinds[0] != kinds[1]:
        return []
    return [name for name, is_higher in names[0].items() if names[1].get(name) == is_higher]


def _tokenizers(plan: Plan) -> list[Spec | None]:
    """Return the tokenizers whose tokens the head predicts."""
    return [each for each in plan.head.nested() if each.registered.kind == "tokenizer"] or [plan.tokenizer]
