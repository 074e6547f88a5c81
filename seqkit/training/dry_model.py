"""The model of a recipe before its data is read: for `seqkit check`, which rejects what `seqkit run` would reject.

The tokenizer is fitted on a few texts, and the model is built without memory for its weights. What depends on the data
(the vocabulary, the labels) has other sizes, but the same rules.
"""

from __future__ import annotations

import torch

from seqkit.contracts import Example, Head, Tokenizer, WithSpecialTokens
from seqkit.data.dataset import build_readers
from seqkit.data.limits import length_limit
from seqkit.data.prepare import check_pairs, special_tokens
from seqkit.errors import DataError, RecipeError
from seqkit.modeling.model import Model, build_model
from seqkit.recipe.no_compiler import meta_device, no_compiler_for_optimizers
from seqkit.recipe.plan import BuildError, Plan
from seqkit.recipe.recipe import Recipe
from seqkit.training.groups import parameter_groups
from seqkit.training.setup import check_causality, check_window

_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def dry_model(plan: Plan, recipe: Recipe, words: int = 5) -> Model | None:
    """Build the model of a recipe for a small vocabulary, and check how its components fit together.

    Args:
        plan: the resolved recipe.
        recipe: the recipe as it was read.
        words: the number of words and of labels, 2 to 10: what differs for another number depends on the data.

    Returns:
        The model on the device `meta`; None if it cannot be known without the data.

    Raises:
        RecipeError: the components do not fit together.
        DataError: the files of the splits do not.
    """
    readers = build_readers(plan)
    check_pairs(readers)
    if plan.tokenizer is None or any(spec.training_files or spec.init_from for spec in plan.components):
        return None
    texts = [" ".join(_WORDS[place:words] + _WORDS[:place]) for place in range(words)] * 20
    with torch.random.fork_rng(devices=[]), no_compiler_for_optimizers():
        head: Head = plan.head.build()
        tokenizer: Tokenizer = plan.tokenizer.build()
        if names := special_tokens(plan, readers, head):
            tokenizer = WithSpecialTokens(tokenizer, names)
        try:
            tokenizer.fit(texts)
            head.fit([Example(text, _WORDS[place % words]) for place, text in enumerate(texts)], tokenizer)
        except Exception:  # the texts and labels are none that it can learn from
            return None
        try:
            return _checked(plan, recipe, tokenizer, head)
        except (RecipeError, DataError):
            raise
        except Exception:  # it computes with its weights, or needs the true labels
            return None


def _checked(plan: Plan, recipe: Recipe, tokenizer: Tokenizer, head: Head) -> Model:
    try:
        with meta_device():
            model = build_model(plan, tokenizer, head, None)
    except BuildError as error:
        raise RecipeError([recipe.fault(error.path, str(error))]) from error
    check_causality(plan, recipe, model, tokenizer, head)
    check_window(plan, recipe, length_limit(model.embedding, model.encoder, model.head))
    parameter_groups(model, plan.train.groups, recipe)
    return model
