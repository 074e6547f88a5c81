"""YAML into plain data: the scalars of YAML 1.2, what is refused, and the position of every key and value."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.errors import RecipeError
from seqkit.recipe.yaml_parser import MAX_DEPTH, dump, parse, scalar

SCALARS = [
    *[(text, None) for text in ("null", "Null", "NULL", "~", "")],
    *[(text, True) for text in ("true", "True", "TRUE")],
    *[(text, False) for text in ("false", "False", "FALSE")],
    *[(text, text) for text in ("yes", "no", "on", "off", "y", "N", "nULL", "tRUE", "none", "None")],
    *[("0", 0), ("-0", 0), ("+7", 7), ("-12", -12), ("007", 7), ("0o17", 15), ("0xFf", 255)],
    *[("9223372036854775807", 2**63 - 1), ("-9223372036854775808", -(2**63))],
    *[("1e-3", 0.001), ("1E5", 1e5), ("1.", 1.0), (".5", 0.5), ("-2.5e+3", -2500.0), ("+.1", 0.1), ("1e400", math.inf)],
    *[(".inf", math.inf), ("+.Inf", math.inf), ("-.INF", -math.inf)],
    *[
        (text, text)
        for text in ("1_000", "0b11", "0o8", "0x", "1:30", "190:20:30", "2001-01-01", "1,5", "1e", "e3", ".")
    ],
    *[(text, text) for text in ("nan", "inf", "Infinity", ".iNF", "-.nan", "+", "-", "=", "٣", "一")],
]


@pytest.mark.parametrize(("text", "value"), SCALARS, ids=[text or "empty" for text, _ in SCALARS])
def test_a_plain_scalar_follows_the_core_schema(text: str, value: Any) -> None:
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_not_a_number_and_negative_zero() -> None:
    assert math.isnan(scalar(".nan"))
    assert math.copysign(1, scalar("-0.0")) == -1


@pytest.mark.parametrize("text", ["9223372036854775808", "-9223372036854775809", "9" * 10_000, "0x" + "f" * 10_000])
def test_an_integer_beyond_64_bits_is_reported_at_its_position(text: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse(f"train:\n  epochs: {text}\n", "r.yaml")
    assert caught.value.lines == ["r.yaml:2:11: train.epochs: the integer does not fit in 64 bits"]


@settings(deadline=None)
@given(st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False))
def test_numbers_are_read_as_python_writes_them(number: float) -> None:
    assert scalar(repr(number).replace("inf", ".inf")) == number


@pytest.mark.parametrize("text", ["'1'", '"1"', "|\n  1", ">-\n  true"])
def test_a_quoted_or_block_scalar_is_text(text: str) -> None:
    assert isinstance(parse(f"a: {text}\n", "r").data["a"], str)


def test_every_key_and_value_has_a_position() -> None:
    document = parse("# a comment\nencoder:\n  layers:\n    - {type: lstm}\n    - gru\nname: 我\n", "r.yaml")
    assert document.data == {"encoder": {"layers": [{"type": "lstm"}, "gru"]}, "name": "我"}
    assert {path: str(position) for path, position in document.keys.items()} == {
        ("encoder",): "r.yaml:2:1",
        ("encoder", "layers"): "r.yaml:3:3",
        ("encoder", "layers", "0", "type"): "r.yaml:4:8",
        ("name",): "r.yaml:6:1",
    }
    assert str(document.values["encoder", "layers", "0", "type"]) == "r.yaml:4:14"
    assert str(document.values["encoder", "layers", "1"]) == "r.yaml:5:7"
    assert str(document.values["name",]) == "r.yaml:6:7"


def test_keys_are_text_whatever_they_look_like() -> None:
    assert parse("1: a\nnull: b\ntrue: c\n? d\n", "r").data == {"1": "a", "null": "b", "true": "c", "d": None}


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_lines_are_counted_with_any_line_end(ends: str) -> None:
    document = parse(ends.join(["# x", "", "a:", "  b: 1", ""]), "r")
    assert str(document.values["a", "b"]) == "r:4:6"


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_other_line_separators_are_ordinary_characters(character: str, quote: str) -> None:
    value = f"a{character}b {character} c"
    document = parse(
        f"# {character}\r\nx{character}: {quote}{value}{quote} # {character}\r\ny: |\r\n  {value}\r\nz: 1", "r"
    )
    assert document.data == {f"x{character}": value, "y": value + "\n", "z": 1}
    assert str(document.values[f"x{character}",]) == "r:2:5"
    assert str(document.values["z",]) == "r:5:4"


def test_byte_order_mark_in_quotes_is_kept() -> None:
    assert parse("a: '\ufeffx' # \ufeff\n", "r").data == {"a": "\ufeffx"}


def test_character_that_stands_in_for_another_is_one_that_the_text_does_not_contain() -> None:
    text = 'a: "\u2028\U00010000\\U00010001\\ud800\\udc02"\nb: \u2028'
    with pytest.raises(RecipeError, match="surrogate"):
        parse(text, "r")
    document = parse('a: "\x85\U00010000\\U00010001\\U00010002"\nb: \u2028', "r")
    assert document.data == {"a": "\x85\U00010000\U00010001\U00010002", "b": "\u2028"}


REFUSED = {
    "anchor": ("a: &x 1\n", "1:4: a: anchors (&x) are not allowed"),
    "anchor on a mapping": ("a: &x\n  b: 1\n", "1:4: a: anchors (&x) are not allowed"),
    "anchor on a key": ("&x a: 1\n", "1:1: a: anchors and tags are not allowed"),
    "alias": ("a: 1\nb: *x\n", "2:4: b: aliases (*x) are not allowed"),
    "merge key": ("b:\n  <<: {a: 1}\n", "2:3: b.<<: merge keys are not allowed: use `extends:`"),
    "tag": (
        "a: !!python/object/apply:os.system [ls]\n",
        "1:4: a: tags (!!python/object/apply:os.system) are not allowed",
    ),
    "local tag": ("a:\n  - !x 1\n", "2:5: a.0: tags (!x) are not allowed"),
    "tag on a key": ("!!str a: 1\n", "1:1: a: anchors and tags are not allowed"),
    "second document": ("a: 1\n---\nb: 2\n", "2:1: a second document"),
    "duplicate key": ("a: 1\nb: 2\na: 3\n", "3:1: a: duplicate key: already set on line 1"),
    "duplicate in a flow mapping": ("a: {b: 1,\n    b: 2}\n", "2:5: a.b: duplicate key: already set on line 1"),
    "duplicate by quoting": ("1: a\n'1': b\n", "2:1: 1: duplicate key"),
    "list as a key": ("a: 1\n? [b]\n: 2\n", "2:3: a key must be a string, not a list or mapping"),
    "surrogate": ('a: "\\ud83d"\n', "1:4: a: the surrogate U+D83D is not"),
    "surrogate in a key": ('"\\udc00": 1\n', "1:1: the surrogate U+DC00 is not"),
    "character beyond Unicode": ('a: 1\nb: "\\UFFFFFFFF"\n', "2:2: invalid YAML"),
    "bell": (
        "a: 1\nb: \x07\n",
        '2:4: invalid YAML: the character U+0007 (BEL) is not allowed: delete it, or write "\\x07" in double quotes',
    ),
    "null character": ("a: 1\r\rb: x\0\n", "3:5: invalid YAML: the character U+0000 (NUL) is not allowed"),
    "delete character": ("a: \x7f\n", "1:4: invalid YAML: the character U+007F (DEL) is not allowed"),
    "C1 control character": (
        "a: \x80\n",
        '1:4: invalid YAML: the character U+0080 is not allowed: delete it, or write "\\x80"',
    ),
    "noncharacter": (
        "a: \uffff\n",
        '1:4: invalid YAML: the character U+FFFF is not allowed: delete it, or write "\\uffff"',
    ),
    "surrogate itself": ("a: \ud83d\n", "1:4: invalid YAML: the surrogate U+D83D is not a character"),
    "byte order mark before a key": (
        "a: 1\r\n\ufeffb: 2\r\n",
        "2:1: the byte order mark U+FEFF, an invisible character, is",
    ),
    "byte order mark in a value": ("a: x\ufeffy\n", "1:5: the byte order mark U+FEFF, an invisible character, is"),
    "byte order mark before a comment": (
        "a: 1\n\ufeff# b\nc: 2\n",
        "2:1: invalid YAML: the byte order mark U+FEFF, an invisible character, is",
    ),
    "after a mark": ('a: "\ufeff\u2028", b: c\n', "1:8: invalid YAML: text cannot follow a quoted value"),
    "after other line separators": (
        "a: x\x85\u2028\u2029\r\n\r\nb: @x\n",
        "3:4: invalid YAML: a value cannot begin with @",
    ),
    "a separator that is no value": ("a: [\u2028\r]]\n", "2:2: invalid YAML"),
    "absurd version": ("%YAML 1." + "9" * 5000 + "\n---\na: 1\n", "1:1: invalid YAML"),
    "tab after a value": ("a: 1\t# one\n", "1:5: invalid YAML: a tab cannot be here: replace it with spaces"),
    "tab": ("a:\n\tb: 1\n", "2:1: invalid YAML: a tab cannot be here: replace it with spaces"),
    "bracket that closes nothing": ("a: {b: 1}}\n", "1:10: invalid YAML: this } closes nothing: remove it"),
    "text after the mark of a block": (
        "a: >b\n  c\n",
        "1:5: invalid YAML: text cannot follow `|` or `>`: begin it on the next line, indented, or quote the value",
    ),
    "text after a block mark and a space": (
        "a: | text\nb: 1\n",
        "1:6: invalid YAML: text cannot follow `|` or `>`: begin it on the next line, indented, or quote the value",
    ),
    "words of the parser": (
        "a: !<tag b\n",
        "1:9: invalid YAML: check the quotes, brackets and indentation here and in the line above "
        "(expected '>', but found ' ' (while parsing a tag))",
    ),
    "unclosed bracket": ("a: 1\nb: [1,\n  2\nc: 3\n", "2:4: invalid YAML: unclosed [, or a missing comma inside"),
    "unclosed at the end": ("a: {b: [1,\n", "1:8: invalid YAML: unclosed [, or a missing comma inside"),
    "missing comma": (
        "a: {b: 1,\n    c: 2\n    d: 3}\n",
        "1:4: invalid YAML: unclosed {, or a missing comma inside",
    ),
    "wrong bracket": ("a: [1}\n", "1:6: invalid YAML: expected ',' or ']' here"),
    "unclosed quote": ("a: 1\nb: 'x\nc: 3\n", "2:4: invalid YAML: unclosed quote"),
    "quote closed by the next": (
        'a: "x\nb: "y z"\n',
        "1:4: invalid YAML: this quote is closed only on line 2",
    ),
    "apostrophe": ("a: 'it's'\n", "1:8: invalid YAML: text cannot follow a quoted value"),
    "escape": ('a: "\\q"\n', "1:6: invalid YAML: found unknown escape character 'q': double the backslash"),
    "missing colon": ("a: 1\nb 2\nc: 3\n", "2:1: invalid YAML: missing `: ` after the key"),
    "missing colon first": ("b 2\nc: 3\n", "1:1: invalid YAML: missing `: ` after the key"),
    "missing colon before a comment": ("a: 1\nb 2 # see: c\n", "2:1: invalid YAML: missing `: ` after the key"),
    "full-width colon": (
        "a: 1\nb：2\n",
        "2:1: invalid YAML: missing `: ` after the key; this line has '：' (U+FF1A): write ': '",
    ),
    "full-width comma": (
        "a: {b: 1， c: 2}\n",
        "1:12: invalid YAML: expected ',' or '}' here; this line has '，' (U+FF0C): write ','",
    ),
    "enumeration comma": (
        "a: {b: c、 d: 2}\n",
        "1:12: invalid YAML: expected ',' or '}' here; this line has '、' (U+3001): write ','",
    ),
    "full-width colon in braces": (
        "a: {b：1, c: 2}\n",
        "1:5: a.b：1: missing `: `; it has '：' (U+FF1A): write ': '",
    ),
    "missing space": ("a:1\nb: 2\n", "1:1: invalid YAML: missing `: `: a colon must be followed by a space"),
    "missing space in a block": ("a:\n  b: x\n  c:2\n", "3:3: invalid YAML: missing `: `: a colon must be followed"),
    "missing space in braces": ("a: {b:1, c: 2}\n", "1:5: a.b:1: missing `: `; a colon must be followed by a space"),
    "full-width space after a colon": (
        "a:\n  b:\u3000x\n  c: 2\n",
        "2:3: invalid YAML: missing `: `: a colon must be followed by a space; this line has U+3000, which looks like "
        "a space: replace it with a space",
    ),
    "full-width space in braces": (
        "a: {b:\u3000x}\n",
        "1:5: a.b:\u3000x: missing `: `; it has U+3000, which looks like a space: replace it with a space",
    ),
    "comma after a brace": (
        "a: {b: 3}、\n",
        "1:10: invalid YAML: only a comment, which begins with ` #`, can follow `}`: remove '、'",
    ),
    "full-width comment after a bracket": (
        "a: [b] ＃ c\n",
        "1:8: invalid YAML: only a comment, which begins with ` #`, can follow `]`: remove '＃ c'; it has '＃' "
        "(U+FF03): write '#'",
    ),
    "indentation in": ("a:\n  b: 1\n    c: 2\n", "3:6: invalid YAML: a `:` cannot be here: check the indentation"),
    "indentation out": ("a:\n    b: 1\n  c: 2\n", "3:3: invalid YAML: the indentation does not match the lines above"),
    "colon in a text": ("a: b: c\n", "1:5: invalid YAML: a `:` cannot be here"),
    "at sign": ("a: @x\n", "1:4: invalid YAML: a value cannot begin with @: quote it"),
    "closing bracket": ("a: ]\n", "1:4: invalid YAML: expected a value, found ']'"),
}


@pytest.mark.parametrize(("text", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_is_rejected_and_where(text: str, expected: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse(text, "r.yaml")
    assert len(caught.value.lines) == 1
    assert caught.value.lines[0].startswith(f"r.yaml:{expected}")


def test_all_faults_of_a_file_are_reported_together() -> None:
    with pytest.raises(RecipeError) as caught:
        parse("a: &x 1\nb: *x\na: !t 2\n", "r")
    assert [line.split(": ")[0] for line in caught.value.lines] == ["r:1:4", "r:2:4", "r:3:1", "r:3:4"]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_nesting_has_a_limit(opening: str) -> None:
    closing = {"[": "]", "{a: ": "}", "- ": ""}[opening]
    deepest = opening * (MAX_DEPTH - 1) + "1" + closing * (MAX_DEPTH - 1)
    parse(deepest, "r")
    with pytest.raises(RecipeError, match=f"nested more than {MAX_DEPTH} levels deep"):
        parse(opening * 20_000, "r")


plain_data = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.sampled_from(
        [
            "\x85",
            "a\ufeff",
            "1e3",
            "0o7",
            "no",
            "null",
            "",
            "~",
            "1:30",
            "a: b",
            "# c",
            " x ",
            "-",
            "<<",
            "\u2028",
            "\r\n",
            "9" * 30,
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc:-#'\" 1.我\n", max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(plain_data)
def test_dumped_data_is_read_back_unchanged(data: Any) -> None:
    again = parse(dump({"data": data}), "r").data["data"]
    assert again == data
    assert repr(again) == repr(data)  # 1, 1.0 and True are equal


def test_dumping_a_value_twice_writes_it_twice() -> None:
    shared = [1, 2]
    assert parse(dump({"a": shared, "b": shared}), "r").data == {"a": [1, 2], "b": [1, 2]}


@settings(max_examples=400, deadline=None)
@given(st.text() | st.text("abc:-?[]{},'\"&*!|>%@#~<0x1. \r\n\t\\U\x85\u2028\ufeff", max_size=40))
def test_any_text_parses_or_is_rejected_with_a_position(text: str) -> None:
    try:
        parse(text, "r")
    except RecipeError as error:
        lines = text.count("\n") + text.count("\r")
        for fault in error.faults:
            file, line, column = fault.location.split(":")
            assert file == "r"
            assert 1 <= int(line) <= lines + 2
            assert int(column) >= 1
        assert not any(ord(letter) < 32 for line in error.lines for letter in line)
