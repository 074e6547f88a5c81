"""The reference pages of the site, written from the code when the site is built: see docs/build.py.

Descriptions are the docstrings of the code, in English in both languages; headings and tables have the page's language.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, Field, fields
from typing import Any

import click

import seqkit
from seqkit import cli, errors, hookspecs
from seqkit.cli.describe import component_as_data
from seqkit.recipe import generation, schema
from seqkit.recipe.descriptions import describe
from seqkit.recipe.parameters import Parameter, parameters
from seqkit.recipe.section import Section
from seqkit.registry import load_registry
from seqkit.runs import directory

WORDS = {
    "en": {
        "from-code": "This page is written from the code when the site is built.",
        "Components": "Components",
        "Commands": "Commands",
        "Recipe keys": "Recipe keys",
        "Python": "Python",
        "Hooks": "Hooks of a plugin",
        "Exit codes": "Exit codes",
        "Run directory": "The run directory",
        "provider": "Provided by",
        "parameter": "parameter",
        "key": "key",
        "value": "value",
        "default": "default",
        "meaning": "meaning",
        "required": "required",
        "option": "option",
        "code": "code",
        "error": "error",
        "file": "file",
        "content": "content",
        "success": "The command succeeded.",
        "reader": "Readers",
        "tokenizer": "Tokenizers",
        "embedding": "Embeddings",
        "encoder": "Encoders",
        "head": "Heads",
        "optimizer": "Optimizers",
        "schedule": "Schedules",
        "metric": "Metrics",
        "tracker": "Trackers",
        "top": "The recipe",
    },
    "zh": {
        "from-code": "本页在构建网站时由代码生成，其中的说明取自代码的文档字符串，为英文。",
        "Components": "组件",
        "Commands": "命令",
        "Recipe keys": "配方的键",
        "Python": "Python 接口",
        "Hooks": "插件的钩子",
        "Exit codes": "退出码",
        "Run directory": "运行目录",
        "provider": "提供者：",
        "parameter": "参数",
        "key": "键",
        "value": "取值",
        "default": "默认值",
        "meaning": "含义",
        "required": "必填",
        "option": "选项",
        "code": "退出码",
        "error": "错误",
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
        "tracker": "训练记录",
        "top": "配方的顶层",
    },
}
SECTIONS: dict[str, type[Section]] = {
    "train": schema.Train,
    "train.groups": schema.Group,
    "train.early_stopping": schema.EarlyStopping,
    "train.average: ema": schema.EMA,
    "train.average: swa": schema.SWA,
    "data.split: hash": schema.HashSplit,
    "data.split: random": schema.RandomSplit,
    "data.split: order": schema.OrderSplit,
    "generate": generation.Generate,
}
ITEM = re.compile(r"^    (?! )([^:\n]+): *", re.MULTILINE)
SECTION = re.compile(r"^(Args|Attributes|Returns|Raises|Yields):\n((?:    .*\n|\n)+)", re.MULTILINE)


def pages(language: str) -> dict[str, str]:
    """Return the generated pages by file name, in the order of the site."""
    words = WORDS[language]
    registry = load_registry().check()
    written: dict[str, Callable[[dict[str, str]], Iterable[str]]] = {
        "commands.md": commands,
        "recipe-keys.md": recipe_keys,
        **{
            f"{kind}s.md": lambda words, kind=kind: components(words, kind, registry.all(kind))
            for kind in hookspecs.KINDS
        },
        "run-directory.md": run_directory,
        "exit-codes.md": exit_codes,
        "python.md": python,
        "hooks.md": hooks,
    }
    return {name: "\n\n".join(write(words)) + "\n" for name, write in written.items()}


def commands(words: dict[str, str]) -> Iterator[str]:
    """Yield the page of the commands and their options, those of plugins too."""
    for module in pkgutil.iter_modules(cli.__path__):  # they add their commands to the group
        importlib.import_module(f"seqkit.cli.{module.name}")
    from seqkit.cli.group import seqkit as group

    yield from _head(words, "Commands")
    plugins = {name: command.load() for name, command in load_registry().commands.items()}
    for name, command in sorted(group.commands.items()) + sorted(plugins.items()):
        yield from _command(words, f"seqkit {name}", command)


def _command(words: dict[str, str], path: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    yield f"## {path}"
    yield _code("console", f"$ {path} {' '.join(command.collect_usage_pieces(context))}")
    yield inspect.cleandoc(command.help or command.short_help or "").replace("\b\n", "")
    records = [option.get_help_record(context) for option in command.params if isinstance(option, click.Option)]
    rows = [(f"`{names}`", text) for names, text in filter(None, records)]
    yield _table((words["option"], words["meaning"]), rows)
    if isinstance(command, click.Group):
        for name, part in sorted(command.commands.items()):
            yield from _command(words, f"{path} {name}", part)


def recipe_keys(words: dict[str, str]) -> Iterator[str]:
    """Yield the page of the keys of a recipe that are not parameters of components."""
    yield from _head(words, "Recipe keys")
    for title, cls in {words["top"]: schema.Settings, **SECTIONS}.items():
        text, parts = _parse(inspect.cleandoc(cls.__doc__ or ""))
        meanings, kinds = parts.get("Attributes", {}), parameters(cls)
        yield f"## {title}"
        yield text
        rows = [
            (f"`{field.name}`", _kind(kinds[field.name]), _default(words, field), meanings.get(field.name, ""))
            for field in fields(cls)
        ]
        yield _table((words["key"], words["value"], words["default"], words["meaning"]), rows)


def _default(words: dict[str, str], field: Field[Any]) -> str:
    if field.default_factory is not MISSING:
        return _value(field.default_factory())
    if isinstance(field.default, Section):
        return ""
    return words["required"] if field.default is MISSING else _value(field.default)


def _kind(parameter: Parameter) -> str:
    """Return what a key can be, with links to the components and sections that it holds."""
    if parameter.nested:
        link = f"[{parameter.nested}]({parameter.nested}s.md)"
        return f"a list of {link}" if parameter.is_list else link
    titles = {cls.__name__: title for title, cls in SECTIONS.items()}
    return re.sub(
        r"\b(?:an? )?(\w+) objects?\b",
        lambda match: f"[{titles[match[1]]}](#{_anchor(titles[match[1]])})",
        describe(parameter.annotation),
    )


def _anchor(heading: str) -> str:
    """Return the anchor of a heading, as the site makes it (`toc.slugify` in docs/site.yml)."""
    return re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-")


def components(words: dict[str, str], kind: str, entries: Iterable[Any]) -> Iterator[str]:
    """Yield the page of the components of a kind."""
    yield from _head(words, kind)
    for entry in entries:
        data = component_as_data(entry)
        text, parts = _parse(data["description"])
        meanings = parts.get("Args", {})
        yield f"## {entry.name}"
        yield f"{words['provider']} {data['distribution']} {data['version']}"
        yield text or data["summary"]
        rows = [
            (
                f"`{parameter['name']}`",
                parameter["type"],
                words["required"] if parameter["required"] else _value(parameter["default"]),
                meanings.get(parameter["name"], ""),
            )
            for parameter in data["parameters"]
        ]
        yield _table((words["parameter"], words["value"], words["default"], words["meaning"]), rows)


def run_directory(words: dict[str, str]) -> Iterator[str]:
    """Yield the page of the files of a run directory."""
    yield from _head(words, "Run directory")
    text = inspect.cleandoc(directory.__doc__ or "")
    yield _table((words["file"], words["content"]), _joined(text))
    yield text.rpartition("\n\n")[2]


def _joined(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and description of each file in an indented list; a description can have several lines."""
    for entry in re.findall(r"^ {4}(\S+) {2,}(.*(?:\n {20,}.*)*)", text, re.MULTILINE):
        yield f"`{entry[0]}`", " ".join(entry[1].split())


