"""What the heads `regress` and `multi_label` show in the report, and the reliability diagram of classifiers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from seqkit.contracts import Example, Series, Table
from seqkit.heads.calibration import ReliabilityBin, accuracy_interval
from seqkit.heads.exhibits import reliability_diagram
from seqkit.heads.label_set_exhibits import label_set_exhibits
from seqkit.heads.number_exhibits import number_exhibits
from seqkit.reports.exhibits import render_exhibit

EXAMPLES = [Example(text, None, row=number) for number, text in enumerate("abcd", start=1)]


@pytest.mark.parametrize(("right", "count"), [(0, 3), (3, 3), (7, 10), (190, 200)])
def test_intervals_are_those_of_scipy(right: int, count: int) -> None:
    expected = binomtest(right, count).proportion_ci(0.95, "wilson")
    found = accuracy_interval(ReliabilityBin(0.0, 0.1, count, 0.05, right / count))
    assert found == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_reliability_is_accuracy_by_probability() -> None:
    diagram = reliability_diagram(np.array([0.61, 0.61, 0.95, 0.99]), np.array([True, False, True, True]), right="hits")
    measured, diagonal = diagram.lines
    assert measured.x == pytest.approx((0.61, 0.97))
    assert measured.y == (0.5, 1.0)
    assert all(low <= y <= high for low, y, high in zip(measured.low, measured.y, measured.high, strict=True))
    assert (diagonal.x, diagonal.y, diagonal.dashed) == ((0, 1), (0, 1), True)
    assert "error is 0.070" in diagram.note  # (2 * 0.11 + 2 * 0.03) / 4


def test_numbers_are_shown_against_the_truth() -> None:
    truth, predicted = np.array([[3.0], [1.0], [2.0], [4.0]]), np.array([[3.5], [1.0], [0.0], [4.25]])
    against, residuals, worst = number_exhibits(truth, predicted, np.ones(1), EXAMPLES)
    assert isinstance(against, Series) and isinstance(residuals, Series) and isinstance(worst, Table)
    assert (against.lines[0].x, against.lines[0].y) == ((1.0, 2.0, 3.0, 4.0), (1.0, 0.0, 3.5, 4.25))
    assert (residuals.lines[0].x, residuals.lines[0].y) == ((0.0, 1.0, 3.5, 4.25), (-2.0, 0.0, 0.5, 0.25))
    assert against.lines[0].points and (against.lines[1].y, residuals.lines[1].y) == ((1.0, 4.0), (0, 0))
    assert worst.columns == ("row", "text", "true", "predicted", "residual")
    assert worst.rows[0] == (3, "c", 2.0, 0.0, -2.0)
    assert [row[0] for row in worst.rows] == [3, 1, 4, 2]
    assert render_exhibit(against).count("<circle") == 4
    assert "the examples: 4 points" in render_exhibit(against)


def test_many_and_several_numbers_have_few_points_and_charts() -> None:
    truth = np.random.default_rng(0).normal(size=(1000, 6))
    shown = list(number_exhibits(truth, truth + 1, truth.std(axis=0), [Example("a", None)] * 1000))
    charts = [each for each in shown if isinstance(each, Series)]
    assert [each.title for each in charts[:2]] == ["Predicted against true: number 1 of 6", "Residuals: number 1 of 6"]
    assert (len(charts), {len(each.lines[0].x) for each in charts}) == (8, {300})
    assert charts[0].lines[0].x[::299] == (truth[:, 0].min(), truth[:, 0].max())
    assert len(shown[-1].rows) == 20 and shown[-1].rows[0][1].count(",") == 5  # type: ignore[union-attr]


def test_labels_are_shown_with_their_errors() -> None:
    truth = [["x"], ["x", "y"], [], ["new"]]
    predicted = [["x"], ["x"], ["x", "y"], []]
    probabilities = [dict(zip("xy", pair, strict=True)) for pair in ((0.8, 0.1), (0.7, 0.4), (0.9, 0.6), (0.2, 0.3))]
    labels, worst, diagram = label_set_exhibits(truth, predicted, probabilities, ["x", "y"], EXAMPLES)
    assert isinstance(labels, Table) and isinstance(worst, Table) and isinstance(diagram, Series)
    assert labels.columns == ("label", "texts with it", "predicted", "right", "missed", "spurious")
    assert labels.rows == (("y", 1, 1, 0, 1, 1), ("x", 2, 3, 2, 0, 1), ("new", 1, 0, 0, 1, 0))
    assert worst.rows == ((3, "c", "", "x, y", "x", 0.9), (2, "b", "x, y", "x", "y", 0.6))
    assert diagram.note.startswith("8 predictions in 15 bins of probability")
