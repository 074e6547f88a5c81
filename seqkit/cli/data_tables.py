"""Print what `seqkit data` found out as tables in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seqkit.cli.columns import cell_text, text_lines, value_lines
from seqkit.messages import listed, message
from seqkit.reports.data_section import SIZE_HEADINGS

_MAX_LABELS = 12


def data_lines(found: Mapping[str, Any], width: int | None = None) -> Iterator[str]:
    """Yield the lines for the result of `seqkit.data.inspection.inspect_data`, translated.

    Args:
        found: the result.
        width: the number of columns of the terminal; None to print each line and each table whole.
    """
    for part in _parts(found):
        if isinstance(part, str):
            yield from text_lines(part, width, len(part) - len(part.lstrip(" ")) + 2)
        else:
            yield from value_lines(*part, width=width)


Table = tuple[Sequence[str], Sequence[Sequence[Any]]]
"""The headings and the rows of a table."""


def _parts(found: Mapping[str, Any]) -> Iterator[str | Table]:
    """Yield lines and tables."""
    splits = found["splits"]
    yield (
        SIZE_HEADINGS,
        [
            (split, each["examples"], each["rows"], each["time_steps"], each["median_length"], each["longest"])
            for split, each in splits.items()
        ],
    )
    if labels := found.get("labels"):
        yield ""
        yield from _labels(labels)
    if numbers := found.get("numbers"):
        yield ""
        yield _numbers(numbers)
    if vocabulary := found.get("vocabulary"):
        yield ""
        yield message("vocabulary: {size:,} tokens", size=vocabulary["size"])
        yield (
            (message("split"), message("distinct tokens"), message("unknown"), message("not in train")),
            [
                (split, each["distinct"], _percent(each["unknown"]), _percent(each["not_in_train"]))
                for split, each in vocabulary["splits"].items()
            ],
        )
    yield from _duplicates(found)
    if disagreements := found.get("disagreements"):
        yield ""
        yield message(
            "labels that disagree on equal texts: {texts:,} texts, {examples:,} examples",
            texts=disagreements["texts"],
            examples=disagreements["examples_affected"],
        )
        for each in disagreements["examples"]:
            yield message(
                "  {text}: {labels} ({places})",
                text=cell_text(each["text"]),
                labels=_differences(each["labels"]),
                places=_places(each["locations"]),
            )
    for split, each in found.get("entities", {}).items():
        if split != "train" and each["count"]:
            yield ""
            yield message(
                "entities of {split}: {count:,}, of which {share} occur in train too",
                split=split,
                count=each["count"],
                share=_percent(each["in_train"]),
            )
    for split, each in found.get("windows", {}).items():
        yield ""
        yield message(
            "windows of {length} time steps of {split} that occur in train too: {share} of {count:,}",
            length=each["length"],
            split=split,
            share=_percent(each["in_train"]),
            count=each["count"],
        )
    for note in found["notes"]:
        yield ""
        yield message("note: {text}", text=note)


def _labels(labels: Mapping[str, Any]) -> Iterator[str | Table]:
    counts, names = labels["counts"], labels["names"]
    totals = {split: max(1, total) for split, total in labels["totals"].items()}
    shown = [(name, {split: each[place] for split, each in counts.items()}) for place, name in enumerate(names)]
    shown = shown[:_MAX_LABELS]
    left_out = len(names) - len(shown) + labels["left_out"]
    if without := labels.get("without"):
        shown.append((message("(no label)"), without))
    yield (
        (message("label"), *counts),
        [
            (name, *(f"{each[split]:,} ({100 * each[split] / totals[split]:.1f}%)" for split in counts))
            for name, each in shown
        ],
    )
    if left_out:
        yield message("  and {count:,} rarer labels (--json lists more)", count=left_out)


def _numbers(numbers: Mapping[str, Any]) -> Table:
    """Return the quantiles of the targets; of several columns, each in its row."""
    heads = (
        message("target"),
        message("smallest"),
        message("lower quartile"),
        message("median"),
        message("upper quartile"),
        message("largest"),
    )
    rows = [
        (split if len(columns) == 1 else f"{split} {place}", *(f"{value:.6g}" for value in column))
        for split, columns in numbers.items()
        for place, column in enumerate(columns, start=1)
    ]
    return heads, rows


def _duplicates(found: Mapping[str, Any]) -> Iterator[str | Table]:
    if not (duplicates := found.get("duplicates")):
        return
    near = found.get("near_duplicates", {})
    yield ""
    rows: list[tuple[Any, ...]] = [
        (message("repeated in {split}", split=split), count) for split, count in duplicates["within"].items()
    ]
    rows += [
        (message("{split} also in {other}, word for word", split=split, other=other), count)
        for (split, other), count in ((pair.split(" in "), count) for pair, count in duplicates["across"].items())
    ]
    rows += [(message("{split} nearly equal to train", split=split), each["count"]) for split, each in near.items()]
    yield (message("duplicates"), message("examples")), rows
    for each in (example for of_split in near.values() for example in of_split["examples"][:2]):
        yield f"  {each['similarity']:.2f}  {each['location']}: {cell_text(each['text'])}"
        yield f"        {each['train_location']}: {cell_text(each['train_text'])}"


def _differences(labels: Sequence[Any]) -> str:
    """Return the labels of one text; of tags, those of the words on which they differ."""
    if not all(isinstance(label, list) and len(label) == len(labels[0]) for label in labels):
        return message(" or ").join(dict.fromkeys(map(str, labels)))
    places = [place for place, tags in enumerate(zip(*labels, strict=True)) if len(set(tags)) > 1]
    differing = [
        message(
            "word {number} {tags}",
            number=place + 1,
            tags=message(" or ").join(dict.fromkeys(str(tags[place]) for tags in labels)),
        )
        for place in places[:3]
    ]
    return listed([*differing, *(["…"] if len(places) > 3 else [])])


def _places(locations: Sequence[str]) -> str:
    """Return the first two locations; of two in one file, the line alone of the second."""
    first, *others = locations
    lines = [each.removeprefix(first.rpartition(":")[0] + ":") for each in others[:1]]
    return listed([first, *lines])


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}%"
