"""From the probabilities of every step to the labels in order.

An alignment names for each step a label or the blank, 0. It stands for the labelling that is left when equal
neighbours are merged and the blanks then dropped: 0 3 3 0 3 5 is 3 3 5. The probability of a labelling is the sum over
all alignments that stand for it (Graves et al., 2006).
"""

from __future__ import annotations

import numpy as np

BLANK = 0


def collapse(alignment: np.ndarray) -> list[int]:
    """Returns the labelling that an alignment, int (time,), stands for."""
    changes = np.flatnonzero(np.diff(alignment, prepend=-1))
    return [int(label) for label in alignment[changes] if label != BLANK]


def greedy(log_probabilities: np.ndarray) -> list[int]:
    """Returns the labelling of the likeliest alignment, which need not be the likeliest labelling.

    Args:
        log_probabilities: float (time, labels), the blank's in the column 0.
    """
    return collapse(log_probabilities.argmax(axis=1))


def prefix_beam(log_probabilities: np.ndarray, beam_size: int) -> list[int]:
    """Returns the likeliest labelling that a beam search over prefixes finds.

    A beam holds prefixes of labellings. Of each it knows two probabilities, those of all alignments up to this step
    that stand for the prefix and end in a blank, or in its last label: only after a blank can that label come again.
    The sums are exact for as long as nothing that leads to a prefix is dropped from the beam. The search
    is that of Hannun et al., 2014, without a language model.

    Args:
        log_probabilities: float (time, labels), the blank's in the column 0.
        beam_size: how many prefixes are kept after each step.
    """
    prefixes: list[tuple[int, ...]] = [()]
    ends_blank = np.zeros(1)  # log probabilities, (beam,)
    ends_label = np.full(1, -np.inf)
    for step in log_probabilities:
        last = np.array([prefix[-1] if prefix else BLANK for prefix in prefixes])
        either = np.logaddexp(ends_blank, ends_label)
        # What a prefix becomes when a label is added to it: (beam, labels).
        added = either[:, None] + step
        repeats = np.flatnonzero(last != BLANK)
        added[repeats, last[repeats]] = ends_blank[repeats] + step[last[repeats]]
        added[:, BLANK] = -np.inf
        # And when none is: a blank follows, or the last label goes on.
        stays_blank = either + step[BLANK]
        stays_label = np.where(last == BLANK, -np.inf, ends_label + step[last])
        # One that is in the beam already, as a prefix of its own, is the same prefix.
        places = {prefix: place for place, prefix in enumerate(prefixes)}
        for place, prefix in enumerate(prefixes):
            parent = places.get(prefix[:-1]) if prefix else None
            if parent is not None:
                stays_label[place] = np.logaddexp(stays_label[place], added[parent, prefix[-1]])
                added[parent, prefix[-1]] = -np.inf
        scores = np.concatenate([np.logaddexp(stays_blank, stays_label), added.ravel()])
        best = np.argsort(-scores, kind="stable")[:beam_size]
        best = best[scores[best] > -np.inf]
        grown, labels = np.divmod(best - len(prefixes), len(step))
        stays = best < len(prefixes)
        ends_blank = np.where(stays, stays_blank[np.where(stays, best, 0)], -np.inf)
        ends_label = np.where(stays, stays_label[np.where(stays, best, 0)], scores[best])
        prefixes = [
            prefixes[place] if stay else (*prefixes[parent], int(label))
            for place, stay, parent, label in zip(best, stays, grown, labels, strict=True)
        ]
    return list(prefixes[0])
