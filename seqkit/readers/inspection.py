"""Look at a data file that nothing is known about: its encoding, its format, its delimiter, its header, its columns."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from seqkit.contracts import Column, DataFile
from seqkit.errors import DataError
from seqkit.messages import listed, message
from seqkit.readers.delimited import plain_rows, quoted_rows, unique_names
from seqkit.readers.encodings import guess_encoding, mixes_utf8
from seqkit.readers.fasttext import LABEL_PREFIX, labels_and_text
from seqkit.readers.files import decode_text, open_file, open_text
from seqkit.readers.formats import BEGINNING_BYTES
from seqkit.readers.json_lines import flattened, json_objects
from seqkit.readers.parquet import parquet_rows
from seqkit.readers.table_form import guess_delimiter, has_letters, is_header
from seqkit.readers.table_format import format_of
from seqkit.strict_json import parse_strict_json

MAX_BYTES = 32_000_000
"""How much of a file is read."""

_MAX_ROWS = 100_000


def inspect(path: Path, encoding: str | None = None, option: str = "encoding: ") -> DataFile:
    """Return what a file contains, as far as `MAX_BYTES` of it show.

    Args:
        path: the file.
        encoding: its encoding; by default, it is found from the bytes.
        option: what sets the encoding, for messages.

    Raises:
        DataError: it is missing, empty, a folder, in a binary format or in an unknown encoding; or a row is invalid.
    """
    if path.is_dir():
        raise DataError(_folder(path))
    format_of_name = format_of(path)
    if format_of_name == "parquet":
        return _parquet(path)
    with open_text(path) as file:
        content = file.read(MAX_BYTES)
        is_complete = not file.read(1)
    if not is_complete and 0 not in content[:BEGINNING_BYTES]:
        content = content[: content.rfind(b"\n") + 1] or content
    encoding = encoding or _find_encoding(content, str(path), option)
    text = decode_text(content, encoding, str(path), option)
    _check_no_document(text, path)
    lines = text.removesuffix("\n").split("\n")
    share = 1.0 if is_complete else max(1.0, path.stat().st_size / max(1, len(content)))
    whole = DataFile(
        path,
        encoding,
        lines,
        rows=int(share * sum(bool(line.strip()) for line in lines)),
        characters=int(share * len(text)),
        siblings=_siblings(path),
    )
    return _as_table(whole, format_of_name or "", share, is_complete)


def _folder(path: Path) -> str:
    """Return the message for a folder: of texts in folders by label, or of anything else."""
    labels = sorted({file.parent.name for file in islice(path.glob("*/*.txt"), _MAX_ROWS)})
    if len(labels) < 2:
        return message("{path}: is a folder: name a file in it", path=path)
    return message(
        "{path}: is a folder with texts in folders by label ({labels}): write them into one csv file with the columns "
        "text and label",
        path=path,
        labels=listed(labels[:5]),
    )


def _as_table(file: DataFile, format_of_name: str, share: float, is_complete: bool) -> DataFile:
    """Return the file with its columns, if it is a table."""
    first = next(line for line in file.lines if line.strip())
    if format_of_name == "jsonl" or (not format_of_name and _is_json_object(first)):
        objects = islice(json_objects(file.lines, str(file.path)), _MAX_ROWS)
        records = [flattened(record) for _, _, record in objects]
        return _with_columns(file, records, share, format="jsonl")
    if not format_of_name and first.startswith(LABEL_PREFIX):
        return _as_labeled_lines(file, share, LABEL_PREFIX)
    delimiter = guess_delimiter(file.lines, format_of_name)
    if delimiter is None:
        return _as_labeled_lines(file, share, None) if _begin_with_labels(file.lines) else file
    chosen = format_of_name or ("tsv" if delimiter == "\t" else "csv")
    is_plain = chosen == "tsv" and delimiter == "\t"
    found = plain_rows(file.lines, delimiter) if is_plain else quoted_rows(file.lines, delimiter, str(file.path))
    rows: list[list[str]] = []
    try:
        rows.extend(row for _, row in islice(found, _MAX_ROWS))
    except DataError:
        if is_complete:
            raise  # otherwise the last row continues beyond what was read
    width = Counter(map(len, rows)).most_common(1)[0][0]
    has_header = is_header([row for row in rows if len(row) == width])
    given = [name.strip() for name in rows[0]]
    header = unique_names(given) if has_header else _numbered(width)
    records = [dict(zip(header, row, strict=False)) for row in rows[has_header:]]
    if has_header:  # of the columns without a name, only the first one can be of use: the dates, or row numbers
        header = [name for place, name in enumerate(header) if place == 0 or given[place]]
    return _with_columns(file, records, share, names=header, format=chosen, delimiter=delimiter, has_header=has_header)


def _as_labeled_lines(file: DataFile, share: float, prefix: str | None) -> DataFile:
    """Return a file of lines with labels before a text, with a column of the labels and one of the texts."""
    parts = [labels_and_text(line, prefix) for line in islice(filter(str.strip, file.lines), _MAX_ROWS)]
    are_several = any(len(labels) != 1 for labels, _ in parts)
    records = [{"label": labels if are_several else labels[0], "text": text} for labels, text in parts]
    return _with_columns(file, records, share, format="fasttext", label_prefix=prefix)


_MIN_LABELED, _MAX_FIRST_LABELS = 50, 200
_FIRST_LABEL = re.compile(
    r"[+-]?\d+|[A-Z]{2,}|[A-Za-z]{2,}:\w+|[\u4e00-\u9fff]{1,6}|(?i:pos(itive)?|neg(ative)?|neutral|ham|spam)"
)


def _begin_with_labels(lines: Sequence[str]) -> bool:
    """Return whether each line consists of a label, a space and a text.

    A label is a number, in capitals, with a colon (`DESC:manner`), Chinese, or a usual one (`pos`): other words begin
    the lines of diaries and logs too. It recurs. The texts have different numbers of words, which columns have not, and
    letters.
    """
    parts = [line.split(maxsplit=1) for line in lines if line.strip()]
    if len(parts) < _MIN_LABELED or any(len(words) != 2 for words in parts):
        return False
    counts = Counter(label for label, _ in parts)
    once = sum(count == 1 for count in counts.values())
    are_labels = 2 <= len(counts) <= _MAX_FIRST_LABELS and all(map(_FIRST_LABEL.fullmatch, counts))
    are_texts = 2 * sum(has_letters(text) for _, text in parts) > len(parts)
    return are_labels and are_texts and once < 0.02 * len(parts) and len({text.count(" ") for _, text in parts}) > 1


def _numbered(width: int) -> list[str]:
    return [f"column_{number}" for number in range(1, width + 1)]


def _with_columns(
    file: DataFile, records: Sequence[dict[str, Any]], share: float, names: Sequence[str] = (), **changes: Any
) -> DataFile:
    names = names or list(dict.fromkeys(name for record in records for name in record))
    if not records:
        raise DataError(message("{path}: there are no rows after the header", path=file.path))
    columns = [_without_missing(Column(name, [record.get(name) for record in records])) for name in names]
    total = int(share * len(records)) if len(records) < _MAX_ROWS else file.rows
    return replace(file, columns=columns, rows=total, **changes)


_MISSING = frozenset({"nan", "na", "n/a", "null", "none"})
"""What columns of numbers contain in place of a missing one, in lower case."""


def _without_missing(column: Column) -> Column:
    """Return a column whose values are numbers, but for words such as `nan`, without these words; or the column."""
    words = sorted({text for text in column.counts if text.lower() in _MISSING})
    if not words:
        return column
    values = [None if isinstance(value, str) and value.strip() in words else value for value in column.values]
    numbers = Column(column.name, values, words)
    return numbers if numbers.is_numeric else column


def _parquet(path: Path) -> DataFile:
    with open_file(path):
        pass  # reports a missing file as all readers do
    records = [flattened(record) for _, _, record in islice(parquet_rows(path), _MAX_ROWS)]
    characters = sum(len(str(value)) for record in records for value in record.values())
    file = DataFile(path, characters=characters, siblings=_siblings(path))
    return _with_columns(file, records, 1.0, format="parquet")


def _find_encoding(content: bytes, source: str, option: str) -> str:
    """Return UTF-8, or the encoding in which a text is valid of those that reject most other texts.

    A text that is valid in none of these, and that has few bytes beyond ASCII, most of which are letters or usual signs
    in Windows-1252, is taken as that.

    Raises:
        DataError: the text is valid in none of them.
    """
    with suppress(UnicodeDecodeError):
        content.decode("utf-8")
        if 0 not in content[:BEGINNING_BYTES]:
            return "utf-8"
    if mixes_utf8(content):
        decode_text(content, "utf-8", source, option)
    if found := guess_encoding(lambda: [content], "utf-8"):
        return found
    with suppress(UnicodeDecodeError):
        text = content.decode("cp1252")
        others = [character for character in text if not character.isascii()]
        has_controls = any(ord(character) < 32 and not character.isspace() for character in text)
        if not has_controls and 5 * len(others) < len(text) and 2 * sum(map(_is_usual, others)) > len(others):
            return "cp1252"
    decode_text(content, "utf-8", source, option)  # raises the error that names the byte and its line
    return "utf-8"


def _is_usual(character: str) -> bool:
    """Return whether texts of Western Europe contain a character: letters, quotes, dashes, currencies."""
    return character.isalpha() or character in "\N{NO-BREAK SPACE}£€‘’‚“”„«»–—…•·°´§©®™½¼¾²³¡¿"


def _check_no_document(text: str, path: Path) -> None:
    """Check that a text is not one JSON array, nor one object on several lines or with rows in it.

    Raises:
        DataError: it is.
    """
    first, _, others = text.strip().partition("\n")
    if first[:1] not in ("[", "{") or (others and _is_json_object(first)):
        return
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return
    rows = next((key for key, value in document.items() if _has_rows(value)), "") if first[0] == "{" else ""
    if first[0] == "{" and not others and not rows:
        return  # a row
    query = f".[{json.dumps(rows)}][]" if rows else ".[]"
    command = f"jq -c {shlex.quote(query)} {shlex.quote(str(path))} > {shlex.quote(path.stem + '.jsonl')}"
    raise DataError(
        message(
            "{path}: is one JSON document: write one object per line, as JSON Lines: {command}",
            path=path,
            command=command,
        )
    )


def _has_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _is_json_object(line: str) -> bool:
    with suppress(json.JSONDecodeError, ValueError):
        return isinstance(parse_strict_json(line), dict)
    return False


_SIDES = {"valid": ("dev", "valid", "validation", "val"), "test": ("test",)}


def _siblings(path: Path) -> dict[str, Path]:
    """Return the files of the other splits beside a training file: `dev.conll` beside `train.conll`."""
    found = {}
    for split, words in _SIDES.items():
        for word in words:
            other = path.with_name(path.name.replace("train", word))
            if split not in found and other != path and other.is_file():
                found[split] = other
    return found
