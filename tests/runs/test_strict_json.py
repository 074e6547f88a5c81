"""JSON by its standard: what Python's json module adds to it is rejected, and everything else is equal."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit.strict_json import MAX_DIGITS, parse_strict_json

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(values)
def test_what_json_writes_is_read_back(value) -> None:
    found = parse_strict_json(json.dumps(value))
    assert json.dumps(found) == json.dumps(value)  # tells 1 from 1.0 and 0.0 from -0.0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("NaN", "NaN is not JSON (a missing value is null)"),
        ('{"loss": [1, Infinity]}', "Infinity is not JSON (a missing value is null)"),
        ("-Infinity", "-Infinity is not JSON (a missing value is null)"),
        ("[1e999]", "'1e999' is too large for a floating-point number"),
        ("-1e999", "'-1e999' is too large for a floating-point number"),
        ("9" * 5000, "an integer of 5,000 digits is too large"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "the key 'c' occurs twice"),
        ("[" * 100_000, "brackets are nested too deeply"),
        ('{"":' * 100_000, "brackets are nested too deeply"),
        ("{]", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    ],
)
def test_what_is_rejected(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_strict_json(text)
    assert str(caught.value) == reason


def test_the_longest_integer_is_finite_as_a_floating_point_number() -> None:
    assert math.isfinite(float(parse_strict_json("9" * MAX_DIGITS)))
