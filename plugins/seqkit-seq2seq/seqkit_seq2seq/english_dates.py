"""A date as English writes it, in forms that cannot be taken for another date."""

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

Pick = Callable[[Sequence[str]], str]
"""Draws one of several."""


def english(day: date, pick: Pick) -> str:
    """Returns one of the ways to write a date from 1900 to 2099.

    The day stands before the month or after it, as a figure (`3`, `3rd`) or a word; the month by its name or the first
    three letters of it; the year in figures or words; the weekday before it, or not; in lower case, or not.
    """
    month = MONTHS[day.month - 1]
    if pick(("figures", "words")) == "words":
        ordinal = ordinal_word(day.day)
        written = pick((f"the {ordinal} of {month}", f"{month} the {ordinal}", f"{month} {ordinal}"))
        text = f"{written}{pick((', ', ' '))}{pick(years_in_words(day.year))}"
    else:
        month = pick((month, month, month[:3]))
        ordinal = f"{day.day}{ordinal_ending(day.day)}"
        figure = pick((f"{day.day}", ordinal))
        written = pick((f"{figure} {month}", f"{month} {figure}", f"{ordinal} of {month}", f"the {ordinal} of {month}"))
        text = f"{written}{pick((', ', ' '))}{day.year}"
    weekday = WEEKDAYS[day.weekday()]
    text = pick(("", "", f"{weekday}, ", f"{weekday[:3]} ")) + text
    return pick((text, text, text.lower()))


def ordinal_ending(number: int) -> str:
    """Returns st, nd, rd or th."""
    return "th" if number in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def words(number: int) -> str:
    """Returns a number from 0 to 99 in words."""
    if number < 20:
        return UNITS[number]
    return TENS[number // 10] + (f"-{UNITS[number % 10]}" if number % 10 else "")


def ordinal_word(number: int) -> str:
    """Returns first to thirty-first."""
    before, hyphen, last = words(number).rpartition("-")
    return before + hyphen + IRREGULAR.get(last, f"{last}th")


def years_in_words(year: int) -> tuple[str, ...]:
    """Returns the ways to say a year from 1900 to 2099."""
    century, rest = divmod(year, 100)
    hundreds = words(century)
    if year == 2000:
        return ("two thousand",)
    if year > 2000:
        in_thousands = (f"two thousand and {words(rest)}", f"two thousand {words(rest)}")
        return (*in_thousands, f"{hundreds} oh {words(rest)}" if rest < 10 else f"{hundreds} {words(rest)}")
    if rest == 0:
        return (f"{hundreds} hundred",)
    if rest < 10:
        return (f"{hundreds} oh {words(rest)}", f"{hundreds} hundred and {words(rest)}")
    return (f"{hundreds} {words(rest)}",)
