"""The hooks: the first page a plugin author reads. The second is `contracts.py`, which says what a component must do.

A plugin is a Python package that names a module in the entry-point group `seqkit`:

    # pyproject.toml
    [project.entry-points.seqkit]
    gru = "seqkit_gru"

and implements any of the hooks below in that module, each yielding `Component` records:

    # seqkit_gru/__init__.py
    import seqkit

    @seqkit.hookimpl
    def seqkit_encoders():
        yield seqkit.Component("gru", "seqkit_gru.encoder:GRU", "a one-directional GRU")

A record names its class by `module:Class` and the class is imported when a recipe uses it, so keep torch out of the
module that the entry point names: `seqkit list` imports that module every time. seqkit's own components are registered
in the same way, in `builtin.py`. `seqkit plugins` shows what was found, and why a plugin was set aside.

A recipe names a reader under `data:`, and each other component under its kind: `encoder: {type: gru, hidden_size: 32}`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pluggy

PROJECT = "seqkit"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True)
class Component:
    """What a plugin says of one component.

    Attributes:
        name: the word that a recipe's `type:` uses: lower-case letters, digits, `_` and `-`.
        target: `"package.module:Class"`, imported on use; or the class itself.
        summary: what it is, in half a line, for `seqkit list`.
    """

    name: str
    target: str | type
    summary: str


@hookspec
def seqkit_readers() -> Iterable[Component]:
    """Readers: a source into examples.

    yield Component("conll", "seqkit_tagging.conll:Conll", "a word and its tag a line")
    """
    raise NotImplementedError


@hookspec
def seqkit_tokenizers() -> Iterable[Component]:
    """Tokenizers: text into ids.

    yield Component("pinyin", "seqkit_pinyin:Pinyin", "Chinese by its syllables")
    """
    raise NotImplementedError


@hookspec
def seqkit_embeddings() -> Iterable[Component]:
    """Embeddings: ids into vectors.

    yield Component("fasttext", "seqkit_fasttext:FastText", "word vectors from a .vec file")
    """
    raise NotImplementedError


@hookspec
def seqkit_encoders() -> Iterable[Component]:
    """Encoders: vectors into states.

    yield Component("gru", "seqkit_gru.encoder:GRU", "a one-directional GRU")
    """
    raise NotImplementedError


@hookspec
def seqkit_heads() -> Iterable[Component]:
    """Heads: states into a loss and into answers.

    yield Component("crf", "seqkit_tagging.crf:CRF", "a tag for each word, by a linear-chain CRF")
    """
    raise NotImplementedError


KINDS = {
    "reader": "seqkit_readers",
    "tokenizer": "seqkit_tokenizers",
    "embedding": "seqkit_embeddings",
    "encoder": "seqkit_encoders",
    "head": "seqkit_heads",
}
"""Each kind of component, in the order in which a recipe is built, and the hook that fills its registry."""
