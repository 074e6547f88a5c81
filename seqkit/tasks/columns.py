"""Which column of a table is the text, and which the label."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import islice

from seqkit.contracts import Column, DataFile
from seqkit.errors import UsageError
from seqkit.messages import message

MAX_LABELS = 200
"""More distinct values than this are no labels, unless the user names the column."""

_PRESENT, _ABSENT = frozenset({"1", "1.0", "true", "yes", "是"}), frozenset({"0", "0.0", "false", "no", "否"})
"""How a column says that a row has a label, and that it has not: what the reader `table` takes, in lower case."""

_TEXT_NAME = re.compile(
    r"(?i)(text|sentence|review|comment|content|document|body|message|tweet|sms|utterance|question|title|name|input)"
    r"(_?text|_?content|_?body)?s?"
    r"|(用户|商品)?(文本|内容|正文|评论|评价|句子|语句|标题|消息|留言|问题|反馈|微博)(文本|内容)?"
)
_LABEL_NAME = re.compile(
    r"(?i)(label|class|category|target|sentiment|y|language|intent|topic|tag|polarity|rating|score|stars|emotion|"
    r"output|genre|spam)(e?s|_?(id|name|label))?"
    r"|(情感|情绪|意图|主题|话题|问题|文本|评论|评价|新闻|文章|商品)?(标签|类别|分类|类型|极性|倾向|等级|级别)(名|名称|编号)?"
    r"|情感|情绪|意图|主题|话题|语言|评分|星级"
)
_CATEGORY_NAME = re.compile(r"(?i)(class|category|genre)(e?s|_?(id|name))?|(商品|一级)?(类别|分类|类型)(名|名称)?")
_PERSON_NAME = re.compile(
    r"(?i)((.*[_ ])?by|(.*[_ ])?(annotator|author|user|worker|rater|editor|reviewer|agent)s?)([_ ]?(id|name))?"
    r"|(标注|审核|录入)(者|员|人|人员)|作者|用户(名|编号)?|客服|编辑"
)
_ADDRESS_OR_DATE = re.compile(r"(https?://\S+|\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{2,4})\s*$")
_DATE = re.compile(r"(\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})([ T]*\d{1,2}:\d{2}.*)?")
_RECORDING = re.compile(r"(?i).+\.(wav|flac|mp3|ogg|m4a)\s*")
_WRITTEN_NUMBER = re.compile(
    r"[¥$€£]?\s*(?P<number>[+-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?)\s*(?P<unit>(?![年月日时分秒])[^\W\d_]{1,3}|%|°C)?"
)
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_SCALES = {"千": 10**3, "万": 10**4, "亿": 10**8}
_MAX_UNITS = 3
_ID_NAME = re.compile(r"(?i)(.*_)?(id|index|idx|row|number|uuid|guid)|unnamed.*|")


def named_labels(file: DataFile) -> list[Column]:
    """Return the columns of labels that the user names.

    Raises:
        UsageError: there is no such column.
    """
    return [file.named_column(name, "--label") for name in file.labels]


def named_texts(file: DataFile) -> list[Column]:
    """Return the columns of texts that the user names: none, one, or two for a pair.

    Raises:
        UsageError: there is no such column, or there are more than two.
    """
    if len(file.texts) > 2:
        raise UsageError(
            message("--text names {count} columns: name one, or two for pairs of texts", count=len(file.texts))
        )
    return [file.named_column(name, "--text") for name in file.texts]


def text_column(file: DataFile) -> Column | None:
    """Return the column of the text: one with a usual name, else the one with the longest texts."""
    if file.text is not None:
        return named_texts(file)[0]
    texts = [column for column in _others(file) if _is_varied(column) and not is_identifier(column)]
    if len(file.columns) == 1 or any(map(_are_dates, file.columns)):  # else `100cm` can be the name of a product
        texts = [column for column in texts if not _are_written_numbers(column)]
    varied = [column for column in texts if len(column.counts) > 1]
    return max(varied or texts, key=_text_rank, default=None)


def no_texts(file: DataFile) -> str:
    """Return why no column of a table is the text, and what to do."""
    for column in file.columns:
        if are_recordings(column):
            return message(
                "the column '{column}' contains paths of recordings, not texts: the plugin seqkit-ctc transcribes wav "
                "files",
                column=column.name,
            )
    if written := written_numbers(file.columns):
        return written
    if any(map(_are_dates, file.columns)) and any(column.is_numeric for column in file.columns):
        return message("no column of texts; the plugin seqkit-forecast forecasts numbers by their dates")
    return message(
        "no column of texts, which seqkit learns from (a table of features suits scikit-learn): name it with --text"
    )


def written_numbers(columns: Iterable[Column]) -> str:
    """Return what to do about a column of numbers that no reader takes as such: `50,120.1`, `50.1万`; or nothing."""
    column = next(filter(_are_written_numbers, columns), None)
    if column is None:
        return ""
    value = next((text for text in column.counts if not _PLAIN_NUMBER.fullmatch(text.strip())), "")
    found = _written_number(value)
    number = Decimal(found["number"].replace(",", "")) * _SCALES.get(found["unit"], 1) if found else Decimal()
    return message(
        "the numbers of the column '{column}' are written as '{value}': write digits without separators and units, as "
        "in {number}",
        column=column.name,
        value=value,
        number=f"{number.normalize():f}",
    )


def _are_dates(column: Column) -> bool:
    return column.is_text and bool(column.counts) and all(_DATE.fullmatch(text.strip()) for text in column.counts)


def _are_written_numbers(column: Column) -> bool:
    """Return whether texts are numbers with thousands separators, with units or in full-width digits."""
    if not column.is_text or column.has_decimal_commas:
        return False
    found = [_written_number(value) for value in column.counts]
    return all(found) and len({match["unit"] for match in found if match}) <= _MAX_UNITS


def _written_number(text: str) -> re.Match[str] | None:
    return _WRITTEN_NUMBER.fullmatch(unicodedata.normalize("NFKC", text))


def _text_rank(column: Column) -> float:
    usual = 3.0 if _TEXT_NAME.fullmatch(column.name) else 1.0
    if is_label_name(column.name):
        usual = 0.2
    if not column.name:
        usual = 0.1
    return usual * column.mean_length * (len(column.counts) / max(1, len(column.filled))) ** 0.5 * column.filled_share


def second_text(file: DataFile, first: Column) -> Column | None:
    """Return a second column of texts, as long as those of the first, whatever its name.

    If the user names a column of texts, it is the other one that the user names, or none.
    """
    if file.text is not None:
        return next(iter(named_texts(file)[1:]), None)
    others = [
        column
        for column in _others(file)
        if column is not first
        and has_words(column)
        and not is_identifier(column)
        and len(column.counts) > MAX_LABELS / 10
        and len(column.counts) > 0.1 * len(column.filled)
        and 4 * column.mean_length > first.mean_length
    ]
    return max(others, key=lambda column: column.mean_length, default=None)


def has_words(column: Column) -> bool:
    """Return whether the values are texts, most of which have letters: no dates, addresses or paths of recordings."""
    has_letters = column.is_text and 2 * sum(map(_has_letters, column.filled)) > len(column.filled)
    return has_letters and not are_recordings(column)


def are_recordings(column: Column) -> bool:
    """Return whether all values are paths of recordings."""
    return bool(column.counts) and all(_RECORDING.fullmatch(value) for value in column.counts)


def _has_letters(text: str) -> bool:
    is_special = _ADDRESS_OR_DATE.match(text) or _DATE.fullmatch(text.strip())
    return any(map(str.isalpha, text)) and not is_special


def _is_varied(column: Column) -> bool:
    """Return whether the values are texts, and not a few categories such as the weather of a day."""
    return has_words(column) and (len(column.counts) > MAX_LABELS or 20 * len(column.counts) > len(column.filled))


def is_identifier(column: Column) -> bool:
    """Return whether a column numbers or names the rows: distinct values, under such a name or in single words."""
    distinct = len(column.counts) == len(column.filled)
    is_counter = column.is_numeric and distinct and _counts_rows(column)
    return is_counter or (distinct and len(column.filled) > 1 and bool(_ID_NAME.fullmatch(column.name)))


def _counts_rows(column: Column) -> bool:
    try:
        numbers = [int(str(value)) for value in column.filled[:1000]]
    except ValueError:
        return False
    return all(after - before == 1 for before, after in zip(numbers, numbers[1:], strict=False))


def has_full_width_commas(file: DataFile) -> bool:
    """Return whether a table has one column because a Chinese input method wrote the commas of its lines."""
    first_lines = list(islice(filter(None, file.lines), 2))
    parts = [part.strip() for part in re.split("[,，]", "".join(first_lines[:1]))]
    is_header = any(
        part in (*file.texts, *file.labels) or is_label_name(part) or _TEXT_NAME.fullmatch(part) for part in parts
    )
    return len(file.columns) == 1 and len(parts) > 1 and is_header and "，" in "".join(first_lines)


def label_candidates(file: DataFile, *texts: Column | None) -> list[Column]:
    """Return the columns that can be labels, the most likely first: a usual name counts most, then few values.

    Dates and names of persons such as annotators come last, since they recur as labels do, and columns that many rows
    lack before them. Years and other numbers come after words.
    """
    if file.labels:
        return named_labels(file)
    columns = [column for column in file.columns if column not in texts and column.filled]
    columns = [column for column in columns if not is_identifier(column)]
    place = {column.name: number for number, column in enumerate(file.columns)}
    return sorted(
        columns,
        key=lambda column: (
            not is_label_name(column.name),
            is_date(column),
            _PERSON_NAME.fullmatch(_last_part(column.name)) is not None,
            column.filled_share < 0.9,
            not 2 <= len(column.counts) <= MAX_LABELS,
            len(column.counts) * 2 > len(column.filled),
            column.is_numeric and len(column.counts) > 2,
            -place[column.name],
        ),
    )


def is_date(column: Column) -> bool:
    """Return whether all values are dates."""
    return all(_DATE.fullmatch(value) for value in column.counts)


def is_label_name(name: str) -> bool:
    """Return whether a column has a name that is usual for labels."""
    return _LABEL_NAME.fullmatch(_last_part(name)) is not None


def is_clear_label_name(name: str) -> bool:
    """Return whether a column has a name that is usual for labels, and not for what a text is about: `category`."""
    return is_label_name(name) and _CATEGORY_NAME.fullmatch(_last_part(name)) is None


def _last_part(name: str) -> str:
    """Return the name of a field without the objects that it is in: `status` of `annotations.status`."""
    return name.rpartition(".")[2] or name


def _others(file: DataFile) -> Sequence[Column]:
    return [column for column in file.columns if column.name not in file.labels]


def flag_columns(file: DataFile) -> list[Column]:
    """Return the columns of 0 and 1 that are a set of labels: several, if no other column has the name of labels.

    If the user names several columns, it is these.
    """
    if file.labels:
        named = named_labels(file)
        return named if len(named) > 1 and all(map(has_flags, named)) else []
    flags = [column for column in file.columns if column.filled and set(column.counts) == {"0", "1"}]
    named = [column for column in file.columns if is_label_name(column.name) and column not in flags]
    return flags if len(flags) > 1 and not named else []


def has_flags(column: Column) -> bool:
    """Return whether a column contains 0 and 1, or words for them such as no and yes."""
    return bool(column.filled) and {text.lower() for text in column.counts} <= _PRESENT | _ABSENT


def flag_count(column: Column) -> int:
    """Return the number of rows that have the label of a column of 0 and 1."""
    return sum(count for text, count in column.counts.items() if text.lower() in _PRESENT)


def is_sequence(column: Column) -> bool:
    """Return whether the values are lists of numbers, or of lists of numbers: a sequence for each row."""
    return column.has_lists and all(
        value and all(isinstance(item, int | float | list) and not isinstance(item, bool) for item in value)
        for value in column.filled
    )
