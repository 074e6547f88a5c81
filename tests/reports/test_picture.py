"""A picture of curves stands alone: one SVG with its style, its title and its legend."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

import seqkit
from helpers.pages import SVG
from seqkit.contracts import Line
from seqkit.reports.line_chart import Marker, line_chart
from seqkit.reports.picture import picture


def texts(svg: str) -> list[str | None]:
    return [each.text for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_curves_of_a_run_are_a_picture(classification_run: Path, tmp_path: Path) -> None:
    run = seqkit.load(classification_run)
    curves = run.curves()
    assert repr(curves) == "<picture of loss>"
    assert curves._repr_svg_() == curves.svg
    assert {"loss", "train", "step"} <= set(texts(curves.svg))
    assert curves.save(tmp_path / "loss.svg").read_text(encoding="utf-8") == curves.svg
    with pytest.raises(seqkit.UsageError, match="No such file"):
        curves.save(tmp_path / "missing" / "loss.svg")
    for path in (tmp_path / "loss.png", tmp_path, "."):
        with pytest.raises(seqkit.UsageError, match="the picture is SVG: name a file that ends in .svg$"):
            curves.save(path)
    assert not (tmp_path / "loss.png").exists()


def test_curves_of_several_runs_have_their_names(classification_run: Path) -> None:
    run = seqkit.load(classification_run)
    names = texts(run.curves("loss", run).svg)
    assert names.count(f"{classification_run.name}, train") == 2


def test_an_unknown_metric_is_rejected_with_those_that_exist(classification_run: Path) -> None:
    with pytest.raises(seqkit.UsageError, match="has no curve of 'f1': use one of loss"):
        seqkit.load(classification_run).curves("f1")


def test_a_legend_is_above_the_chart_in_rows_that_fit() -> None:
    lines = [Line(f"a long name of run {number}", (0, 1), (1.0, 2.0)) for number in range(5)]
    chart = line_chart(lines, title="a < b", markers=[Marker(1, "best")], levels=[("baseline", 1.5)])
    root = ElementTree.fromstring(picture(chart).svg)
    inner = root.find(f"{SVG}svg")
    assert inner is not None
    top, width = float(inner.get("y", "")), float(root.get("viewBox", "").split()[2])
    entries = root.findall(f"{SVG}text")
    assert [entry.text for entry in entries] == ["a < b", *(line.name for line in lines), "baseline", "best"]
    assert all(float(entry.get("y", "")) < top for entry in entries)
    assert len({entry.get("y") for entry in entries}) > 2
    assert all(float(entry.get("x", "")) + 6 * len(entry.text or "") < width for entry in entries)
    assert float(root.get("viewBox", "").split()[3]) == top + float(inner.get("height", ""))