def exit_codes(words: dict[str, str]) -> Iterator[str]:
    """Yield the page of the exit codes, from the classes of errors."""
    yield from _head(words, "Exit codes")
    found = [cls for cls in vars(errors).values() if inspect.isclass(cls) and issubclass(cls, errors.SeqkitError)]
    rows = [("0", "", words["success"])]
    rows += [
        (str(cls.exit_code), f"`{cls.__name__}`", inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0])
        for cls in found
        if "exit_code" in vars(cls)
    ]
    interrupted = _parse(inspect.cleandoc(errors.Interrupted.__doc__ or ""))
    rows.append(("130, 143", "`Interrupted`", f"{interrupted[0]} {interrupted[1]['Args']['signal_number']}"))
    yield _table(
        (words["code"], words["error"], words["meaning"]), sorted(rows, key=lambda row: int(row[0][:3].strip(",")))
    )


def python(words: dict[str, str]) -> Iterator[str]:
    """Yield the page of what `seqkit` and `seqkit.sklearn` export."""
    yield from _head(words, "Python")
    for module in (seqkit, importlib.import_module("seqkit.sklearn")):
        for name in sorted(set(module.__all__)):
            value = getattr(module, name)
            if inspect.isfunction(value) or inspect.isclass(value):
                yield from _documented(words, f"{module.__name__}.{name}", value, "##")
                for method, function in sorted(vars(value).items()) if inspect.isclass(value) else ():
                    if not method.startswith("_") and getattr(function, "__doc__", None):
                        yield from _documented(words, f"{name}.{method}", function, "###")


