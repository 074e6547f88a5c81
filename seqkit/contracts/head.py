"""The contract of a head, which computes a loss and predictions from encoder outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from seqkit.contracts.capabilities import Contract
from seqkit.contracts.data import Batch, Encoded, Example, InputLimit, Loss, Row
from seqkit.contracts.exhibits import Exhibit
from seqkit.contracts.explanation import Scores
from seqkit.contracts.groups import ParameterGroup
from seqkit.contracts.judgment import Judgment
from seqkit.contracts.metric import Outcomes
from seqkit.contracts.tokenizer import SpecialToken, Tokenizer

if TYPE_CHECKING:
    from torch import Tensor


class Head(Contract, ABC):
    """Compute a loss and predictions from encoder outputs: a `torch.nn.Module` built as `Head(*, parameters)`.

    Methods are called in this order: `check_tokenizer` before data is read, `fit` with the training examples (or
    `restore` when a run is loaded), `build` once the encoder's sizes are known, then `rows`, `loss`, `predict` and
    `metrics` any number of times.

    Attributes:
        needs: which parts of `Encoded` the head reads, `outputs` and `final`; and `causal` if the encoder must not see
            later time steps, `separate_directions` if the encoder must have this flag, `targets` if the reader must
            provide labels.
        per_time_step: whether targets are aligned with time steps, so that a long row can be cut into windows
            (`train.sequence_length`).
        per_word: for a head with a prediction per word: which output represents a word that the tokenizer cuts into
            several tokens, that of its `first` token, of its `last`, or their `mean`. `rows`, `loss` and `predict` then
            see one time step per word, with the id of its first token. None for any other head.
        generates: whether the head has `logits` over the vocabulary, so that `seqkit generate` can use it.
        whole_texts: for a head that `generates`: whether its rows begin with the special token `begin` and end with
            `end`, which it requests. A prompt then begins with `begin` and may be empty, and a generated text ends
            where `end` is sampled.
        takes_long_texts: whether examples may contain a `LongText`. `rows` then receives its ids and returns views.
        metric_names: the metrics, besides `loss`, that `train.metric` can choose the best epoch by.
        higher_is_better: those of the metrics that are to be maximized; all others are minimized.
        token_metrics: those of `loss` and the metrics that are means per token, so that they cannot be compared between
            tokenizers. If the head has tokenizers itself, their tokens are meant.
        label_probabilities: whether each prediction has a `label` and the `probabilities` of all labels, a softmax of
            logits. They can then be calibrated, and `loss_of_predictions` is their negative log-likelihood.
        time_step_fields: the fields of a formatted prediction that have a value per time step: a list, or a mapping of
            lists, all of one length. `predict --output` writes them as a row per time step in a .csv or .tsv file.
        provides: what `outcomes` returns, for the metrics that a recipe adds: `labels`, `texts` or `values`; and
            `probabilities` with those of labels.
        input_limit: the longest input that it takes, known after construction; None for inputs of any length.
        accepts_cut: whether the beginning of an input can represent all of it, so that longer inputs can be cut: there
            is one target per row, not one per time step.
        renews_rows: whether `renew` changes the rows that training sees in each epoch.
        context: for a head that `generates`: how many of the last tokens are encoded again for each new token if the
            encoder carries no state; 0 for all.
        allow_leak: whether training with an encoder that is not causal is allowed although the head predicts what the
            encoder sees. seqkit then also reports the loss of predicting from each prefix alone.
        stratifies: whether a target that is a string or an integer is a label: `split: {by: random}` then divides the
            examples of each label by its proportions, and every label occurs in the training split. False if targets
            are texts or quantities, of which most occur once.
        causal_alternatives: what a recipe can set to use an encoder that is not causal, for the error message.
        special_tokens: the special tokens that the head needs; `tokenizer.special_ids` has their ids in `fit`.
        explains: what `scores` belong to: each `row`, or each `time_step` (or word, if the head predicts one label per
            word); None if the head has no scores, so that `seqkit explain` cannot explain its predictions.
        score_kind: what the scores are: logits of a `softmax` (or logarithms of probabilities, up to a constant),
            logits of a `sigmoid` each, or `number`, in the units of the data.
        lookback: if one series is divided by `split: {by: order}`, how many of the time steps before a held-out split
            its example begins with: as many as a row reads before its first target. Known after construction.
    """

    capabilities = {
        "takes_long_texts": ("fit", "rows", "metrics", "baseline"),
        "label_probabilities": ("predict", "combine", "loss_of_predictions"),
        "explains": ("predict",),
        "time_step_fields": ("format_prediction",),
    }
    renamed = {"answer": "format_prediction", "per_step": "per_time_step"}

    needs: frozenset[str] = frozenset({"outputs"})
    per_time_step: bool = False
    per_word: Literal["first", "last", "mean"] | None = None
    generates: bool = False
    whole_texts: bool = False
    takes_long_texts: bool = False
    metric_names: ClassVar[tuple[str, ...]] = ()
    higher_is_better: ClassVar[frozenset[str]] = frozenset()
    token_metrics: ClassVar[frozenset[str]] = frozenset()
    label_probabilities: bool = False
    time_step_fields: frozenset[str] = frozenset()
    provides: ClassVar[frozenset[str]] = frozenset()
    input_limit: InputLimit | None = None
    accepts_cut: bool = False
    renews_rows: bool = False
    context: int = 0
    allow_leak: bool = False
    stratifies: bool = True
    causal_alternatives: ClassVar[tuple[str, ...]] = ()
    special_tokens: frozenset[SpecialToken] = frozenset()
    explains: Literal["row", "time_step"] | None = None
    score_kind: Literal["softmax", "sigmoid", "number"] = "softmax"
    lookback: int = 0

    def check_tokenizer(self, tokenizer: Tokenizer | None) -> None:  # noqa: B027
        """Check that the head can use a tokenizer, before there is data.

        Args:
            tokenizer: the tokenizer, not fitted yet; None for features.

        Raises:
            ValueError: it cannot. If a parameter of the head excludes the tokenizer, the message begins with its name.
        """

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:  # noqa: B027
        """Learn about the targets from the training examples: the set of labels, for instance."""

    def state(self) -> dict[str, Any]:
        """Return what `fit` learned, as JSON types."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Restore what `state` returned."""

    @abstractmethod
    def build(self, output_size: int, final_size: int) -> None:
        """Create the layers, given the sizes of the encoder.

        An implementation may take one more keyword argument, and receives it if it does: `embedding`, the embedding
        of the model, or None without one. A head that uses its weights (`seqkit.layers.tied`) must not make it a
        submodule: it would be saved twice.

        Raises:
            ValueError: a parameter of the head does not match the encoder or the embedding. The message begins with its
                name.
        """

    @abstractmethod
    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterable[Row]:
        """Turn an example into training rows, usually one.

        Args:
            example: the example, with its target.
            encoded_input: the tokenizer's ids, int64 (time,), or the reader's features, float (time, features).

        Raises:
            DataError: the target is missing or invalid. seqkit adds the example's location to the message.

        Warns:
            DataNote: the example is skipped or repaired, or its target is unknown: it does not occur in the training
                data. An unknown target is left out of the loss and counts as an error in the metrics.
        """

    def renew(self, row: Row, generator: np.random.Generator) -> Row:
        """Return a row as one epoch trains on it: masked, with noise, a part of it. Called if the head `renews_rows`.

        Called when the row, or a window of it, becomes part of a batch of the training split, so no epoch is stored.
        Each call has a generator of its own, which the seed of the recipe, the epoch and the number of the row
        determine: a run that is resumed, and one in several processes, trains on the same rows. Use no other random
        numbers, and do not modify the arrays of the row, which can be views of a file.

        An implementation may take one more keyword argument, and receives it if it does: `special_ids`, the ids of the
        special tokens (`Tokenizer.special_ids`), empty for features.

        Args:
            row: a row that `rows` yielded; or a window of one, whose length must not change.
            generator: the random numbers of the row in this epoch.

        Returns:
            A row of at least one time step, with a target of the same kind.
        """
        return row

    @abstractmethod
    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        """Return the loss of a batch as a sum and a count. Padding contributes to neither."""

    def logits(self, encoded: Encoded) -> Tensor:
        """Return float (batch, time, vocab_size). Required if the head `generates`."""
        raise NotImplementedError

    def predict_input(self, encoded_input: np.ndarray) -> np.ndarray:
        """Return the part of an input that a prediction is computed from: by default all of it.

        The input is ids, int64 (time, ...), or features, float (time, features).

        An implementation may take one more keyword argument, and receives it if it does: `feature_names`, the names of
        the features, as in `Example`.
        """
        return encoded_input

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        """Return a prediction per row, as JSON objects with finite numbers; an empty list if the head makes none."""
        return []

    def format_prediction(self, prediction: Mapping[str, Any], value: Any) -> dict[str, Any]:
        """Return a prediction in the form that users see.

        An implementation may take one more keyword argument, and receives it if it does: `next_dates`, as in `Example`.

        Args:
            prediction: one item of what `predict` returned.
            value: the input before encoding: the text, its words if the tokenizer `takes_words`, or the features.
        """
        return dict(prediction)

    def labels_of(self, example: Example) -> list[str]:
        """Return the labels of an example, which are counted: its target, or each item of it; none if it is no label.

        Override it if a target is a text that contains several labels.
        """
        target = example.target
        if isinstance(target, str | int):
            return [str(target)]
        is_tags = isinstance(target, list | tuple) and all(isinstance(tag, str) for tag in target)
        return list(target) if is_tags else []

    def numbers_of(self, example: Example) -> np.ndarray:
        """Return the numbers of an example that the head predicts, float (items, numbers): an item is the example, or a
        time step of it. None (0, 0) if targets are no numbers. seqkit describes them, and names one that is far off."""
        return np.empty((0, 0))

    def score_names(self) -> Sequence[str]:
        """Return the name of each score: the labels. Required if the head `explains`.

        An implementation may take one more keyword argument, and receives it if it does: `tokenizer`, the fitted
        tokenizer, or None for features.
        """
        raise NotImplementedError

    def scores(self, encoded: Encoded, batch: Batch) -> Scores:
        """Return what predictions are chosen by, from which `seqkit explain` takes the score of one label.

        With `softmax` and `sigmoid`, an explanation divides the log-odds of the label among the tokens; with `number`,
        the number. Required if the head `explains`.
        """
        raise NotImplementedError

    def pooling_weights(self, encoded: Encoded, batch: Batch) -> Tensor | None:
        """Return the weights with which the head pools time steps, float (batch, time), to be shown; None without."""
        return None

    def task(self) -> dict[str, Any]:
        """Return what the members of an ensemble must share, as JSON types: by default all of `state`."""
        return self.state()

    def combine(self, predictions: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
        """Combine the predictions of the members of an ensemble. A head that has no such method cannot be combined.

        Args:
            predictions: for each member, what its `predict` returned for the same rows.

        Returns:
            A prediction per row, in the form that `predict` returns.
        """
        raise NotImplementedError

    def loss_of_predictions(self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]) -> Loss | None:
        """Return the loss of combined predictions, one per row; None if they do not determine it."""
        return None

    def metrics(
        self, loss: float, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]
    ) -> dict[str, Any]:
        """Return the metrics of a split, as JSON types. Leave out a metric that is undefined for these examples.

        seqkit leaves out a metric that is NaN too, or contains NaN. An infinite one ends the run with an error.

        An implementation may take two more keyword arguments, and receives them if it does: `count`, the number of
        items that the mean loss was computed from (the sum of `Loss.count`), and `tokenizer`, the fitted tokenizer, or
        None for features.

        Args:
            loss: the mean loss of the split; NaN if it is the mean of no item, because all targets are unknown.
            predictions: one per row, in the order of the examples.
            examples: the examples of the split.
        """
        return {}

    def outcomes(
        self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example], *, tokenizer: Tokenizer | None
    ) -> Outcomes:
        """Return what was true and what was predicted. Required if the head `provides` outcomes.

        Args:
            predictions: one per row, in the order of the examples.
            examples: the examples of the split.
            tokenizer: the fitted tokenizer, or None for features.
        """
        raise NotImplementedError

    def baseline(
        self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None
    ) -> dict[str, Any] | None:
        """Return `{"name": ..., metric: value, ...}` of a simple method on the same split, or None.

        Further baselines go into a list under `others`, each in the same form. With an `accuracy`, the baseline can
        have the `majority_accuracy` of always predicting the most frequent label: if it is not exceeded, `seqkit init`
        says that the inputs hardly predict the label.
        """
        return None

    def judge(
        self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example], *, tokenizer: Tokenizer | None
    ) -> Iterable[Judgment]:
        """Compare each prediction with the truth. The errors of a head that has no such method cannot be listed.

        Args:
            predictions: one per row, in the order of the examples.
            examples: the examples of the split.
            tokenizer: the fitted tokenizer, or None for features.
        """
        raise NotImplementedError

    def exhibits(self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]) -> Sequence[Exhibit]:
        """Return what the report of a run shows of a split: a confusion matrix, the worst examples, a few forecasts.

        It is called once per evaluated split, at the end of a run, and must take little time and space. If it raises an
        error, the report does without it. The same predictions must give the same exhibits, since a resumed run is
        compared with one that was not interrupted.

        An implementation may take one more keyword argument, and receives it if it does: `tokenizer`, the fitted
        tokenizer, or None for features.

        Args:
            predictions: one per row, in the order of the examples; none if the head makes no predictions.
            examples: the examples of the split.
        """
        return ()

    def parameter_groups(self) -> Iterable[ParameterGroup]:
        """Return the parameters that are frozen for a time, or that have a share of the learning rate.

        Each parameter is in at most one group; one that is in no group is trained like any other. `train.groups` of a
        recipe replaces what is returned here.
        """
        return ()
