"""The explanation of a prediction, which a notebook shows as a page."""

from __future__ import annotations

from seqkit.explain.contents import ExplanationContents
from seqkit.explain.page import notebook_frame


class Explanation(ExplanationContents):
    """What each token adds to the score of a label; in a notebook, with pictures. `as_json` returns plain data."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return notebook_frame(self)