def hooks(words: dict[str, str]) -> Iterator[str]:
    """Yield the page of the hooks."""
    yield from _head(words, "Hooks")
    yield inspect.cleandoc(hookspecs.__doc__ or "")
    for name, value in vars(hookspecs).items():
        if name.startswith("seqkit_") and inspect.isfunction(value):
            yield from _documented(words, name, value, "##")


def _documented(words: dict[str, str], name: str, value: Any, level: str) -> Iterator[str]:
    text, parts = _parse(inspect.cleandoc(value.__doc__ or ""))
    yield f"{level} {name}"
    if inspect.isfunction(value):
        yield _code("python", f"{name}{inspect.signature(value)}")
    yield text
    for part, items in parts.items():
        if set(items) == {""}:
            yield f"**{part}**: {items['']}"
        else:
            yield f"**{part}**"
            yield _table((words["parameter"], words["meaning"]), [(f"`{key}`", item) for key, item in items.items()])


def _parse(docstring: str) -> tuple[str, dict[str, dict[str, str]]]:
    """Split a docstring into its text and its sections: `{"Args": {"dim": "the width"}}`, `{"Returns": {"": "…"}}`."""
    sections = {}
    for name, body in SECTION.findall(docstring + "\n"):
        if name in ("Returns", "Yields"):
            sections[name] = {"": " ".join(body.split())}
        else:
            _, *items = ITEM.split(body)
            sections[name] = {key: " ".join(text.split()) for key, text in zip(items[::2], items[1::2], strict=True)}
    return SECTION.sub("", docstring + "\n").strip(), sections


def _head(words: dict[str, str], title: str) -> Iterator[str]:
    yield f"# {words[title]}"
    yield words["from-code"]


def _value(value: Any) -> str:
    if isinstance(value, bool | None):
        return f"`{json.dumps(value)}`"
    return f"`{list(value) if isinstance(value, tuple) else value}`"


def _table(names: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [" | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in row) for row in rows]
    return (
        "\n".join(f"| {line} |" for line in (" | ".join(names), " | ".join("---" for _ in names), *lines))
        if lines
        else ""
    )


def _code(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"
