"""Update the catalogue of messages and help: collect the templates, and compile what is translated.

`make messages` runs it, and then descriptions.py for the catalogue of descriptions. It adds a template that is new with
an empty translation, drops one that is no longer used, and writes the .mo file that seqkit reads. In a .po file,
translate `msgstr`, and run it again.
"""

from __future__ import annotations

import ast
import re
import struct
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from inspect import cleandoc
from pathlib import Path
from typing import NamedTuple

import click

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from seqkit.cli.language import CHINESE, DOMAIN, LOCALES  # noqa: E402 - from this folder
from seqkit.cli.translated_help import HELP_ATTRIBUTES  # noqa: E402
from seqkit.recipe.shipped import ShippedRecipe  # noqa: E402

CATALOGUE = LOCALES / CHINESE / "LC_MESSAGES" / f"{DOMAIN}.po"
HEADER = """Language: zh_CN
MIME-Version: 1.0
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: 8bit
Plural-Forms: nplurals=1; plural=0;
"""

ENGLISH = (
    "seqkit/recipe/json_schema.py",
    "seqkit/templates/",
    "seqkit/testing/",
)
"""The start of the paths of modules that are not translated: files, and the checks for authors of plugins."""

CHECK_PLUGIN = ("seqkit/testing/default_cases.py", "seqkit/testing/distribution.py")
"""Modules for authors of plugins that are translated: they have the lines of `seqkit check-plugin`."""

REASONS = ("CheckResult", "DoesNotApply")
"""The calls in other modules for authors of plugins whose templates are translated: why a check was not run. What is
wrong with a component stays English."""

CLICK = {
    "Usage:": "",
    "Options": "",
    "Positional arguments": "",
    "Commands": "",
    "Show this message and exit.": "",
    "Show the version and exit.": "",
    "default: {default}": "",
    "env var: {var}": "",
    "required": "",
    "Missing command.": "",
    "Missing argument": "",
    "Missing option": "",
    "Missing parameter": "",
    "Missing {param_type}": "",
    "Missing parameter: {param_name}": "",
    "Choose from:\n\t{choices}": "",
    "Invalid value: {message}": "",
    "Invalid value for {param_hint}: {message}": "",
    "No such command {name!r}.": "",
    "Option {name!r} does not take a value.": "",
    "Option {name!r} requires an argument.": "Option {name!r} requires {nargs} arguments.",
    "Argument {name!r} takes {nargs} values.": "",
    "Got unexpected extra argument ({args})": "Got unexpected extra arguments ({args})",
    "Takes {nargs} values but 1 was given.": "Takes {nargs} values but {len} were given.",
    "{len_type} values are required, but {len_value} was given.": (
        "{len_type} values are required, but {len_value} were given."
    ),
    "Invalid start character for option ({option})": "",
    "unknown error": "",
    "{value!r} is not a valid {number_type}.": "",
    "{value} is not in the range {range}.": "",
    "{value!r} is not a valid boolean.": "",
    "{value!r} is not a valid boolean. Recognized values: {states}": "",
    "{value!r} is not {choice}.": "{value!r} is not one of {choices}.",
    "{name} {filename!r} does not exist.": "",
    "{name} {filename!r} is a file.": "",
    "{name} {filename!r} is a directory.": "",
    "{name} {filename!r} is not readable.": "",
    "{name} {filename!r} is not writable.": "",
    "{name} {filename!r} is not executable.": "",
    "Could not open file {filename!r}: {message}": "",
}
"""The messages of click that the command line can show, each with its plural; those of several versions of click."""

CLICK_UNUSED = {
    "Aborted!",
    "No such option {name!r}.",
    "Did you mean {possibility}?",
    "Try '{command} {option}' for help.",
    "Error: {message}",
    "(dynamic)",
    "deprecated",
    "Choice({choices})",
    "{value!r} is not a valid UUID.",
    "{value!r} does not match the format {format}.",
    "DeprecationWarning: The command {name!r} is deprecated.{extra_message}",
    "DeprecationWarning: The {param_type} {name!r} is deprecated.{extra_message}",
    "Value must be an iterable.",
    *("file", "directory", "path"),  # of paths that click checks; a column of a table can have these names
}
"""The messages of click for users that seqkit words itself, or that its commands do not reach."""

SYSTEM = (
    "No such file or directory",
    "Permission denied",
    "File exists",
    "Not a directory",
    "Is a directory",
    "No space left on device",
    "Disk quota exceeded",
    "File too large",
    "Read-only file system",
    "File name too long",
    "Too many open files",
    "Too many levels of symbolic links",
    "Input/output error",
    "Operation not permitted",
    "Device or resource busy",
)
"""The usual reasons of errors of the operating system, in the words of Linux and macOS."""


class Entry(NamedTuple):
    """A text of the catalogue.

    Attributes:
        origin: the module that has it, or who else.
        plural: its plural in English; empty without one.
        is_template: whether braces in it are fields.
    """

    origin: str
    plural: str = ""
    is_template: bool = True


