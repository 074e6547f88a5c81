"""Tagging of the words of sentences."""

from __future__ import annotations

from collections.abc import Mapping
from operator import eq
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from seqkit.messages import message
from seqkit.sklearn.base import SequenceEstimator, names_unknown_parameters
from seqkit.sklearn.inputs import check_tag_lists, check_word_lists


class SequenceTagger(SequenceEstimator):
    """A tag for each word of a sentence, with a head of a plugin, such as `tag` and `crf` of seqkit-tagging.

    `X` is a list of sentences, each a list of words; `y` a list of lists of tags. `score` is the fraction of words that
    are tagged correctly.

    Args:
        recipe: a recipe as for `SequenceClassifier`; its reader must yield words. By default, seqkit-tagging is used.
        overrides: changes to the recipe.
        head: the head without a recipe: its name, or a section of a recipe.
        embedding_dim: the size of the learned vector of a word, beside which its characters are read.
        hidden_size: the size of the state of the encoder, a `bilstm`.
        dropout: the dropout probability of the embedding and of the head.
        epochs: the number of epochs.
        batch_size: the number of sentences of a batch.
        learning_rate: the learning rate of Adam.
        random_state: the seed; a generator; or None to use NumPy's.
        threads: CPU threads of training, as for `SequenceClassifier`.
        runs: the folder in which run directories are created; None for a temporary one.
        verbose: whether to print what `seqkit run` prints.

    Attributes:
        run_: the trained run, a `seqkit.Run`.
        history_: the rows of its metrics.jsonl, a list of dictionaries.
        n_iter_: the number of epochs trained.
        classes_: the tags, sorted.
    """

    @names_unknown_parameters
    def __init__(
        self,
        recipe: Any = None,
        *,
        overrides: Mapping[str, Any] | None = None,
        head: str | Mapping[str, Any] = "tag",
        embedding_dim: int = 64,
        hidden_size: int = 64,
        dropout: float = 0.3,
        epochs: int = 10,
        batch_size: int = 16,
        learning_rate: float = 0.01,
        random_state: Any = None,
        threads: int | str = 1,
        runs: Any = None,
        verbose: bool = False,
    ) -> None:
        self.recipe = recipe
        self.overrides = overrides
        self.head = head
        self.embedding_dim = embedding_dim
        self.hidden_size = hidden_size
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.threads = threads
        self.runs = runs
        self.verbose = verbose

    def fit(self, X: Any, y: Any) -> Self:
        """Train a new model.

        Args:
            X: the sentences.
            y: the tags of each.

        Raises:
            ValueError: X and y differ in length, or are not lists of words and of tags.
            SeqkitError: the recipe is invalid, or a sentence has more or fewer tags than words.
        """
        sentences, tags = check_word_lists(X), check_tag_lists(y)
        check_consistent_length(sentences, tags)
        if not sentences:
            raise ValueError(message("Found array with 0 sample(s) while a minimum of 1 is required: X is empty"))
        self.classes_ = np.unique([tag for each in tags for tag in each])
        return self._train(sentences, tags, features=False)

    def predict(self, X: Any) -> list[list[str]]:
        """Return the tags of each sentence."""
        return [list(item["tags"]) for item in self._predictions(check_word_lists(X))]

    def score(self, X: Any, y: Any) -> float:
        """Return the fraction of words whose tag is predicted correctly."""
        check_is_fitted(self)
        sentences, tags = check_word_lists(X), check_tag_lists(y)
        check_consistent_length(sentences, tags)
        if not sentences:
            raise ValueError(message("Found array with 0 sample(s) while a minimum of 1 is required: X is empty"))
        right: list[bool] = []
        for number, (found, true) in enumerate(zip(self.predict(sentences), tags, strict=True)):
            if len(found) != len(true):
                raise ValueError(
                    message(
                        "y[{number}]: the number of tags, {tags}, differs from that of words, {words}: give one tag "
                        "per word",
                        number=number,
                        tags=len(true),
                        words=len(found),
                    )
                )
            right += map(eq, found, true)
        return float(np.mean(right))

    def _sections(self, inputs: list[Any], features: bool) -> dict[str, Any]:
        head: Any = {"type": self.head} if isinstance(self.head, str) else self.head
        return {
            "data": {"type": "conll"},
            "tokenizer": {"type": "words_and_characters"},
            "embedding": {
                "type": "words_and_characters",
                "word_dim": self.embedding_dim,
                "char_dim": 16,
                "characters": {"type": "char_cnn", "filters": 32},
                "dropout": self.dropout,
            },
            "encoder": {"type": "bilstm", "hidden_size": self.hidden_size},
            "head": dict(head) | {"dropout": self.dropout} if isinstance(head, Mapping) else head,
            "plugins": ["seqkit-tagging"],
            "train": self._train_section(clip_norm=5.0),
        }
