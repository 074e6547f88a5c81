"""Tests of the corpus of dates against an independent parser."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from seqkit_seq2seq.chinese_dates import cheque_number, chinese_date, positional_number
from seqkit_seq2seq.dates import FIRST, LAST, Dates
from seqkit_seq2seq.english_dates import english_date, ordinal_suffix, ordinal_word, year_words

SMALL_WORDS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen"""
SMALL = {word: number for number, word in enumerate(SMALL_WORDS.split())} | {"oh": 0}
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
ORDINAL_WORDS = """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
    fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"""
ORDINALS = ORDINAL_WORDS.split()
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
ENGLISH_WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
CHINESE_DIGITS = {character: number for number, pair in enumerate(
    ("〇零○", "一壹", "二贰", "三叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖")
) for character in pair}  # fmt: skip


def parse_english(text: str) -> tuple[date, int | None]:
    """Return the date of an English text, and its weekday if there is one."""
    weekday = month = day = None
    year: list[str] = []
    for word in re.findall(r"[a-z]+|\d+", text.lower()):
        if word[:3] in ENGLISH_WEEKDAYS and weekday is None and month is None and word not in SMALL:
            weekday = ENGLISH_WEEKDAYS.index(word[:3])
        elif word[:3] in MONTHS and word not in ORDINALS:
            month = MONTHS.index(word[:3]) + 1
        elif word in ORDINALS:
            day = ORDINALS.index(word) + 1 + (int(TENS[year.pop()]) if year else 0)
        elif word == "thirtieth":
            day = 30
        elif word.isdigit():
            if len(word) == 4:
                year = [word]
            else:
                day = int(word)
        elif word in SMALL or word in TENS or word in ("hundred", "thousand"):
            year.append(word)
        else:
            assert word in ("the", "of", "and", "st", "nd", "rd", "th"), word
    assert month is not None and day is not None
    return date(english_year(year), month, day), weekday


def english_year(words: list[str]) -> int:
    if words[0].isdigit():
        return int(words[0])
    if "thousand" in words:
        index = words.index("thousand")
        return 1000 * english_number(words[:index]) + english_number(words[index + 1 :])
    if "hundred" in words:
        index = words.index("hundred")
        return 100 * english_number(words[:index]) + english_number(words[index + 1 :])
    return 100 * english_number(words[:1]) + english_number(words[1:])


def english_number(words: list[str]) -> int:
    return sum(TENS.get(word, 0) or SMALL[word] for word in words)


def parse_chinese(text: str) -> tuple[date, int | None]:
    """Return the date of a Chinese text, and its weekday if there is one."""
    text = unicodedata.normalize("NFKC", text).replace(" ", "")
    match = re.fullmatch(
        r"(?:公元)?([^年月]{4})年([^年月]{1,3})月([^日号]{1,4})[日号](?:[,(]?(?:星期|周)([一二三四五六日])\)?)?", text
    )
    assert match, text
    year = int(
        "".join(figure if figure.isdigit() and figure.isascii() else str(CHINESE_DIGITS[figure]) for figure in match[1])
    )
    month = 1 if match[2] == "元" else chinese_number(match[2])
    weekday = "一二三四五六日".index(match[4]) if match[4] else None
    return date(year, month, chinese_number(match[3])), weekday


def chinese_number(text: str) -> int:
    if text.isascii():
        return int(text)
    text = text.replace("廿", "二十").replace("卅", "三十").replace("拾", "十").lstrip("零")
    tens, ten, units = text.rpartition("十")
    return (10 * (CHINESE_DIGITS[tens] if tens else 1) if ten else 0) + (CHINESE_DIGITS[units] if units else 0)


class AllChoices:
    """A function that returns each choice in turn, to enumerate all forms of a date."""

    def __init__(self) -> None:
        self.path: list[list[int]] = []  # the index of each choice so far, and the number of its alternatives
        self.depth = 0

    def __call__(self, choices: Sequence[str]) -> str:
        if self.depth == len(self.path):
            self.path.append([0, len(choices)])
        chosen = choices[self.path[self.depth][0]]
        self.depth += 1
        return chosen

    def next(self) -> bool:
        """Move on to the next combination of choices. Return False after the last."""
        self.depth = 0
        while self.path:
            self.path[-1][0] += 1
            if self.path[-1][0] < self.path[-1][1]:
                return True
            self.path.pop()
        return False


