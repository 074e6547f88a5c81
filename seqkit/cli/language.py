"""The language of help and messages: Chinese by the locale or by SEQKIT_LANG, and English otherwise."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seqkit.messages import use_translation

if TYPE_CHECKING:
    from gettext import NullTranslations

LOCALES = Path(__file__).parent.parent / "locale"
DOMAIN = "seqkit"
DESCRIPTIONS = "descriptions"
"""The domain of the descriptions in docstrings, paragraph by paragraph, each in one line."""

CHINESE = "zh_CN"
"""The folder of the catalogue in `LOCALES`, a name as in LANGUAGE."""

VARIABLE = "SEQKIT_LANG"


def use_language(environment: Mapping[str, str] = os.environ) -> Callable[[str], str] | None:
    """Translate the messages of this process, and those of click, into the language of its environment.

    Returns:
        The function that returns the translation of a template; None for English.
    """
    lookup = None
    if find_language(environment) == "zh":
        import gettext

        os.environ["LANGUAGE"] = CHINESE  # click looks its messages up in the default domain
        gettext.bindtextdomain(DOMAIN, LOCALES)
        gettext.textdomain(DOMAIN)
        translation = read_catalogue(DOMAIN)
        lookup = translation.gettext
        # There is no public way to list the texts. Without them, those of an earlier run stay English in a report.
        texts = getattr(translation, "_catalog", {})
        use_translation(lookup, [text for text in texts if isinstance(text, str) and text])
    else:
        use_translation(None)
    return lookup


def description_lookup(language: str) -> Callable[[str], str]:
    """Return the function that returns the translation of a description in one line, or the description.

    Args:
        language: `zh` or `en`.
    """
    if language != "zh":
        return str
    translation = read_catalogue(DESCRIPTIONS)
    return lambda text: text and translation.gettext(text)  # gettext has the header under the empty text


def read_catalogue(domain: str) -> NullTranslations:
    """Return the Chinese of the texts of a domain."""
    import gettext

    return gettext.translation(domain, LOCALES, [CHINESE])


def find_language(environment: Mapping[str, str]) -> str:
    """Return `zh` or `en`.

    A value of SEQKIT_LANG decides; one that is neither is English. Otherwise the language is that of the locale, as
    gettext finds it: the first of LC_ALL, LC_MESSAGES and LANG that is set; in a locale other than C, the languages of
    LANGUAGE come first. The catalogue is in simplified Chinese, so a locale of traditional Chinese is English.
    """
    if own := environment.get(VARIABLE):
        return language_of(own) or "en"
    locale = next(filter(None, map(environment.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "C")
    if re.fullmatch(r"(C|POSIX)(\..*)?", locale):
        return "en"
    wanted = [*environment.get("LANGUAGE", "").split(":"), locale]
    return next(filter(None, map(language_of, wanted)), "en")


def language_of(name: str) -> str:
    """Return `zh` or `en` for a name such as zh, zh_CN.UTF-8 or zh-Hans; empty for another language."""
    parts = re.split(r"[_.@-]", name.lower())
    if parts[0] == "zh" and not {"tw", "hk", "mo", "hant"} & set(parts):
        return "zh"
    return "en" if parts[0] == "en" else ""
