"""The contracts of the kinds of component. Read `hookspecs.py` first: it shows how a plugin is found.

A recipe is built from left to right, and each component receives the sizes of the one before it:

    Reader ──Example──> Tokenizer ──ids──> Embedding ──vectors──> Encoder ──Encoded──> Head ──> loss, predictions

An Optimizer updates the weights of the last three by the gradients of the loss, at the learning rate of a Schedule. A
Metric scores the predictions.

One page per kind, in that order: `reader`, `tokenizer`, `embedding`, `encoder`, `head`, `optimizer`, `schedule`,
`metric`. `data` defines the data that they exchange, `groups` the parameters that are trained in another way,
`exhibits` what a head shows in the report of a run, `judgment` what it says about each prediction, `explanation` what
an explanation of a prediction reads, `tasks` the recipe that a plugin drafts for a file, `parameters` the annotations
of the components' parameters. Everything is exported here.

In a recipe, the parameters of a component are the **keyword-only** parameters of its constructor. Names, types, bounds
and defaults are read from the signature, so annotate each one and do not take `**kwargs`. seqkit supplies what comes
before the `*`. A complete encoder:

    import torch
    from seqkit.contracts import Encoded, Encoder, PositiveInt

    class GRU(torch.nn.Module, Encoder):
        causal = True

        def __init__(self, input_size: int, *, hidden_size: PositiveInt):
            super().__init__()
            self.gru = torch.nn.GRU(input_size, hidden_size, batch_first=True)
            self.output_size = self.final_size = hidden_size

        def forward(self, inputs, lengths, state=None):
            initial_state = None if state is None else state.transpose(0, 1).contiguous()
            outputs, _ = self.gru(inputs, initial_state)
            last = (lengths - 1).to(inputs.device)[:, None, None].expand(-1, 1, outputs.shape[2])
            final = outputs.gather(1, last)[:, 0]
            return Encoded(outputs, final, final[:, None])

Embeddings, encoders and heads inherit from `torch.nn.Module` and from their contract, an optimizer from
`torch.optim.Optimizer` and from its own; readers, tokenizers, schedules and metrics need no torch. A constructor that
rejects a value raises `ValueError` with a message that begins with the parameter's name (`"proj_size must be smaller
than hidden_size"`); seqkit adds the line of the recipe. A parameter annotated `pathlib.Path` is a path relative to the
recipe; one annotated `TrainingFile` is the path of a file that is needed once, to train. One annotated
`EncoderFactory`, `EmbeddingFactory` or `TokenizerFactory` is a nested component; `Annotated[float, Requires("name")]`
has no effect without the parameter `name`, and seqkit says so. The errors named on these pages are in `seqkit.errors`.

Flags such as `accepts_ids` describe methods. They are class attributes or properties, and are reset to their default
in a subclass that overrides such a method without declaring the flag again (`capabilities`).
"""

from __future__ import annotations

from seqkit.contracts.capabilities import Contract
from seqkit.contracts.data import (
    Batch,
    DataNote,
    Encoded,
    Example,
    InputLimit,
    LongText,
    Lookup,
    Loss,
    Row,
    State,
    TextPair,
)
from seqkit.contracts.embedding import Embedding
from seqkit.contracts.encoder import Encoder
from seqkit.contracts.exhibits import (
    Cell,
    Exhibit,
    Line,
    Matrix,
    Series,
    Span,
    Spans,
    SpanText,
    Table,
    Text,
    Texts,
    Transcript,
    Transcripts,
)
from seqkit.contracts.explanation import Scores, Trace
from seqkit.contracts.groups import ParameterGroup
from seqkit.contracts.head import Head
from seqkit.contracts.judgment import Judgment
from seqkit.contracts.metric import Metric, Outcomes
from seqkit.contracts.optimizer import Optimizer
from seqkit.contracts.parameters import (
    EmbeddingFactory,
    EncoderFactory,
    Fraction,
    Nested,
    NonEmptyText,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Probability,
    Requires,
    TokenizerFactory,
    TrainingFile,
)
from seqkit.contracts.reader import Reader
from seqkit.contracts.schedule import Schedule, TrainingLength
from seqkit.contracts.special_tokens import WithSpecialTokens
from seqkit.contracts.tasks import Column, DataFile, Draft
from seqkit.contracts.tokenizer import SPECIAL_TOKENS, SpecialToken, Tokenizer
from seqkit.contracts.tracker import Tracker

CONTRACTS: dict[str, type[Contract]] = {
    "reader": Reader,
    "tokenizer": Tokenizer,
    "embedding": Embedding,
    "encoder": Encoder,
    "head": Head,
    "optimizer": Optimizer,
    "schedule": Schedule,
    "metric": Metric,
    "tracker": Tracker,
}
"""The contract of each kind."""

__all__ = [
    "CONTRACTS",
    "SPECIAL_TOKENS",
    "Batch",
    "Cell",
    "Column",
    "Contract",
    "DataFile",
    "DataNote",
    "Draft",
    "Embedding",
    "EmbeddingFactory",
    "Encoded",
    "Encoder",
    "EncoderFactory",
    "Example",
    "Exhibit",
    "Fraction",
    "Head",
    "InputLimit",
    "Judgment",
    "Line",
    "LongText",
    "Lookup",
    "Loss",
    "Matrix",
    "Metric",
    "Nested",
    "NonEmptyText",
    "NonNegativeFloat",
    "NonNegativeInt",
    "Optimizer",
    "Outcomes",
    "ParameterGroup",
    "PositiveFloat",
    "PositiveInt",
    "Probability",
    "Reader",
    "Requires",
    "Row",
    "Schedule",
    "Scores",
    "Series",
    "Span",
    "SpanText",
    "Spans",
    "SpecialToken",
    "State",
    "Table",
    "Text",
    "TextPair",
    "Texts",
    "Tokenizer",
    "TokenizerFactory",
    "Trace",
    "Tracker",
    "TrainingFile",
    "TrainingLength",
    "Transcript",
    "Transcripts",
    "WithSpecialTokens",
]