def collect() -> dict[str, Entry]:
    """Return the texts to translate in a fixed order.

    They are those of click, those of `--help`, the templates module by module, and the summaries of recipes.
    """
    from seqkit.cli.group import seqkit

    found = {text: Entry("click", plural) for text, plural in CLICK.items()}
    found |= {text: Entry("operating system") for text in SYSTEM}
    for file in sorted((PROJECT / "seqkit" / "cli").glob("*command*.py")):
        __import__(f"seqkit.cli.{file.stem}")
    commands = [seqkit.commands[name] for name in sorted(seqkit.commands)]
    for command in [seqkit, *commands, *_commands_of_plugins()]:
        origin = f"seqkit {command.name} --help" if command is not seqkit else "seqkit --help"
        for text in _help_texts(command):
            found.setdefault(text, Entry(origin))
    packages = [PROJECT / "seqkit", *packages_of_plugins()]
    for path in (path for package in packages for path in sorted(package.rglob("*.py"))):
        name = path.relative_to(PROJECT).as_posix()
        source = path.read_text(encoding="utf-8")
        if name in CHECK_PLUGIN or not name.startswith(ENGLISH):
            texts = templates(source)
        elif name.startswith("seqkit/testing/"):
            texts = reasons(source)
        else:
            continue
        for text in texts:
            found.setdefault(text, Entry(name))
    for path in [*sorted(PROJECT.glob("recipes/*.yaml")), *sorted(PROJECT.glob("plugins/*/recipes/*.yaml"))]:
        found.setdefault(ShippedRecipe(path, "").summary, Entry(path.relative_to(PROJECT).as_posix()))
    return found


def packages_of_plugins() -> list[Path]:
    """Return the folders of the packages; beside them is the `.egg-info` of an editable installation."""
    return sorted(file.parent for file in PROJECT.glob("plugins/*/seqkit_*/__init__.py"))


def _commands_of_plugins() -> Iterator[click.Command]:
    for folder in packages_of_plugins():
        sys.path.append(str(folder.parent))
        for record in getattr(import_module(folder.name), "seqkit_commands", list)():
            module, _, name = record.target.partition(":")
            yield getattr(import_module(module), name)


def _help_texts(command: click.Command) -> Iterator[str]:
    for item in (command, *command.params):
        for attribute in HELP_ATTRIBUTES:
            if text := getattr(item, attribute, None):
                yield cleandoc(text)


def templates(source: str) -> Iterator[str]:
    """Yield the templates of the calls of `message` and `counted` in a module, in the order of the source."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        name = getattr(call.func, "id", "")
        for argument in call.args[1:] if name == "counted" else call.args[:1] if name == "message" else ():
            if isinstance(argument, ast.Constant):
                yield str(argument.value)


def reasons(source: str) -> Iterator[str]:
    """Yield the templates inside the calls of REASONS in a module, in the order of the source."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in REASONS:
            yield from templates(ast.unparse(node))


def read_translations(file: Path) -> dict[str, str]:
    """Return the translation of each text of a .po file; empty where it is not translated."""
    quoted = r'"(?:[^"\\]|\\.)*"'
    found, key = {}, ""
    for word, texts in re.findall(
        rf"^(msgid|msgstr)(?:\[0\])? ((?:{quoted}\s*)+)", file.read_text("utf-8"), re.MULTILINE
    ):
        text = "".join(ast.literal_eval(part) for part in re.findall(quoted, texts))
        if word == "msgid":
            key = text
        else:
            found[key] = text
    return found


def format_catalogue(entries: Mapping[str, Entry], translations: Mapping[str, str]) -> str:
    """Return the .po file of the texts, with their translations as far as there are any."""
    blocks = [f"# Chinese of texts of seqkit. `make messages` updates this file.\n{_pair('', HEADER)}"]
    for text, entry in entries.items():
        flag = "#, python-brace-format\n" if entry.is_template and "{" in text else ""
        blocks.append(f"#: {entry.origin}\n{flag}{_pair(text, translations.get(text, ''), entry.plural)}")
    return "\n".join(blocks)


def _pair(text: str, translation: str, plural: str = "") -> str:
    if plural:
        return f"msgid {_quote(text)}\nmsgid_plural {_quote(plural)}\nmsgstr[0] {_quote(translation)}\n"
    return f"msgid {_quote(text)}\nmsgstr {_quote(translation)}\n"


def _quote(text: str) -> str:
    """Return a text as .po files contain it: one line, or one for each of its lines after an empty one."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("\b", "\\b")
    lines = escaped.splitlines(keepends=True)
    quoted = ['"{}"'.format(line.replace("\n", "\\n")) for line in lines]
    return "\n".join(quoted if len(quoted) == 1 else ['""', *quoted])


def compile_catalogue(entries: Mapping[str, Entry], translations: Mapping[str, str]) -> bytes:
    """Return the .mo file: https://www.gnu.org/software/gettext/manual/html_node/MO-Files.html."""
    known = {"": HEADER} | {
        f"{text}\0{entry.plural}" if entry.plural else text: translations[text]
        for text, entry in entries.items()
        if translations.get(text)
    }
    pairs = sorted((key.encode(), value.encode()) for key, value in known.items())
    count, tables, data = len(pairs), [[], []], b""  # type: tuple[int, list[list[int]], bytes]
    start = 28 + 16 * count
    for column in (0, 1):
        for pair in pairs:
            tables[column] += [len(pair[column]), start + len(data)]
            data += pair[column] + b"\0"
    numbers = [0x950412DE, 0, count, 28, 28 + 8 * count, 0, start, *tables[0], *tables[1]]
    return struct.pack(f"<{len(numbers)}I", *numbers) + data


def update(file: Path, entries: Mapping[str, Entry]) -> None:
    """Update the .po file of a catalogue and its .mo file, and print what is not translated."""
    translations = read_translations(file) if file.is_file() else {}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(format_catalogue(entries, translations), encoding="utf-8")
    file.with_suffix(".mo").write_bytes(compile_catalogue(entries, translations))
    missing = [text for text in entries if not translations.get(text)]
    print(f"{file.relative_to(PROJECT)}: {len(entries) - len(missing)} translated, {len(missing)} not translated")
    for text in missing:
        print(f"  {entries[text].origin}: {text}")


if __name__ == "__main__":
    update(CATALOGUE, collect())
