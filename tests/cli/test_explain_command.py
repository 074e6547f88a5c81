"""The command `explain`: its table, its colors, JSON, and its page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import error_line
from helpers.pages import Page
from seqkit.explain.contents import ExplanationContents
from seqkit.explain.page import explanation_page, notebook_frame
from seqkit.terminal import display_width

TEXT = "很好 吃"


@pytest.fixture
def explain(run_command: Callable[..., Any], classification_run: Path) -> Callable[..., Any]:
    return lambda *arguments: run_command("explain", classification_run, *arguments)


def test_table_is_aligned_and_plain_without_a_terminal(explain: Callable[..., Any]) -> None:
    result = explain("很好吃")
    assert (result.code, result.err) == (0, "")
    assert "\x1b" not in result.out
    lines = result.out.splitlines()
    assert re.fullmatch(r"(pos|neg), probability 0\.\d{4}", lines[0])
    head = next(line for line in lines if line.split()[:1] == ["token"])
    assert head.split() == ["token", "gradients", "occlusion", "ended", "began", "forward", "backward"]
    rows = [line for line in lines if line.split()[1:2] in (["很"], ["好"], ["吃"])]
    assert [line.split()[0] for line in rows] == ["1", "2", "3"]
    assert {display_width(line) for line in [head, *rows]} == {display_width(head)}
    assert max(map(display_width, lines)) <= 100
    total, remainder = (next(line for line in lines if line.split()[:1] == [name]) for name in ("sum", "remainder"))
    assert abs(float(remainder.split()[1])) <= 0.01 * abs(float(total.split()[1])) + 1e-3


def test_colors_follow_the_environment(explain: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    colored = explain("很好吃").out
    assert re.search("\x1b\\[48;5;\\d+;38;5;\\d+m[很好吃]\x1b\\[0m", colored)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = explain("很好吃").out
    assert "\x1b" not in plain
    assert re.sub("\x1b\\[[\\d;]*m", "", colored).replace("\n很好吃\n\n", "\n", 1) == plain


def test_json(explain: Callable[..., Any]) -> None:
    data = json.loads(explain("很好", "--json", "--label", "pos").out)
    assert (data["label"], [item["token"] for item in data["tokens"]]) == ("pos", ["很", "好"])


def test_trace_prints_the_mean_of_each_gate(explain: Callable[..., Any]) -> None:
    out = explain("很好", "--trace").out
    assert "layer 1, forward: mean magnitude over 4 units" in out
    assert re.search(r"token  input gate  forget gate  cell candidate  output gate +cell  hidden state", out)


def test_page(explain: Callable[..., Any], tmp_path: Path) -> None:
    result = explain("很好吃", "--trace", "--html", "page.html")
    assert (result.code, result.out, result.err) == (0, "page.html\n", "")
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert len(page.pictures) == 3 + 2 * 6
    assert "if the text ended after the token" in page.text
    assert not page.tags() & {"script", "img", "iframe", "link"}
    assert not any("style" in attributes for _, attributes in page.elements)
    assert {"很", "好", "吃"} <= set(page.text.split())


def test_hostile_text_runs_nothing() -> None:
    bad = "</svg><script>alert(1)</script>\"'&\x00\u202e"
    contents = ExplanationContents(
        text=bad * 2,
        tokens=(bad, bad),
        label=bad,
        predicted="x",
        unit="log-odds",
        score=1.0,
        baseline=0.0,
        probability=0.7,
        token=1,
        word=bad,
        gradients=(0.5, 0.5),
        gradient_steps=16,
        occlusion=(0.0, -0.5),
        ended=(0.5, None),
        began=(None, None),
        notes=(bad,),
    )
    page = Page(explanation_page(contents, bad))
    assert "script" not in page.tags()
    assert "alert(1)" in page.text
    row = page.text.split("\n")[-7:-4]
    assert row == ["+0.5000", "+0.0000", "0.5000"]  # what a token adds has a sign, a probability none
    frame = Page(notebook_frame(contents))
    ((tag, attributes),) = frame.elements
    assert (tag, attributes["sandbox"]) == ("iframe", "")
    assert "script" not in Page(attributes["srcdoc"] or "").tags()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("",), "the input: the text is empty"),
        (("很好", "--label", "x"), "there is no label 'x': choose one of neg, pos"),
        (("很好", "--pair", "x"), "--pair: this run reads single texts, not pairs"),
        (("很好", "--html", "none/x.html"), "--html none/x.html: no such folder none: create it first"),
        (("很好", "--html", "."), "--html .: a folder: name a file, such as name.html"),
    ],
)
def test_errors_are_one_line(explain: Callable[..., Any], arguments: tuple[str, ...], expected: str) -> None:
    result = explain(*arguments)
    assert result.code in (2, 3)
    assert error_line(result) == expected
