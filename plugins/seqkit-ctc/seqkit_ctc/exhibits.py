"""What the report shows of transcripts: those with most errors."""

from __future__ import annotations

from collections.abc import Sequence

from seqkit.contracts import Transcript, Transcripts
from seqkit.messages import message
from seqkit_ctc.edit_distance import edit_distance

SHOWN = 20
"""The maximum number of transcripts."""


def worst_transcripts(
    scored: Sequence[tuple[Sequence[str], Sequence[str], float]], *, separator: str
) -> list[Transcripts]:
    """Return the transcripts with most errors per label.

    Args:
        scored: the labels of each target and of its transcript, and the probability of the transcript.
        separator: what is between two labels.
    """
    wrong = [
        (edit_distance(expected, predicted), number)
        for number, (expected, predicted, _) in enumerate(scored)
        if expected != predicted
    ]
    wrong.sort(key=lambda pair: -pair[0] / max(1, len(scored[pair[1]][0])))
    items = []
    for errors, number in wrong[:SHOWN]:
        expected, predicted, probability = scored[number]
        facts = (
            (message("errors"), errors),
            (message("probability"), float(probability)),
            (message("example"), number + 1),
        )
        items.append(Transcript(tuple(expected), tuple(predicted), facts=facts))
    if not items:
        return []
    note = message(
        "{shown} of the {wrong:,} transcripts with an error, out of {count:,}: most errors per label.",
        shown=len(items),
        wrong=len(wrong),
        count=len(scored),
    )
    return [Transcripts(message("Worst transcripts"), tuple(items), separator, note=note)]
