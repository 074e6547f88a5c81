"""An explanation as HTML."""

from __future__ import annotations

from seqkit.explain.explanation import Explanation


def fragment(explanation: Explanation) -> str:
    return ""


def explanation_page(explanation: Explanation, run: str) -> str:
    return ""
