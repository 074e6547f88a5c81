"""Dates in Chinese, in unambiguous forms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

DIGITS = "〇一二三四五六七八九"
FINANCIAL_DIGITS = "零壹贰叁肆伍陆柒捌玖"
"""The digits of cheques, which cannot be altered into one another."""
WEEKDAYS = "一二三四五六日"

Choose = Callable[[Sequence[str]], str]
"""A function that returns one of several texts, at random for instance."""


def chinese_date(day: date, choose: Choose) -> str:
    """Return a date from 1900 to 2099 in one of its Chinese forms.

    Numbers are in Chinese digits, with 〇 or 零, 廿 or 二十, 日 or 号; in Arabic digits of half or full width, with or
    without leading zeros; or in the financial digits of cheques. The weekday may follow.
    """
    style = choose(("chinese", "chinese", "arabic", "financial"))
    if style == "chinese":
        year = digit_by_digit(day.year, DIGITS)
        year = choose((year, year.replace("〇", "零"), year.replace("〇", "○")))
        first_month = "元" if day.month == 1 and choose(("元", "一")) == "元" else ""
        month = first_month or positional_number(day.month, DIGITS)
        day_of_month = positional_number(day.day, DIGITS)
        if day.day > 20:
            day_of_month = choose((day_of_month, day_of_month.replace("二十", "廿").replace("三十", "卅")))
        text = f"{year}年{month}月{day_of_month}{choose(('日', '日', '号'))}"
    elif style == "arabic":
        zero = choose(("", "0"))
        month, day_of_month = (f"{number:02}" if zero else f"{number}" for number in (day.month, day.day))
        text = choose(
            (
                f"{day.year}年{month}月{day_of_month}{choose(('日', '日', '号'))}",
                f"{day.year} 年 {month} 月 {day_of_month} 日",
            )
        )
        text = choose((text, text, text.translate(str.maketrans("0123456789", "０１２３４５６７８９"))))
    else:
        text = f"{digit_by_digit(day.year, FINANCIAL_DIGITS)}年{cheque_number(day.month)}月{cheque_number(day.day)}日"
    weekday = WEEKDAYS[day.weekday()]
    text += choose(("", "", "", f"星期{weekday}", f"，周{weekday}", f"（星期{weekday}）"))
    return choose((text, text, text, f"公元{text}"))


def digit_by_digit(number: int, digits: str) -> str:
    """Return a number digit by digit, as years are read."""
    return "".join(digits[int(digit)] for digit in str(number))


def positional_number(number: int, digits: str, ten: str = "十") -> str:
    """Return a number from 1 to 99 with a word for ten: 三, 十, 十二, 二十, 三十一."""
    tens, units = divmod(number, 10)
    before = (digits[tens] if tens > 1 else "") + ten if tens else ""
    return before + (digits[units] if units else "")


def cheque_number(number: int) -> str:
    """Return a month or a day as banks require it on cheques, so that nothing can be inserted before it.

    A single digit has 零 before it, and ten to nineteen have 壹: 零叁, 壹拾贰. Multiples of ten have 零 too: 零壹拾,
    零贰拾.
    """
    financial = positional_number(number, FINANCIAL_DIGITS, "拾")
    if number < 10 or number % 10 == 0:
        return "零" + ("壹" if number == 10 else "") + financial
    return ("壹" if number < 20 else "") + financial
