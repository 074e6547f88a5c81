"""The Chinese of descriptions: the catalogue, and what `seqkit show` prints."""

from __future__ import annotations

import re
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

import catalogue
import descriptions
from seqkit.cli.docstring_text import WIDTH, docstring_text
from seqkit.cli.language import description_lookup
from seqkit.terminal import display_width

TRANSLATIONS = catalogue.read_translations(descriptions.CATALOGUE)
SENTENCE = re.compile(r"\b(is|are|has|have|if|that|which|its|does|do)\b")
"""Words of English sentences that are not in the titles of papers."""

DOCSTRING = """A cell of
two lines.

A paragraph
without a translation.

    code: {type: cell}

Args:
    dim: the
        width.

Raises:
    ValueError: never
        translated.
"""


@pytest.fixture(scope="module")
def entries() -> dict[str, catalogue.Entry]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQKIT_PLUGINS", "on")
        return descriptions.collect()


def test_the_catalogue_has_exactly_the_descriptions_of_seqkit(entries: dict[str, catalogue.Entry]) -> None:
    hint = "run `make messages`, and translate what is new in descriptions.po"
    assert [text for text in entries if not TRANSLATIONS.get(text)] == [], hint
    assert {"encoder lstm", "encoder gru", "train", "run-directory.md"} <= {entry.origin for entry in entries.values()}
    written = descriptions.CATALOGUE.read_text(encoding="utf-8")
    assert written == catalogue.format_catalogue(entries, TRANSLATIONS), hint
    compiled = descriptions.CATALOGUE.with_suffix(".mo").read_bytes()
    assert compiled == catalogue.compile_catalogue(entries, TRANSLATIONS), hint


def test_translations_have_the_code_of_their_descriptions() -> None:
    def code(text: str) -> set[str]:
        return set(re.findall(r"`([^`]+)`", text))

    assert [text for text, translation in TRANSLATIONS.items() if code(text) != code(translation)] == []


@pytest.mark.parametrize("arguments", [("head", "classify"), ("train",)])
def test_show_prints_no_english_sentence_in_chinese(
    cli: Callable[..., CompletedProcess[str]], arguments: tuple[str, ...]
) -> None:
    shown = {language: cli("show", *arguments, SEQKIT_LANG=language).stdout for language in ("en", "zh")}
    prose = {language: re.sub(r"`[^`]*`", "", text) for language, text in shown.items()}
    assert SENTENCE.search(prose["en"])
    assert [line for line in prose["zh"].splitlines() if SENTENCE.search(line)] == []
    keys = [re.findall(r"^  (?:  )?(\w+)(?::|  )", text, re.MULTILINE) for text in shown.values()]
    assert keys[0] and set(keys[0]) == set(keys[1])


def test_json_is_english_in_every_language(cli: Callable[..., CompletedProcess[str]]) -> None:
    for arguments in (("metric", "kappa"), ("train",)):
        english, chinese = (cli("show", *arguments, "--json", SEQKIT_LANG=name).stdout for name in ("en", "zh"))
        assert english == chinese and english.isascii()


def test_a_docstring_is_translated_paragraph_by_paragraph() -> None:
    known = {"A cell of two lines.": "两" * 60, "Args:": "参数说明：", "the width.": "宽度，" * 30}
    translated = docstring_text(DOCSTRING, lambda text: known.get(text, text))
    assert translated.split("\n\n") == [
        f"{'两' * 55}\n{'两' * 5}",
        "A paragraph\nwithout a translation.",
        "    code: {type: cell}",
        f"参数说明：\n    dim: {'宽度，' * 16}\n        {'宽度，' * 14}",
        "Raises:\n    ValueError: never\n        translated.\n",
    ]
    assert max(map(display_width, translated.splitlines())) <= WIDTH
    assert docstring_text(DOCSTRING, str) == DOCSTRING


def test_a_description_can_be_empty() -> None:
    assert description_lookup("zh")("") == ""
