"""The corpus of dates, read back by a reader of its own."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from seqkit_seq2seq.chinese_dates import chinese, on_cheque, tens
from seqkit_seq2seq.dates import FIRST, LAST, Dates
from seqkit_seq2seq.english_dates import english, ordinal_ending, ordinal_word, years_in_words

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


def read_english(text: str) -> tuple[date, int | None]:
    """Returns the date that an English text says, and its weekday."""
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
        place = words.index("thousand")
        return 1000 * english_number(words[:place]) + english_number(words[place + 1 :])
    if "hundred" in words:
        place = words.index("hundred")
        return 100 * english_number(words[:place]) + english_number(words[place + 1 :])
    return 100 * english_number(words[:1]) + english_number(words[1:])


def english_number(words: list[str]) -> int:
    return sum(TENS.get(word, 0) or SMALL[word] for word in words)


def read_chinese(text: str) -> tuple[date, int | None]:
    """Returns the date that a Chinese text says, and its weekday."""
    text = unicodedata.normalize("NFKC", text).replace(" ", "")
    found = re.fullmatch(
        r"(?:公元)?([^年月]{4})年([^年月]{1,3})月([^日号]{1,4})[日号](?:[,(]?(?:星期|周)([一二三四五六日])\)?)?", text
    )
    assert found, text
    year = int(
        "".join(figure if figure.isdigit() and figure.isascii() else str(CHINESE_DIGITS[figure]) for figure in found[1])
    )
    month = 1 if found[2] == "元" else chinese_number(found[2])
    weekday = "一二三四五六日".index(found[4]) if found[4] else None
    return date(year, month, chinese_number(found[3])), weekday


def chinese_number(text: str) -> int:
    if text.isascii():
        return int(text)
    text = text.replace("廿", "二十").replace("卅", "三十").replace("拾", "十").lstrip("零")
    many, ten, units = text.rpartition("十")
    return (10 * (CHINESE_DIGITS[many] if many else 1) if ten else 0) + (CHINESE_DIGITS[units] if units else 0)


class EveryWay:
    """Draws each choice in turn, so that a writer goes through all of its ways."""

    def __init__(self) -> None:
        self.trail: list[list[int]] = []
        self.place = 0

    def __call__(self, choices: Sequence[str]) -> str:
        if self.place == len(self.trail):
            self.trail.append([0, len(choices)])
        chosen = choices[self.trail[self.place][0]]
        self.place += 1
        return chosen

    def next(self) -> bool:
        self.place = 0
        while self.trail:
            self.trail[-1][0] += 1
            if self.trail[-1][0] < self.trail[-1][1]:
                return True
            self.trail.pop()
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


@pytest.mark.parametrize(("write", "read"), [(english, read_english), (chinese, read_chinese)])
def test_every_way_to_write_a_date_says_that_date(write: Any, read: Any) -> None:
    for day in DAYS:
        pick, texts = EveryWay(), set()
        while True:
            text = write(day, pick)
            texts.add(text)
            said, weekday = read(text)
            assert said == day, text
            assert weekday in (None, day.weekday()), text
            if not pick.next():
                break
        assert len(texts) >= 40


def test_the_corpus_says_what_its_targets_say() -> None:
    for example in Dates(count=3000, seed=3).read():
        day = datetime.strptime(example.target, "%Y-%m-%d").date()
        read = read_english if re.search("[A-Za-z]{3}", example.input) else read_chinese
        said, weekday = read(example.input)
        assert said == day, example
        assert weekday in (None, day.weekday()), example


def test_texts_are_distinct_and_dates_spread_over_all_years() -> None:
    examples = list(Dates(count=3000).read())
    assert len({example.input for example in examples}) == 3000
    years = {int(example.target[:4]) for example in examples}
    assert min(years) == FIRST.year and max(years) == LAST.year and len(years) > 195


@pytest.mark.parametrize("languages", ["en", "zh", "both"])
def test_languages_are_those_asked_for(languages: str) -> None:
    texts = [example.input for example in Dates(count=300, languages=languages).read()]
    share = sum("年" in text for text in texts) / len(texts)
    assert share == {"en": 0, "zh": 1}.get(languages, pytest.approx(0.5, abs=0.1))


def test_a_seed_gives_one_corpus_everywhere() -> None:
    first = [(example.input, example.target) for example in itertools.islice(Dates(count=1000).read(), 3)]
    assert first == FIRST_THREE
    assert [example.input for example in Dates(count=5, seed=1).read()] != [text for text, _ in first]
    shorter = [example.input for example in Dates(count=50).read()]
    assert shorter == [example.input for example in itertools.islice(Dates(count=1000).read(), 50)]


@pytest.mark.parametrize("number", range(1, 32))
def test_ordinals(number: int) -> None:
    assert read_english(f"{ordinal_word(number)} of July 1950")[0].day == number
    assert ordinal_ending(number) == {1: "st", 21: "st", 31: "st", 2: "nd", 22: "nd", 3: "rd", 23: "rd"}.get(
        number, "th"
    )
    assert chinese_number(tens(number, "〇一二三四五六七八九")) == number
    assert chinese_number(on_cheque(number)) == number


def test_years_in_words() -> None:
    for year in range(1900, 2100):
        for text in years_in_words(year):
            assert english_year([word for word in re.split("[ -]", text) if word != "and"]) == year
    assert years_in_words(1905) == ("nineteen oh five", "nineteen hundred and five")
    assert years_in_words(2024) == ("two thousand and twenty-four", "two thousand twenty-four", "twenty twenty-four")


@pytest.mark.parametrize(
    ("number", "text"), [(1, "零壹"), (10, "零壹拾"), (12, "壹拾贰"), (20, "零贰拾"), (21, "贰拾壹"), (31, "叁拾壹")]
)
def test_days_on_cheques(number: int, text: str) -> None:
    assert on_cheque(number) == text


def test_all_days_are_drawn_from() -> None:
    assert timedelta(days=73_048) == (LAST - FIRST)
