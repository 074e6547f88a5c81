"""Message templates: literals whose fields are all given, so that they can be collected into a catalogue."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import seqkit
from seqkit.messages import counted, format_value, message

PACKAGE = Path(seqkit.__file__).parent


def test_a_template_is_filled_in() -> None:
    text = message("{file}:{line}: {count:,} of {what!r} in {{braces}}", file="a", line=3, count=12345, what="b")
    assert text == "a:3: 12,345 of 'b' in {braces}"


def problems_of(source: str) -> Iterator[str]:
    """Yield what is wrong with the calls of `message` and `counted` in a module."""
    for node in ast.walk(ast.parse(source)):
        function = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
        if not isinstance(node, ast.Call) or function not in ("message", "counted"):
            continue
        templates = node.args if function == "message" else node.args[1:]
        texts = [
            str(text.value) for text in templates if isinstance(text, ast.Constant) and isinstance(text.value, str)
        ]
        if len(texts) != len(templates) or len(texts) != (1 if function == "message" else 2):
            yield f"line {node.lineno}: the template is not one string literal"
            continue
        fields = {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name is not None}
        given = {keyword.arg for keyword in node.keywords} | ({"count"} & fields if function == "counted" else set())
        if None not in given and fields != given:  # None is a mapping, `**fields`
            yield f"line {node.lineno}: the template has the fields {sorted(fields)}, not {sorted(map(str, given))}"


def f_strings_of(source: str) -> Iterator[str]:
    """Yield the errors of a module that are raised with a text which is not a template."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args):
            continue
        text = node.exc.args[0]
        words = "".join(part.value for part in getattr(text, "values", []) if isinstance(part, ast.Constant))
        # Python writes the message of an AttributeError.
        if getattr(node.exc.func, "id", "") != "AttributeError" and any(map(str.isalpha, words)):
            yield f"line {node.lineno}: the text of an error is not a template"


def test_errors_are_raised_with_templates() -> None:
    problems = [
        f"{path.relative_to(PACKAGE)}: {problem}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if "templates" not in path.parts
        for problem in f_strings_of(path.read_text(encoding="utf-8"))
    ]
    assert problems == []
    assert len(list(f_strings_of("raise DataError(f'{file}: is empty')"))) == 1
    assert list(f_strings_of("raise DataError(message('{file}: is empty', file=file))")) == []


def test_every_template_of_seqkit_is_a_literal_with_all_of_its_fields() -> None:
    problems = [
        f"{path.relative_to(PACKAGE)}: {problem}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for problem in problems_of(path.read_text(encoding="utf-8"))
    ]
    assert problems == []


@pytest.mark.parametrize(
    "call",
    [
        "message(f'{x} is wrong')",
        "message(text)",
        "message('{a} {b}', a=1)",
        "message('{a}', a=1, b=2)",
        "counted(1, '1 {a}', '{count}')",
    ],
)
def test_an_invalid_call_is_found(call: str) -> None:
    assert len(list(problems_of(call))) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (8, "8"),
        (0.5, "0.5"),
        (True, "true"),
        (None, "null"),
        ("eight", "'eight'"),
        (float("-inf"), "-.inf"),
        (float("nan"), ".nan"),
        (["a", None, [1]], "['a', null, [1]]"),
        ((1, 2), "[1, 2]"),
        ({"a": {"b": False}}, "{a: {b: false}}"),
        ([[[[1]]]], "[[[…]]]"),
        ("x" * 60, f"'{'x' * 58}…"),
        (["x" * 9] * 99, "['xxxxxxxxx', 'xxxxxxxxx', 'xxxxxxxxx', 'xxxxxxxxx', 'xxxxx…"),
        (2**5000, f"0x1{'0' * 56}…"),
        (1j, "1j"),
    ],
)
def test_a_value_is_formatted_as_a_recipe_contains_it(value: Any, text: str) -> None:
    assert format_value(value) == text
    assert len(text) <= 60


def test_a_value_that_is_nested_without_end_is_cut() -> None:
    value: list[Any] = []
    value.append(value)
    assert format_value(value) == "[[[…]]]"


def test_a_text_with_a_number_has_a_singular() -> None:
    assert [counted(number, "1 {kind} run", "{count:,} {kind} runs", kind="new") for number in (0, 1, 2000)] == [
        "0 new runs",
        "1 new run",
        "2,000 new runs",
    ]
