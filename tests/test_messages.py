"""Message templates: literals whose fields are all given, so that they can be collected into a catalogue."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import seqkit
from seqkit.messages import counted, format_value, message

PROJECT = Path(seqkit.__file__).parent.parent
MODULES = sorted(
    path for package in (PROJECT / "seqkit", *PROJECT.glob("plugins/*/seqkit_*")) for path in package.rglob("*.py")
)


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


PRINTERS = ("DataNote", "StopTraining", "click.echo", "echo", "print", "warn", "warnings.warn")


def joined_fields_of(source: str) -> Iterator[str]:
    """Yield the fields of templates that are lists with ASCII commas, for which `listed` has those of the language."""
    tree = ast.parse(source)
    joined = {
        node.targets[0].id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and is_join(node.value)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("message", "counted"):
            for keyword in node.keywords:
                if any(map(is_join, ast.walk(keyword.value))) or getattr(keyword.value, "id", "") in joined:
                    yield f"line {node.lineno}: {keyword.arg} is joined with commas: use listed()"


def is_join(node: ast.AST) -> bool:
    """Return whether an expression is `", ".join(…)` or `"; ".join(…)`."""
    separator = getattr(getattr(node, "func", None), "value", None)
    return isinstance(separator, ast.Constant) and separator.value in (", ", "; ") and node.func.attr == "join"


def test_lists_in_messages_have_the_commas_of_the_language() -> None:
    problems = [
        f"{name}: {problem}"
        for path in MODULES
        if not (name := path.relative_to(PROJECT).as_posix()).startswith(PLAIN)
        if name != "seqkit/training/interrupt.py"  # the arguments of a call of Python
        for problem in joined_fields_of(path.read_text(encoding="utf-8"))
    ]
    assert problems == []
    assert len(list(joined_fields_of("message('{a}', a=', '.join(names))"))) == 1
    assert len(list(joined_fields_of("text = ', '.join(names)\nmessage('{a}', a=text)"))) == 1


COMMANDS = ("--set ", "jq ", "sed ", "seqkit ")
"""The start of commands, which are the same in all languages."""


def plain_texts_of(source: str) -> Iterator[str]:
    """Yield the texts for a user in a module that are not templates: of errors, notes, and lines of output."""
    tree = ast.parse(source)
    assigned: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            assigned.setdefault(getattr(target, "id", ""), []).append(node.value)
    for node in ast.walk(tree):
        call = node.exc if isinstance(node, ast.Raise) else node
        if not isinstance(call, ast.Call):
            continue
        name = ast.unparse(call.func)
        if name in ("message", "counted"):
            values, joint = [keyword.value for keyword in call.keywords], " "
        elif name in PRINTERS or (call is not node and name != "AttributeError"):  # Python writes that message
            values, joint = call.args, ""
        else:
            continue
        assignments = [text for value in values for text in assigned.get(getattr(value, "id", ""), [])]
        for value in [*values, *assignments]:
            texts = [text for text in plain_parts(value) if any(map(str.isalpha, text))]
            if any(joint in text.strip() and not text.startswith(COMMANDS) for text in texts):
                yield f"line {node.lineno}: {ast.unparse(value)[:60]} is not a template"


def plain_parts(node: ast.expr) -> Iterator[str]:
    """Yield the literals that an expression composes to a text, without those of calls."""
    if isinstance(node, ast.Constant):
        yield node.value if isinstance(node.value, str) else ""
    elif isinstance(node, ast.JoinedStr | ast.BinOp | ast.IfExp | ast.BoolOp | ast.FormattedValue):
        if isinstance(getattr(node, "op", None), ast.Div):
            return  # a path
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr) and child not in (getattr(node, "format_spec", 0), getattr(node, "test", 0)):
                yield from plain_parts(child)


PLAIN = (
    "seqkit/testing/",  # prints to authors of plugins
    "seqkit/templates/",
    "seqkit/cli/completion.py",
)


def test_texts_for_users_are_templates() -> None:
    problems = [
        f"{name}: {problem}"
        for path in MODULES
        if not (name := path.relative_to(PROJECT).as_posix()).startswith(PLAIN)
        for problem in plain_texts_of(path.read_text(encoding="utf-8"))
    ]
    assert problems == []


@pytest.mark.parametrize(
    "source",
    [
        "raise DataError(f'{file}: is empty')",
        "raise DataError('the file is empty')",
        "raise ValueError('is wrong' if wrong else message('is right'))",
        "text = f'{file}: is empty'\nraise DataError(text)",
        "warnings.warn(DataNote('skipped: the text is empty', location))",
        "click.echo(f'{count} trials')",
        "message('{path}: {remedy}', path=path, remedy='remove the file')",
    ],
)
def test_a_text_that_is_not_a_template_is_found(source: str) -> None:
    assert list(plain_texts_of(source)) != []


def test_templates_paths_and_names_are_no_plain_texts() -> None:
    source = """
        location = f"{path}:{line}"
        raise DataError(message("{location}: {file}: is empty", location=location, file="a.csv"))
    """
    assert list(plain_texts_of(dedent(source))) == []


def test_every_template_is_a_literal_with_all_of_its_fields() -> None:
    problems = [
        f"{path.relative_to(PROJECT)}: {problem}"
        for path in MODULES
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
