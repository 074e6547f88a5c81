"""What is wrong with the syntax of a YAML document, in words that say what to edit."""

from __future__ import annotations

import re
from typing import Any

import yaml

from seqkit.look_alikes import explain_look_alike, find_look_alike
from seqkit.messages import message
from seqkit.recipe.yaml_characters import BYTE_ORDER_MARK, Position, explain_byte_order_mark

_QUOTED_OR_COMMENT = re.compile(r"""\"[^\"]*\"|'[^']*'|(?:^|(?<=\s))\#.*""")


def explain_syntax(error: yaml.MarkedYAMLError, lines: list[str], opened: Any, last: Any) -> tuple[Position, str]:
    """Return the position to edit and what to do there, for an error of PyYAML.

    Args:
        error: of PyYAML.
        lines: of the file.
        opened: the event of the innermost bracket or brace that is open, if any.
        last: the event before the error.
    """
    position, reason = _explain(error, lines, opened, last)
    line = "".join(lines[position.line - 1 : position.line])
    # A file that begins with a byte order mark was appended to another.
    if match := re.match(f" *{BYTE_ORDER_MARK}", line):
        return Position("", position.line, match.end()), explain_byte_order_mark()
    before, after = line[: position.column - 1].rstrip(), line[position.column - 1 :].rstrip()
    is_complete = (error.problem or "").startswith("expected <block end>") and before.endswith(("]", "}"))
    if is_complete and after[:1] not in "]}":
        return position, message(
            "only a comment, which begins with ` #`, can follow `{bracket}`: remove '{text}'{look_alike}",
            bracket=before[-1],
            text=after,
            look_alike=explain_look_alike(after) if after[0] == "＃" else "",
        )
    if look_alike := find_look_alike(_QUOTED_OR_COMMENT.sub("", line), colon=": "):
        reason += message("; this line has {look_alike}", look_alike=look_alike)
    return position, reason


def _explain(error: yaml.MarkedYAMLError, lines: list[str], opened: Any, last: Any) -> tuple[Position, str]:
    problem, context = error.problem or "", error.context or ""
    start, found = error.context_mark, error.problem_mark or error.context_mark
    if found is None:
        return Position("", 1, 1), problem or context
    line = lines[found.line] if found.line < len(lines) else ""
    if "quoted" in context and "unexpected" in problem:
        return position_of(start or found), message("unclosed quote")
    if "quoted" in context:
        text = message("{problem}: double the backslash, or use single quotes", problem=problem)
        return position_of(found), text
    if getattr(last, "style", None) in ("'", '"') and last.start_mark.line < last.end_mark.line == found.line:
        text = message("this quote is closed only on line {line}", line=found.line + 1)
        return position_of(last.start_mark), text
    if opened and (found.line > opened.start_mark.line or "<stream end>" in problem):
        bracket = "[" if isinstance(opened, yaml.SequenceStartEvent) else "{"
        return position_of(opened.start_mark), message("unclosed {bracket}, or a missing comma inside", bracket=bracket)
    if "simple key" in context:
        start = start or found
        return position_of(start), _missing_colon(lines[start.line])
    if problem.startswith("mapping values are not allowed"):
        above = next((number for number in range(found.line - 1, -1, -1) if lines[number].strip()), None)
        if above is not None and re.fullmatch(r"\s*[\w.]+(:[^ \t].*|[^:]*)", lines[above]):
            indentation = len(lines[above]) - len(lines[above].lstrip())
            return Position("", above + 1, indentation + 1), _missing_colon(lines[above])
        return position_of(found), message(
            "a `:` cannot be here: check the indentation, and quote a string that contains `: `"
        )
    if problem.startswith("expected <block end>"):
        if (bracket := line[found.column : found.column + 1]) in ("]", "}"):
            return position_of(found), message("this {bracket} closes nothing: remove it", bracket=bracket)
        if line[: found.column].strip():
            return position_of(found), message("text cannot follow a quoted value: put the whole value in quotes")
        return position_of(found), message("the indentation does not match the lines above")
    if "\\t" in problem:
        return position_of(found), message("a tab cannot be here: replace it with spaces")
    if unexpected := re.fullmatch("expected the node content, but found ('.*')", problem):
        return position_of(found), message("expected a value, found {token}", token=unexpected[1])
    if "cannot start any token" in problem:
        character = line[found.column : found.column + 1]
        return position_of(found), message("a value cannot begin with {character}: quote it", character=character)
    if problem.startswith(("expected chomping", "expected a comment or a line break")):
        return position_of(found), message(
            "text cannot follow `|` or `>`: begin it on the next line, indented, or quote the value"
        )
    if wrong := re.fullmatch(r"expected ',' or ('.'), but got .*", problem):
        return position_of(found), message("expected ',' or {bracket} here", bracket=wrong[1])
    detail = f"{problem} ({context})" if context and "flow" not in context else problem
    return position_of(found), message(
        "check the quotes, brackets and indentation here and in the line above ({detail})", detail=detail
    )


def _missing_colon(line: str) -> str:
    """Return what a line with a key and a value lacks between them."""
    if ":" in _QUOTED_OR_COMMENT.sub("", line):
        return message("missing `: `: a colon must be followed by a space")
    return message("missing `: ` after the key")


def position_of(mark: yaml.Mark) -> Position:
    """Return the position of a mark of PyYAML, without the file."""
    return Position("", mark.line + 1, mark.column + 1)
