"""Byte-pair encoding: learn which pairs of neighboring tokens to merge, and merge them.

Reference: Sennrich, Haddow and Birch, Neural Machine Translation of Rare Words with Subword Units, 2016.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence

_BETWEEN = -1
"""Separates words, and replaces the second token of a pair that was merged."""


def learn_merges(
    words: Mapping[tuple[int, ...], int], count: int, min_count: int, first_id: int
) -> list[tuple[int, int]]:
    """Return the pairs of ids to merge, the most frequent first. The n-th merge has the id `first_id` + n, from 0.

    After each merge the pairs of all words are counted again; of pairs that occur equally often, the one with the
    smaller ids is merged. Counts are updated where a pair is merged, so the time depends on the length of the words,
    hardly on the number of merges.

    Args:
        words: the ids of each distinct word, with the number of its occurrences.
        count: the maximum number of merges.
        min_count: pairs with fewer occurrences are not merged.
        first_id: the id of the first merge.
    """
    tokens: list[int] = [_BETWEEN]
    weights: list[int] = [0]
    for word, occurrences in sorted(words.items()):
        tokens += [*word, _BETWEEN]
        weights += [occurrences] * (len(word) + 1)
    following, before = list(range(1, len(tokens) + 1)), list(range(-1, len(tokens) - 1))
    counts: defaultdict[tuple[int, int], int] = defaultdict(int)
    places: defaultdict[tuple[int, int], list[int]] = defaultdict(list)  # of the first token; some are outdated
    for place, pair in enumerate(zip(tokens, tokens[1:], strict=False)):
        if _BETWEEN not in pair:
            counts[pair] += weights[place]
            places[pair].append(place)
    heap = [(-number, pair) for pair, number in counts.items()]
    heapq.heapify(heap)
    merges: list[tuple[int, int]] = []
    while heap and len(merges) < count:
        negative, pair = heapq.heappop(heap)
        if counts[pair] < min_count or counts[pair] != -negative:
            continue  # the count changed, and is in the heap too if the pair still occurs
        merged = first_id + len(merges)
        merges.append(pair)
        changed: set[tuple[int, int]] = set()
        for first in sorted(places.pop(pair)):
            second = following[first]
            if tokens[first] != pair[0] or second >= len(tokens) or tokens[second] != pair[1]:
                continue
            weight, left, right = weights[first], before[first], following[second]
            tokens[first], tokens[second] = merged, _BETWEEN
            following[first] = right
            before[right] = first
            for neighbor, place, old, new in (
                (tokens[left], left, (tokens[left], pair[0]), (tokens[left], merged)),
                (tokens[right], first, (pair[1], tokens[right]), (merged, tokens[right])),
            ):
                if neighbor != _BETWEEN:
                    counts[old] -= weight
                    counts[new] += weight
                    places[new].append(place)
                    changed |= {old, new}
        counts[pair] = 0
        for each in changed - {pair}:
            if counts[each] >= min_count:
                heapq.heappush(heap, (-counts[each], each))
    return merges


def merge_pairs(ids: Sequence[int], merged_ids: Mapping[tuple[int, int], int]) -> list[int]:
    """Return ids after merging pairs, the pair with the smallest merged id first.

    Args:
        ids: the ids of a word.
        merged_ids: the id of each pair.
    """
    ids = list(ids)
    while len(ids) > 1:
        pairs = [merged_ids.get(pair) for pair in zip(ids, ids[1:], strict=False)]
        smallest = min((merged for merged in pairs if merged is not None), default=None)
        if smallest is None:
            break
        result: list[int] = []
        place = 0
        while place < len(ids):
            if place < len(pairs) and pairs[place] == smallest:
                result.append(smallest)
                place += 2
            else:
                result.append(ids[place])
                place += 1
        ids = result
    return ids
