"""The section `generate` of a recipe, which also defines the options of `seqkit generate`.

It is a separate module because `seqkit generate` imports nothing else of the sections.
"""

from __future__ import annotations

from dataclasses import dataclass

from seqkit.contracts import NonEmptyText, NonNegativeFloat, NonNegativeInt, PositiveInt, Probability
from seqkit.recipe.section import Section


@dataclass(frozen=True, kw_only=True)
class Generate(Section):
    """The text to generate after training, and the default options of `seqkit generate`.

    Attributes:
        prompt: the text to continue.
        length: the maximum number of tokens.
        temperature: what the logits are divided by; 0 always picks the most likely token.
        top_k: sample from the K most likely tokens.
        top_p: nucleus sampling: sample from the smallest set of tokens whose probability reaches P.
        seed: the random seed; that of the recipe by default.
        stop: a text or a list of texts; the generated text ends before the first of them.
    """

    prompt: NonEmptyText | None = None
    length: PositiveInt = 100
    temperature: NonNegativeFloat = 0.0
    top_k: PositiveInt | None = None
    top_p: Probability | None = None
    seed: NonNegativeInt | None = None
    stop: NonEmptyText | tuple[NonEmptyText, ...] = ()

    def __post_init__(self) -> None:
        """Make a list of a single text to stop at."""
        if isinstance(self.stop, str):
            object.__setattr__(self, "stop", (self.stop,))
