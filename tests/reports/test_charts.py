"""Tests of the charts: their marks are where their values are, and texts in them are escaped."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.pages import SVG
from seqkit.contracts import Line
from seqkit.reports.axes import Axis, tick_label
from seqkit.reports.charts import bar_chart, heat_map
from seqkit.reports.edits import align
from seqkit.reports.interval_chart import Group, interval_chart
from seqkit.reports.line_chart import Marker, line_chart

HOSTILE = "</title><script>alert(1)</script>\x00\ud800&\"'"


def picture(figure: str) -> ElementTree.Element:
    """Return the SVG of a figure."""
    (svg,) = re.findall(r"<svg.*</svg>", figure, re.DOTALL)
    return ElementTree.fromstring(svg)


def test_points_are_where_the_axis_places_them() -> None:
    svg = picture(line_chart([Line("valid", (0, 10, 20), (1.0, 2.0, 3.0))], title="loss"))
    points = [(float(each.get("cx", "")), float(each.get("cy", ""))) for each in svg.iter(f"{SVG}circle")]
    (x0, y0), (x1, y1), (x2, y2) = points
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2) and x0 < x1
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2) and y0 > y1  # larger values are higher
    grid = {
        text.text: float(text.get("y", "")) - 4 for text in svg.iter(f"{SVG}text") if text.get("text-anchor") == "end"
    }
    assert y1 == pytest.approx(grid["2"], abs=0.2)


def test_best_epoch_and_baseline_are_marked() -> None:
    svg = picture(
        line_chart(
            [Line("valid", (1, 2, 3), (0.5, 0.75, 0.625))],
            title="accuracy",
            markers=[Marker(2, "best epoch")],
            levels=[("baseline", 0.625)],
        )
    )
    (best,) = (each for each in svg.iter(f"{SVG}circle") if each.get("class") == "c0 best")
    (mark,) = (each for each in svg.iter(f"{SVG}line") if each.get("class") == "at")
    (level,) = (each for each in svg.iter(f"{SVG}line") if each.get("class") == "level")
    points = [each for each in svg.iter(f"{SVG}circle") if each.get("class") == "c0 point"]
    assert mark.get("x1") == mark.get("x2") == best.get("cx") == points[1].get("cx")
    assert level.get("y1") == level.get("y2") == points[2].get("cy")


def test_values_over_orders_of_magnitude_have_a_logarithmic_scale() -> None:
    line = Line("train", (0, 1, 2), (1.0, 0.1, 0.01))
    figure = line_chart([line], title="loss", may_be_logarithmic=True)
    heights = [float(each.get("cy", "")) for each in picture(figure).iter(f"{SVG}circle")]
    assert heights[1] - heights[0] == pytest.approx(heights[2] - heights[1], abs=0.2)
    assert "log scale" in figure
    assert "log scale" not in line_chart([line], title="loss")


def test_a_long_line_keeps_its_extremes() -> None:
    values = [float(number % 7) for number in range(20_000)]
    values[12_345], values[678] = 100.0, -50.0
    figure = line_chart([Line("train", tuple(range(20_000)), tuple(values))], title="loss")
    path = next(each for each in picture(figure).iter(f"{SVG}path"))
    heights = [float(pair.split(",")[1]) for pair in re.split("[ML ]+", path.get("d", "")) if pair]
    assert len(heights) <= 420
    axis = Axis.fit([-50.0, 100.0], 194, 10)
    assert min(heights) == pytest.approx(axis.place(100.0), abs=0.1)
    assert max(heights) == pytest.approx(axis.place(-50.0), abs=0.1)


@pytest.mark.parametrize(
    "values", [(1e308, -1e308), (5e-324, 1.0), (0.0, 0.0), (1e-300, 1e300), (2.0**53, 2.0**53 + 2), (-1e-9, 1e9)]
)
@pytest.mark.parametrize("logarithmic", [False, True])
def test_extreme_values_are_drawn_or_left_out(values: tuple[float, ...], logarithmic: bool) -> None:
    lines = [Line("a", (0, 1), values), Line("b", (0, 10**400), values), Line("c", (0, 1), (None, None))]
    chart = line_chart(lines, title="x", levels=[("level", values[0])], may_be_logarithmic=logarithmic)
    assert chart == '<p class="note">no values</p>' if abs(values[0]) > 1e250 else picture(chart)


def test_a_gap_divides_a_line() -> None:
    figure = line_chart([Line("x", (0, 1, 2, 3, 4), (1.0, 2.0, None, 3.0, 2.0))], title="x")
    path = next(each for each in picture(figure).iter(f"{SVG}path"))
    assert path.get("d", "").count("M") == 2


def test_bars_begin_at_zero() -> None:
    svg = picture(bar_chart(["a", "b"], [("train", [2.0, 4.0])], title="labels"))
    low, high = (float(each.get("height", "")) for each in svg.iter(f"{SVG}rect"))
    assert high == pytest.approx(2 * low, abs=0.2)


def test_colors_of_a_confusion_matrix_are_shares_of_its_rows() -> None:
    svg = picture(heat_map([[90, 10], [1, 1]], ["a", "b"], ["a", "b"], title="confusion", by_row=True))
    assert [each.get("fill-opacity") for each in svg.iter(f"{SVG}rect")] == ["0.900", "0.100", "0.500", "0.500"]


def test_texts_in_charts_are_escaped() -> None:
    figures = [
        line_chart([Line(HOSTILE, (0, 1), (1.0, 2.0))], title=HOSTILE, x_title=HOSTILE, levels=[(HOSTILE, 1.5)]),
        bar_chart([HOSTILE, "b"], [(HOSTILE, [1, 2])], title=HOSTILE),
        heat_map([[1]], [HOSTILE], [HOSTILE], title=HOSTILE, row_title=HOSTILE, column_title=HOSTILE),
    ]
    for figure in figures:
        assert "<script" not in figure
        assert {each.tag for each in picture(figure).iter()} <= {
            f"{SVG}{name}" for name in ("svg", "title", "desc", "text", "line", "path", "rect", "circle")
        }


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=5), st.booleans())
def test_every_value_is_on_its_axis(values: list[float], logarithmic: bool) -> None:
    axis = Axis.fit(values, 0, 100, may_be_logarithmic=logarithmic)
    assert all(-1e-6 <= axis.place(value) <= 100 + 1e-6 for value in (*values, *axis.ticks))
    assert 2 <= len(axis.ticks) <= 12
    assert len({tick_label(tick) for tick in axis.ticks}) == len(axis.ticks) or max(map(abs, values)) > 1e3


@pytest.mark.parametrize(
    ("value", "label"),
    [(0, "0"), (0.1 + 0.2, "0.3"), (2500, "2500"), (20_000, "20k"), (1.5e6, "1.5M"), (1e-6, "1e-6"), (-3e9, "-3G")],
)
def test_tick_labels_are_short(value: float, label: str) -> None:
    assert tick_label(value) == label


@given(st.text("ab", max_size=8), st.text("ab", max_size=8))
def test_alignments_have_the_fewest_edits(expected: str, predicted: str) -> None:
    pairs = align(expected, predicted)
    assert "".join(one for one, _ in pairs if one) == expected
    assert "".join(other for _, other in pairs if other) == predicted
    assert sum(one != other for one, other in pairs) == edit_distance(expected, predicted)


def edit_distance(one: str, other: str) -> int:
    """Return the edit distance by its recursive definition."""
    if not one or not other:
        return len(one) + len(other)
    if one[0] == other[0]:
        return edit_distance(one[1:], other[1:])
    return 1 + min(edit_distance(one[1:], other), edit_distance(one, other[1:]), edit_distance(one[1:], other[1:]))


def test_an_interval_chart_has_a_point_per_value_and_a_line_per_interval() -> None:
    groups = [
        Group("one", (("seed 1", 0.5), ("seed 2", 0.7)), 0.6, 0.4, 0.8),
        Group(HOSTILE, (("seed 1", 0.9),), 0.9),
    ]
    svg = picture(interval_chart(groups, title="t", levels=[("b", 0.1)]))
    circles = list(svg.iter(f"{SVG}circle"))
    assert len([each for each in circles if "point" in each.get("class", "")]) == 3
    assert len([each for each in circles if "best" in each.get("class", "")]) == 2
    (line,) = svg.iter(f"{SVG}path")
    low, high = (float(part.split(",")[1]) for part in line.get("d", "").replace("M", "").split(" L"))
    assert high < low


def test_a_group_that_no_axis_can_show_is_left_out_of_an_interval_chart() -> None:
    groups = [Group("one", (("seed 1", 1e308), ("seed 2", -1e308)), 0.0), Group("two", (("seed 1", 0.9),), 0.9)]
    figure = interval_chart(groups, title="t", levels=[("b", 1e308)])
    assert [each.get("class") for each in picture(figure).iter(f"{SVG}circle")] == ["c1 best", "c1 point"]
    assert interval_chart(groups[:1], title="t") == '<p class="note">no values</p>'


def test_labels_of_bars_do_not_overlap() -> None:
    groups = [f"{start}–{start + 6}" for start in range(100, 254, 7)]
    svg = picture(bar_chart(groups, [("train", [1.0] * len(groups))], title="Lengths", is_ordered=True))
    labels = [each for each in svg.iter(f"{SVG}text") if each.get("text-anchor") == "middle" and len(each)]
    places = [float(each.get("x", "")) for each in labels]
    widest = max(len(each.find(f"{SVG}title").tail or "") for each in labels)  # type: ignore[union-attr]
    assert widest == len("100–106")  # a range is not shortened
    assert min(b - a for a, b in zip(places, places[1:], strict=False)) > widest * 6.5


def test_names_of_bars_are_shortened_rather_than_left_out() -> None:
    names = [f"B-person-{number}" for number in range(8)]
    svg = picture(bar_chart(names, [("train", [1.0] * 8)], title="Labels"))
    labels = [each.find(f"{SVG}title") for each in svg.iter(f"{SVG}text") if len(each)]
    assert [each.text for each in labels if each is not None] == names
    assert len({each.tail for each in labels if each is not None}) == len(names)


def test_shortened_labels_differ() -> None:
    groups = [Group(f"hidden_size={size}", (("seed 1", 1.0),), 1.0) for size in (4, 6, 8, 10)]
    labels = [each.find(f"{SVG}title") for each in picture(interval_chart(groups, title="loss")).iter(f"{SVG}text")]
    assert [each.tail for each in labels if each is not None] == ["…=4", "…=6", "…=8", "…=10"]
    labels = [each.find(f"{SVG}title") for each in picture(interval_chart(groups[:2], title="loss")).iter(f"{SVG}text")]
    assert [each.tail for each in labels if each is not None] == ["hidden_size=4", "hidden_size=6"]


def test_a_legend_shows_points_as_points() -> None:
    figure = line_chart([Line("examples", (1, 2), (1.0, 2.0), points=True)], title="residuals")
    assert '<i class="c0 points" aria-hidden="true"></i>examples' in figure


@pytest.mark.parametrize("largest", [4e8, 0.0075, 1.1e7])
def test_the_title_of_an_axis_is_beside_its_labels(largest: float) -> None:
    line = Line("valid", (0, 1, 2), (-largest, 0, largest))
    svg = picture(line_chart([line], title="errors", x_title="true", y_title="predicted - true"))
    texts = list(svg.iter(f"{SVG}text"))
    (title,) = (text for text in texts if text.text == "predicted - true")
    right = float(re.findall(r"translate\((\d+) ", title.get("transform", ""))[0]) + 4  # half of a line of 11 pixels
    labels = [text for text in texts if text.get("text-anchor") == "end" and float(text.get("y", "")) < 210]
    assert labels and all(float(text.get("x", "")) - 6.5 * len(text.text or "") > right - 1 for text in labels)
