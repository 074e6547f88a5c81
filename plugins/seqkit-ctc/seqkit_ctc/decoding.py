"""Decoding: from the label probabilities of each time step to a sequence of labels.

An alignment assigns to each time step a label or the blank, 0. It represents the labeling that is left after merging
equal neighbors and then removing blanks: 0 3 3 0 3 5 represents 3 3 5. The probability of a labeling is the sum over
all alignments that represent it (Graves et al., 2006).
"""

from __future__ import annotations

import numpy as np

BLANK = 0


def collapse(alignment: np.ndarray) -> list[int]:
    """Return the labeling that an alignment, int (time,), represents."""
    changes = np.flatnonzero(np.diff(alignment, prepend=-1))
    return [int(label) for label in alignment[changes] if label != BLANK]


def greedy_decode(log_probabilities: np.ndarray) -> list[int]:
    """Return the labeling of the most likely alignment, which need not be the most likely labeling.

    Args:
        log_probabilities: float (time, labels); column 0 is the blank.
    """
    return collapse(log_probabilities.argmax(axis=1))


def prefix_beam_search(log_probabilities: np.ndarray, beam_size: int) -> list[int]:
    """Return the most likely labeling found by a beam search over prefixes.

    The beam holds prefixes of labelings, each with two probabilities: those of all alignments up to this time step
    that represent the prefix and end in a blank, or in its last label. The distinction is necessary since that label
    can be repeated only after a blank. The sums are exact unless a prefix that leads to the labeling was dropped.
    Reference: Hannun et al., 2014, without the language model.

    Args:
        log_probabilities: float (time, labels); column 0 is the blank.
        beam_size: the number of prefixes that remain after each time step.
    """
    prefixes: list[tuple[int, ...]] = [()]
    ends_blank = np.zeros(1)  # log probabilities, (beam,)
    ends_label = np.full(1, -np.inf)
    for step in log_probabilities:
        last = np.array([prefix[-1] if prefix else BLANK for prefix in prefixes])
        total = np.logaddexp(ends_blank, ends_label)
        # Extend each prefix by each label: (beam, labels).
        extended = total[:, None] + step
        nonempty = np.flatnonzero(last != BLANK)
        extended[nonempty, last[nonempty]] = ends_blank[nonempty] + step[last[nonempty]]
        extended[:, BLANK] = -np.inf
        # Or leave it unchanged: a blank follows, or the last label is repeated.
        unchanged_blank = total + step[BLANK]
        unchanged_label = np.where(last == BLANK, -np.inf, ends_label + step[last])
        # Merge an extended prefix with an equal one that is already in the beam.
        positions = {prefix: position for position, prefix in enumerate(prefixes)}
        for position, prefix in enumerate(prefixes):
            parent = positions.get(prefix[:-1]) if prefix else None
            if parent is not None:
                unchanged_label[position] = np.logaddexp(unchanged_label[position], extended[parent, prefix[-1]])
                extended[parent, prefix[-1]] = -np.inf
        scores = np.concatenate([np.logaddexp(unchanged_blank, unchanged_label), extended.ravel()])
        best = np.argsort(-scores, kind="stable")[:beam_size]
        best = best[scores[best] > -np.inf]
        parents, labels = np.divmod(best - len(prefixes), len(step))
        is_unchanged = best < len(prefixes)
        ends_blank = np.where(is_unchanged, unchanged_blank[np.where(is_unchanged, best, 0)], -np.inf)
        ends_label = np.where(is_unchanged, unchanged_label[np.where(is_unchanged, best, 0)], scores[best])
        prefixes = [
            prefixes[position] if unchanged else (*prefixes[parent], int(label))
            for position, unchanged, parent, label in zip(best, is_unchanged, parents, labels, strict=True)
        ]
    return list(prefixes[0])
