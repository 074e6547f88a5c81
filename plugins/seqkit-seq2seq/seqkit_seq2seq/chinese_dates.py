"""A date as Chinese writes it, in forms that cannot be taken for another date."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

DIGITS = "〇一二三四五六七八九"
FORMAL = "零壹贰叁肆伍陆柒捌玖"
"""The digits of cheques, which cannot be altered into one another."""
WEEKDAYS = "一二三四五六日"

Pick = Callable[[Sequence[str]], str]


def chinese(day: date, pick: Pick) -> str:
    """Returns one of the ways to write a date from 1900 to 2099.

    In Chinese figures, with 〇 or 零, 廿 or 二十, 日 or 号; in Arabic ones, half or full width, with or without a zero
    before them; or in the formal ones of cheques. The weekday may stand after it.
    """
    style = pick(("chinese", "chinese", "arabic", "formal"))
    if style == "chinese":
        year = digits(day.year, DIGITS)
        year = pick((year, year.replace("〇", "零"), year.replace("〇", "○")))
        month = "元" if day.month == 1 and pick(("元", "一")) == "元" else tens(day.month, DIGITS)
        days = tens(day.day, DIGITS)
        if day.day > 20:
            days = pick((days, days.replace("二十", "廿").replace("三十", "卅")))
        text = f"{year}年{month}月{days}{pick(('日', '日', '号'))}"
    elif style == "arabic":
        zero = pick(("", "0"))
        month, days = (f"{number:02}" if zero else f"{number}" for number in (day.month, day.day))
        text = pick((f"{day.year}年{month}月{days}{pick(('日', '日', '号'))}", f"{day.year} 年 {month} 月 {days} 日"))
        text = pick((text, text, text.translate(str.maketrans("0123456789", "０１２３４５６７８９"))))
    else:
        text = f"{digits(day.year, FORMAL)}年{on_cheque(day.month)}月{on_cheque(day.day)}日"
    weekday = WEEKDAYS[day.weekday()]
    text += pick(("", "", "", f"星期{weekday}", f"，周{weekday}", f"（星期{weekday}）"))
    return pick((text, text, text, f"公元{text}"))


def digits(number: int, figures: str) -> str:
    """Returns a number digit by digit, as years are read."""
    return "".join(figures[int(digit)] for digit in str(number))


def tens(number: int, figures: str, ten: str = "十") -> str:
    """Returns a number from 1 to 99 as it is counted: 三, 十, 十二, 二十, 三十一."""
    many, units = divmod(number, 10)
    before = (figures[many] if many > 1 else "") + ten if many else ""
    return before + (figures[units] if units else "")


def on_cheque(number: int) -> str:
    """Returns a month or a day as banks ask for it on cheques, so that nothing can be written in before it.

    A single figure has 零 before it, and ten to nineteen 壹: 零叁, 壹拾贰. Whole tens have 零 too: 零壹拾, 零贰拾.
    """
    formal = tens(number, FORMAL, "拾")
    if number < 10 or number % 10 == 0:
        return "零" + ("壹" if number == 10 else "") + formal
    return ("壹" if number < 20 else "") + formal
