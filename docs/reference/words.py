"""The words of the reference in each language, and the translation of texts of the code."""

from __future__ import annotations

from collections.abc import Callable
from inspect import cleandoc
from pathlib import Path
from typing import Any

from seqkit.cli.language import DOMAIN, description_lookup, read_catalogue
from seqkit.recipe.docstrings import translate_paragraph

WORDS = {
    "en": {
        "from-code": "This page is written from the code when the site is built.",
        "from-docstrings": "This page is written from the code when the site is built.",
        "Commands": "Commands",
        "Recipe keys": "Recipe keys",
        "Python": "Python",
        "Contracts": "Contracts of components",
        "Checks": "Checks for plugins",
        "Helpers": "Helpers for plugins",
        "Hooks": "Hooks of a plugin",
        "Exit codes": "Exit codes",
        "Run directory": "The run directory",
        "provider": "Provided by ",
        "parameter": "parameter",
        "attribute": "attribute",
        "key": "key",
        "value": "value",
        "default": "default",
        "meaning": "meaning",
        "required": "required",
        "its-keys": "those of its keys",
        "list-of": "a list of {}",
        "or": " or ",
        "tag": "selects this form.",
        "option": "option",
        "code": "code",
        "error": "error",
        "warning": "warning",
        "file": "file",
        "content": "content",
        "success": "The command succeeded.",
        "reader": "Readers",
        "tokenizer": "Tokenizers",
        "embedding": "Embeddings",
        "encoder": "Encoders",
        "head": "Heads",
        "optimizer": "Optimizers",
        "schedule": "Learning-rate schedules",
        "metric": "Metrics",
        "tracker": "Trackers",
        "top": "The recipe",
        "keys": (
            "The keys at the top of a recipe. A component is a mapping with its name as `type` and its parameters, or "
            "the name alone."
        ),
        "Args": "Parameters",
        "Attributes": "Attributes",
        "Returns": "Returns",
        "Raises": "Raises",
        "Warns": "Warns",
        "Yields": "Yields",
    },
    "zh": {
        "from-code": "本页在构建网站时由代码生成。",
        "from-docstrings": "本页在构建网站时由代码生成，其中的说明取自代码的文档字符串，保留英文。",
        "Commands": "命令",
        "Recipe keys": "配方的键",
        "Python": "Python 接口",
        "Contracts": "组件的约定",
        "Checks": "插件的检查",
        "Helpers": "供插件使用的工具",
        "Hooks": "插件的钩子",
        "Exit codes": "退出码",
        "Run directory": "运行目录",
        "provider": "提供者：",
        "parameter": "参数",
        "attribute": "属性",
        "key": "键",
        "value": "取值",
        "default": "默认值",
        "meaning": "含义",
        "required": "必填",
        "its-keys": "其各键的默认值",
        "list-of": "{} 的列表",
        "or": " 或 ",
        "tag": "选择这种形式。",
        "option": "选项",
        "code": "退出码",
        "error": "错误",
        "warning": "警告",
        "file": "文件",
        "content": "内容",
        "success": "命令执行成功。",
        "reader": "读取器",
        "tokenizer": "分词器",
        "embedding": "嵌入",
        "encoder": "编码器",
        "head": "输出头",
        "optimizer": "优化器",
        "schedule": "学习率调度",
        "metric": "指标",
        "tracker": "跟踪器",
        "top": "配方的顶层",
        "keys": "配方顶层的键。组件写成一个映射，`type` 是组件的名称，其余的键是它的参数；只写名称也可以。",
        "Args": "参数",
        "Attributes": "属性",
        "Returns": "返回值",
        "Raises": "抛出的错误",
        "Warns": "发出的警告",
        "Yields": "逐个产生",
    },
}


class Words:
    """The words of a language: `words["default"]`.

    Args:
        language: `en` or `zh`.
        lookup: returns the translation of a description in one line; that of the language by default.
    """

    def __init__(self, language: str, lookup: Callable[[str], str] | None = None) -> None:
        self._words = WORDS[language]
        self._lookup = read_catalogue(DOMAIN).gettext if language == "zh" else str
        self._describe = lookup or description_lookup(language)
        self._meanings = _glossary(language)

    def __getitem__(self, name: str) -> str:
        return self._words[name]

    def meaning(self, term: str) -> str:
        """Return the meaning of a term in the glossary of the language."""
        return self._meanings[term]

    def translate(self, text: Any) -> str:
        """Return a message or a text of `--help` in the language."""
        if hasattr(text, "translated"):  # a message, with its template
            return str(text.translated(self._lookup))
        return self._lookup(cleandoc(text)) if text else ""

    def describe(self, description: str) -> str:
        """Return paragraphs of a docstring in the language; those that have no translation as they are."""
        return "\n\n".join(translate_paragraph(each, self._describe) for each in description.split("\n\n"))


def _glossary(language: str) -> dict[str, str]:
    page = Path(__file__).parent.parent / language / "reference" / "glossary.md"
    rows = [line.strip("| ").split(" | ") for line in page.read_text(encoding="utf-8").splitlines() if " | " in line]
    return {row[0]: row[-1] for row in rows}
