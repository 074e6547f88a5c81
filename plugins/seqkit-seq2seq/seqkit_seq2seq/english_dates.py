"""Dates in English, in unambiguous forms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
IRREGULAR = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth", "twenty": "twentieth", "thirty": "thirtieth",
}  # fmt: skip

Choose = Callable[[Sequence[str]], str]
"""A function that returns one of several texts, at random for instance."""


def english_date(day: date, choose: Choose) -> str:
    """Return a date from 1900 to 2099 in one of its English forms.

    The day of the month is before or after the month, as a number (`3`, `3rd`) or a word; the month is a name or its
    first three letters; the year is a number or words; the weekday may come first; all of it may be in lower case.
    """
    month = MONTHS[day.month - 1]
    if choose(("figures", "words")) == "words":
        ordinal = ordinal_word(day.day)
        day_and_month = choose((f"the {ordinal} of {month}", f"{month} the {ordinal}", f"{month} {ordinal}"))
        text = f"{day_and_month}{choose((', ', ' '))}{choose(year_words(day.year))}"
    else:
        month = choose((month, month, month[:3]))
        ordinal = f"{day.day}{ordinal_suffix(day.day)}"
        number = choose((f"{day.day}", ordinal))
        day_and_month = choose(
            (f"{number} {month}", f"{month} {number}", f"{ordinal} of {month}", f"the {ordinal} of {month}")
        )
        text = f"{day_and_month}{choose((', ', ' '))}{day.year}"
    weekday = WEEKDAYS[day.weekday()]
    text = choose(("", "", f"{weekday}, ", f"{weekday[:3]} ")) + text
    return choose((text, text, text.lower()))


def ordinal_suffix(number: int) -> str:
    """Return st, nd, rd or th."""
    return "th" if number in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def number_words(number: int) -> str:
    """Return a number from 0 to 99 in words."""
    if number < 20:
        return UNITS[number]
    return TENS[number // 10] + (f"-{UNITS[number % 10]}" if number % 10 else "")


def ordinal_word(number: int) -> str:
    """Return an ordinal number in words, from first to thirty-first."""
    before, hyphen, last = number_words(number).rpartition("-")
    return before + hyphen + IRREGULAR.get(last, f"{last}th")


def year_words(year: int) -> tuple[str, ...]:
    """Return all forms of a year from 1900 to 2099 in words."""
    century, rest = divmod(year, 100)
    hundreds = number_words(century)
    if year == 2000:
        return ("two thousand",)
    if year > 2000:
        in_thousands = (f"two thousand and {number_words(rest)}", f"two thousand {number_words(rest)}")
        in_hundreds = f"{hundreds} oh {number_words(rest)}" if rest < 10 else f"{hundreds} {number_words(rest)}"
        return (*in_thousands, in_hundreds)
    if rest == 0:
        return (f"{hundreds} hundred",)
    if rest < 10:
        return (f"{hundreds} oh {number_words(rest)}", f"{hundreds} hundred and {number_words(rest)}")
    return (f"{hundreds} {number_words(rest)}",)
