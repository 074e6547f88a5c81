"""What the report shows of translations: the wrong ones that the model is surest of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqkit.contracts import Transcript, Transcripts
from seqkit.messages import message

SHOWN = 20
"""The maximum number of translations."""


def wrong_translations(
    predictions: Sequence[Mapping[str, Any]], targets: Sequence[str], inputs: Sequence[Any]
) -> list[Transcripts]:
    """Return the wrong translations with the highest probability.

    Args:
        predictions: with `translation` and `log_probability`, one per target.
        targets: the texts that were expected.
        inputs: what was translated: texts, or features, which are not shown.
    """
    wrong = [number for number, target in enumerate(targets) if predictions[number]["translation"] != target]
    if not wrong:
        return []
    wrong.sort(key=lambda number: -predictions[number]["log_probability"])
    separator = " " if any(" " in target for target in targets) else ""
    items = []
    for number in wrong[:SHOWN]:
        found = predictions[number]
        source = inputs[number] if isinstance(inputs[number], str) else ""
        texts = (targets[number], found["translation"])
        expected, predicted = (tuple(text.split(" ")) if separator else tuple(text) for text in texts)
        facts = (
            (message("log probability"), float(found["log_probability"])),
            (message("example"), number + 1),
        )
        items.append(Transcript(expected, predicted, source, facts))
    note = message(
        "{shown} of the {wrong:,} that differ from their target, out of {count:,}: the surest first.",
        shown=len(items),
        wrong=len(wrong),
        count=len(targets),
    )
    return [Transcripts(message("Wrong translations"), tuple(items), separator, note=note)]
