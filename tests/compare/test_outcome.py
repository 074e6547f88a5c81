"""The verdict in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from seqkit.compare.documents import as_json
from seqkit.compare.outcome import Measurements, compare, mean_baseline
from seqkit.compare.pages import comparison_page
from seqkit.compare.statistics import paired_difference
from seqkit.compare.texts import markdown, score_rows
from seqkit.compare.variants import fold_variants, seed_variants

SEEDS = seed_variants(range(5))
BASELINE = {"name": "majority", "accuracy": 0.5, "others": [{"name": "TF-IDF", "accuracy": 0.7}]}


def measured(name: str, values: Sequence[float], **more: Any) -> Measurements:
    return Measurements(name, f"{name}.yaml", (), {}, dict(zip(SEEDS, values, strict=False)), **more)


def verdicts(*candidates: Measurements, higher: bool = True) -> list[str]:
    found = compare(candidates, "accuracy", higher, "valid", SEEDS, "")
    return [outcome.verdict for outcome in found.outcomes]


REFERENCE = measured("a", [0.80, 0.82, 0.81, 0.83, 0.80])


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([0.90, 0.92, 0.91, 0.93, 0.91], "better"),
        ([0.70, 0.72, 0.71, 0.73, 0.71], "worse"),
        ([0.79, 0.84, 0.80, 0.83, 0.81], "no difference to be seen with 5 seeds"),
        ([0.80, 0.82, 0.81, 0.83, 0.80], "no difference to be seen with 5 seeds"),
        ([0.99], "one seed shows no difference: use --seeds 5"),
        ([], "no run has a value: "),
    ],
)
def test_verdict(values: list[float], verdict: str) -> None:
    assert verdicts(REFERENCE, measured("b", values)) == ["the reference", verdict]


def test_where_less_is_better_the_verdict_is_reversed() -> None:
    lower = measured("b", [0.5, 0.52, 0.51, 0.53, 0.51])
    assert verdicts(REFERENCE, lower, higher=False)[1] == "better"
    assert compare([REFERENCE, lower], "loss", False, "valid", SEEDS, "").best.measured.name == "b"  # type: ignore[union-attr]


def test_the_best_of_the_baselines_counts() -> None:
    poor = measured("b", [0.60, 0.62, 0.61, 0.63, 0.61], baseline=BASELINE)
    assert verdicts(measured("a", [0.5, 0.51, 0.52, 0.5, 0.51], baseline=BASELINE), poor) == [
        "the reference, below its baseline",
        "better, below its baseline",
    ]
    assert verdicts(measured("a", [0.8, 0.9], baseline=BASELINE)) == ["above its baseline"]
    assert verdicts(measured("a", [0.7], baseline=BASELINE)) == ["no better than its baseline"]
    assert verdicts(measured("a", [0.7])) == ["without a baseline to compare with"]


def test_many_candidates_need_a_clearer_difference() -> None:
    slightly = [measured(str(number), [0.82, 0.83, 0.85, 0.84, 0.81]) for number in range(6)]
    assert verdicts(REFERENCE, slightly[0])[1] == "better"
    assert set(verdicts(REFERENCE, *slightly)[1:]) == {"no difference to be seen with 5 seeds"}


def test_only_seeds_that_both_have_are_paired() -> None:
    partly = Measurements(
        "b", "b.yaml", (), {}, {SEEDS[1]: 0.92, SEEDS[3]: 0.93}, failures=dict.fromkeys(SEEDS[::2], "x")
    )
    found = compare([REFERENCE, partly], "accuracy", True, "valid", SEEDS, "")
    difference = found.outcomes[1].difference
    assert difference is not None and difference.count == 2
    assert difference.interval.mean == pytest.approx((0.92 - 0.82 + 0.93 - 0.83) / 2)
    assert found.outcomes[1].verdict.endswith("3 of its runs have no value")


def test_a_note_says_which_candidates_could_not_be_matched() -> None:
    a, b, c = (
        measured(name, [0.8, 0.9], costs={"weights": weights}, train_seconds=dict.fromkeys(SEEDS[:2], seconds))
        for name, weights, seconds in (("a", 100, 10.0), ("b", 105, 30.0), ("c", 60, 11.0))
    )
    for match, name in (("parameters", "c has 0.60 times the weights"), ("seconds", "b has 3.00 times the training")):
        notes = " ".join(compare([a, b, c], "accuracy", True, "valid", SEEDS[:2], match).notes)
        assert name in notes and notes.count("times the") == 1


def test_tables_have_a_cell_per_column_and_names_break_nothing() -> None:
    found = compare([REFERENCE, measured("b|\n", [])], "accuracy", True, "valid", SEEDS, "parameters")
    assert {len(row) for row in score_rows(found)} == {8}
    text = markdown(found, "title", ["facts"])
    assert "| b\\|  | 0 |" in text
    assert as_json(found)["candidates"][1]["mean"] is None


def test_scores_on_different_examples_are_not_compared() -> None:
    better = [measured(name, [0.9, 0.92, 0.91, 0.93, 0.91]) for name in "bc"]
    found = compare([REFERENCE, *better], "accuracy", True, "valid", SEEDS, same_data=False)
    document, text, page = as_json(found), markdown(found, "title", []), comparison_page(found, [])
    assert document["best"] is None
    for each in document["candidates"]:
        assert (each["difference"], each["verdict"]) == (None, "not compared")
    assert all(row[5:] == ("", "", "") for row in score_rows(found)[1:])
    assert found.notes[0].startswith("The valid split differs between candidates")
    for shown in (text, page):
        assert not [
            word for word in ("better", "best mean", "Holm", "0.00") if f"{word}," in shown or f": {word}" in shown
        ]


def test_folds_are_paired_and_seeds_averaged_over_within_a_fold() -> None:
    variants = fold_variants(3, [7, 8])
    first, second = (
        Measurements(name, "a.yaml", (), {}, dict(zip(variants, values, strict=True)))
        for name, values in (("a", [0.5, 0.6, 0.7, 0.7, 0.6, 0.7]), ("b", [0.6, 0.7, 0.9, 0.9, 0.9, 0.8]))
    )
    found = compare([first, second], "accuracy", True, "test", variants, test_ratio=0.5)
    difference = found.outcomes[1].difference
    expected = paired_difference([0.75, 0.8, 0.85], [0.6, 0.6, 0.7], 0.5)
    assert difference is not None and difference.count == 3
    assert (difference.interval.low, difference.p) == pytest.approx((expected.interval.low, expected.p))
    assert found.folds == 3 and found.outcomes[1].verdict == "better"
    assert list(as_json(found)["candidates"][0]["values"])[-1] == "fold-2-seed-8"
    assert "accuracy on the test splits of 3 folds, seeds 7 to 8" in markdown(found, "title", [])


def test_the_baseline_of_several_folds_is_their_mean() -> None:
    others = [{"name": "TF-IDF", "accuracy": 0.9}]
    found = mean_baseline([BASELINE, {"name": "majority", "accuracy": 0.7, "split": "test", "others": others}])
    assert found == {
        "name": "majority",
        "accuracy": pytest.approx(0.6),
        "others": [{"name": "TF-IDF", "accuracy": pytest.approx(0.8)}],
    }
    assert mean_baseline([]) is None