FIRST_THREE = [
    ("公元二〇六八年十一月十九日", "2068-11-19"),
    ("Tue August thirtieth nineteen sixty", "1960-08-30"),
    ("公元壹玖伍零年零贰月零柒日，周二", "1950-02-07"),
]
DAYS = [
    date(1900, 1, 1),
    date(1999, 12, 31),
    date(2000, 2, 29),
    date(2005, 10, 10),
    date(2010, 11, 20),
    date(2099, 5, 12),
]


@pytest.mark.parametrize(("format_date", "parse"), [(english_date, parse_english), (chinese_date, parse_chinese)])
def test_all_forms_of_a_date_parse_to_that_date(format_date: Any, parse: Any) -> None:
    for day in DAYS:
        choices, texts = AllChoices(), set()
        while True:
            text = format_date(day, choices)
            texts.add(text)
            parsed, weekday = parse(text)
            assert parsed == day, text
            assert weekday in (None, day.weekday()), text
            if not choices.next():
                break
        assert len(texts) >= 40


def test_texts_parse_to_their_targets() -> None:
    for example in Dates(count=3000, seed=3).read():
        day = datetime.strptime(example.target, "%Y-%m-%d").date()
        parse = parse_english if re.search("[A-Za-z]{3}", example.input) else parse_chinese
        parsed, weekday = parse(example.input)
        assert parsed == day, example
        assert weekday in (None, day.weekday()), example


def test_texts_are_distinct_and_dates_cover_all_years() -> None:
    examples = list(Dates(count=3000).read())
    assert len({example.input for example in examples}) == 3000
    years = {int(example.target[:4]) for example in examples}
    assert min(years) == FIRST.year and max(years) == LAST.year and len(years) > 195


@pytest.mark.parametrize("languages", ["en", "zh", "both"])
def test_languages(languages: str) -> None:
    texts = [example.input for example in Dates(count=300, languages=languages).read()]
    fraction = sum("年" in text for text in texts) / len(texts)
    assert fraction == {"en": 0, "zh": 1}.get(languages, pytest.approx(0.5, abs=0.1))


def test_seed_determines_the_corpus() -> None:
    first = [(example.input, example.target) for example in itertools.islice(Dates(count=1000).read(), 3)]
    assert first == FIRST_THREE
    assert [example.input for example in Dates(count=5, seed=1).read()] != [text for text, _ in first]
    shorter = [example.input for example in Dates(count=50).read()]
    assert shorter == [example.input for example in itertools.islice(Dates(count=1000).read(), 50)]


@pytest.mark.parametrize("number", range(1, 32))
def test_ordinals(number: int) -> None:
    assert parse_english(f"{ordinal_word(number)} of July 1950")[0].day == number
    assert ordinal_suffix(number) == {1: "st", 21: "st", 31: "st", 2: "nd", 22: "nd", 3: "rd", 23: "rd"}.get(
        number, "th"
    )
    assert chinese_number(positional_number(number, "〇一二三四五六七八九")) == number
    assert chinese_number(cheque_number(number)) == number


def test_year_words() -> None:
    for year in range(1900, 2100):
        for text in year_words(year):
            assert english_year([word for word in re.split("[ -]", text) if word != "and"]) == year
    assert year_words(1905) == ("nineteen oh five", "nineteen hundred and five")
    assert year_words(2024) == ("two thousand and twenty-four", "two thousand twenty-four", "twenty twenty-four")


@pytest.mark.parametrize(
    ("number", "text"), [(1, "零壹"), (10, "零壹拾"), (12, "壹拾贰"), (20, "零贰拾"), (21, "贰拾壹"), (31, "叁拾壹")]
)
def test_cheque_numbers(number: int, text: str) -> None:
    assert cheque_number(number) == text


def test_range_of_days() -> None:
    assert timedelta(days=73_048) == (LAST - FIRST)
