"""Broken recipes in a table: the line to edit, the key, and the message of each.

Each case breaks one thing in a valid recipe; that those are valid is the first test.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from helpers.commands import CommandResult
from seqkit.errors import RecipeError
from seqkit.recipe.plan import Plan
from seqkit.recipe.resolve import resolve
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry

pytestmark = pytest.mark.usefixtures("isolated_registry")

WRITES = """\
name: writer
seed: 1
data:
  type: text
  text: In Beijing Sarah bought a basket of apples
tokenizer: {type: char, unknown: mark}
embedding:
  type: one_hot
encoder:
  type: lstm
  hidden_size: 8
head:
  type: next_char
train:
  epochs: 3
  optimizer:
    type: adam
    lr: 0.01
generate:
  prompt: In
  length: 5
"""
LABELS = """\
data:
  type: table
  path: reviews.csv
  split:
    by: hash
    valid: 0.1
    test: 0.1
encoder:
  type: bilstm
  hidden_size: 8
head:
  type: sentiment
  class_weights: balanced
train:
  epochs: 3
  metric: accuracy
  early_stopping: {patience: 2}
  schedule:
    type: cosine
predict:
- good
"""
STACKED = """\
data: {type: text, text: abc}
encoder:
  type: stacked
  layers:
  - type: lstm
    hidden_size: 4
  - type: projected
    proj_size: 2
    encoder:
      type: lstm
      hidden_size: 3
head: next_char
"""
SOUND = {"writes": WRITES, "labels": LABELS, "stacked": STACKED}


class Case(NamedTuple):
    """A line of the table.

    Attributes:
        old: what is replaced in the valid recipe; empty to take `new` as the whole recipe.
        new: the replacement.
        line: the line to edit.
        key: the key in the message.
        says: a part of the message.
        also: the keys of further faults that the same mistake causes.
    """

    old: str
    new: str | bytes
    line: int
    key: str
    says: str
    also: tuple[str, ...] = ()


REQUIRED_OF_TYPES = "is required: one of"
IN_WRITES = {
    # unknown keys, at every level
    "unknown section": Case("tokenizer:", "tokeniser:", 6, "tokeniser", "unknown section (did you mean 'tokenizer'?)"),
    "unknown section like none": Case("seed: 1", "foo: 1", 2, "foo", "unknown section; known: name, seed, train"),
    "extends misspelt": Case("seed: 1", "extend: a.yaml", 2, "extend", "(did you mean 'extends'?)"),
    "section of another": Case("seed: 1", "epochs: 1", 2, "epochs", "unknown section: move it to `train:`"),
    "split outside data": Case("seed: 1", "split: {by: order}", 2, "split", "move it to `data:`"),
    "section of a section of another": Case("seed: 1", "lr: 1", 2, "lr", "move it to `train.optimizer:`"),
    "unknown key of a reader": Case("  text:", "  txt:", 5, "data.txt", "(did you mean 'text'?)"),
    "unknown key of a tokenizer": Case("unknown:", "unkown:", 6, "tokenizer.unkown", "(did you mean 'unknown'?)"),
    "key of a component that has none": Case("one_hot", "one_hot\n  dim: 3", 9, "embedding.dim",
                                             "there are no parameters"),
    "unknown key of an encoder": Case(
        "hidden_size", "hiden_size", 11, "encoder.hiden_size", "(did you mean 'hidden_size'?)", ("encoder.hidden_size",)
    ),
    "unknown key of a head": Case("next_char", "next_char\n  alow_leak: true", 14, "head.alow_leak", "'allow_leak'?)"),
    "unknown key of train": Case("epochs: 3", "epocs: 3", 15, "train.epocs", "(did you mean 'epochs'?)"),
    "key of an optimizer in train": Case("epochs: 3", "lr: 3", 15, "train.lr", "move it to `optimizer:`"),
    "unknown key of an optimizer": Case("lr:", "lrr:", 18, "train.optimizer.lrr", "(did you mean 'lr'?)"),
    "key of another optimizer": Case("lr: 0.01", "nesterov: true", 18, "train.optimizer.nesterov",
                                     "; known: lr, betas,"),
    "unknown key of generate": Case("length:", "lenght:", 21, "generate.lenght", "(did you mean 'length'?)"),
    "number as a section": Case("seed: 1", "1: 2", 2, "1", "unknown section"),
    "number as a key": Case("epochs: 3", "1: 2", 15, "train.1", "unknown key; known: epochs, steps"),
    "empty key": Case("seed: 1", "'': 2", 2, "''", "unknown section"),
    # unknown components
    "unknown reader": Case("type: text", "type: txt", 4, "data.type",
                           "unknown reader 'txt' (did you mean 'text'?)"),
    "unknown tokenizer": Case("type: char", "type: chr", 6, "tokenizer.type", "(did you mean 'char'?); `seqkit list"),
    "unknown embedding": Case("one_hot", "onehot", 8, "embedding.type", "(did you mean 'one_hot'?)"),
    "unknown encoder": Case("lstm", "LTSM", 10, "encoder.type", "unknown encoder 'LTSM' (did you mean 'lstm'?)"),
    "unknown encoder in short form": Case(
        "encoder:\n  type: lstm\n  hidden_size: 8", "encoder: gru", 9, "encoder", "unknown encoder 'gru'"
    ),
    "unknown head": Case("next_char", "nextchar", 13, "head.type", "(did you mean 'next_char'?)"),
    "unknown optimizer": Case("type: adam", "type: adan", 17, "train.optimizer.type",
                              "unknown optimizer 'adan' (did you mean 'adam'?)"),
    "unknown optimizer in short form": Case(
        "\n    type: adam\n    lr: 0.01", " adan", 16, "train.optimizer",
        "unknown optimizer 'adan' (did you mean 'adam'?)"
    ),
    "import path": Case("lstm", "os.system", 10, "encoder.type", "unknown encoder 'os.system'"),
    # missing
    "no data": Case("data:\n  type: text\n  text: In Beijing Sarah bought a basket of apples\n", "", 1, "data",
                    "is required: name a reader (`seqkit list reader`)"),
    "no encoder": Case("encoder:\n  type: lstm\n  hidden_size: 8\n", "", 1, "encoder", "is required: name an encoder"),
    "no head": Case("head:\n  type: next_char\n", "", 1, "head", "is required: name a head"),
    "null section": Case("data:\n  type: text\n  text: In Beijing Sarah bought a basket of apples", "data: null", 3,
                         "data",
                         "is required: name a reader"),
    "null tokenizer": Case("{type: char, unknown: mark}", "", 6, "tokenizer", "or remove the key to use 'char'"),
    "no type": Case("  type: lstm\n", "", 9, "encoder.type", REQUIRED_OF_TYPES + " bilstm, lstm, projected, stacked"),
    "no hidden_size": Case("\n  hidden_size: 8", "", 9, "encoder.hidden_size", "is required"),
    "no dim": Case("\n  type: one_hot", " learned", 7, "embedding.dim", "is required"),
    "no prompt": Case("  prompt: In\n", "", 19, "generate.prompt", "is required: the text to continue"),
    "neither path nor text": Case("\n  text: In Beijing Sarah bought a basket of apples", "", 3, "data.path",
                                  "is required"),
    "both path and text": Case("type: text", "type: text\n  path: a.txt", 6, "data.text", "path"),
    # types
    "text for a number": Case("hidden_size: 8", "hidden_size: big", 11, "encoder.hidden_size",
                              "must be a positive integer, not 'big'"),
    "quoted number": Case("hidden_size: 8", "hidden_size: '8'", 11, "encoder.hidden_size",
                          "not '8' (remove the quotes)"),
    "fraction for an integer": Case("epochs: 3", "epochs: 3.5", 15, "train.epochs",
                                    "must be a positive integer, not 3.5"),
    "boolean for a number": Case("seed: 1", "seed: true", 2, "seed", "must be an integer, 0 to 4294967295, not true"),
    "number for a boolean": Case("next_char", "next_char\n  allow_leak: 1", 14, "head.allow_leak",
                                 "true or false, not 1"),
    "yes for a boolean": Case("hidden_size: 8", "hidden_size: 8\n  bias: yes", 12, "encoder.bias",
                              "true or false, not 'yes'"),
    "number for a text": Case("name: writer", "name: 7", 1, "name",
                              "a letter or digit first, not 7 (quote it to make it a string)"),
    "number for a path": Case("text: In Beijing Sarah bought a basket of apples", "path: 7", 5, "data.path",
                              "a path, not 7"),
    "empty path": Case("text: In Beijing Sarah bought a basket of apples", "path: ''", 5, "data.path",
                       "must be the path of a file, not ''"),
    "nobody's home": Case("text: In Beijing Sarah bought a basket of apples", "path: ~nobody-here/a.txt", 5,
                          "data.path",
                          "the home folder of 'nobody-here' is unknown"),
    "number for a section": Case("train:\n  epochs: 3\n  optimizer:\n    type: adam\n    lr: 0.01", "train: 3", 14,
                                 "train",
                                 "must be a mapping with any of epochs, steps, batch_size, sequence_length, …, not 3"),
    "list for a component": Case("\n  type: lstm\n  hidden_size: 8", " [1]", 9, "encoder",
                                 "must be a mapping with `type:`, or the name of an encoder, not [1]"),
    "number for a type": Case("type: lstm", "type: 3", 10, "encoder.type", "the name of an encoder (bilstm, lstm,"),
    "null for a type": Case("type: lstm", "type:", 10, "encoder.type", "(bilstm, lstm, projected, stacked), not null"),
    "number for an optimizer's type": Case("type: adam", "type: 3", 17, "train.optimizer.type",
                                      "the name of an optimizer (adam, adamw, nadam, rmsprop, sgd), not 3"),
    "list for an optimizer": Case("\n    type: adam\n    lr: 0.01", " [adam]", 16, "train.optimizer",
                                  "must be a mapping with `type:`, or the name of an optimizer, not ['adam']"),
    "null for an optimizer": Case("\n    type: adam\n    lr: 0.01", "", 16, "train.optimizer",
                                  "must be a mapping with `type:`, or the name of an optimizer, not null"),
    "name for a split": Case("type: text", "type: text\n  split: hash", 5, "data.split",
                             "must be a mapping with `by:` (one of hash, random, order), not 'hash'"),
    "true for early stopping": Case("epochs: 3", "early_stopping: true", 15, "train.early_stopping",
                                    "must be a mapping with any of patience, min_delta, not true"),
    "text for a list": Case("generate:", "predict: a\ngenerate:", 19, "predict",
                            "must be a list of non-empty strings or lists of 2 non-empty strings, not 'a'"),
    "number in a list of strings": Case("length: 5", "stop: [a, 3]", 21, "generate.stop.1",
                                      "must be a non-empty string, not 3 (quote it"),
    "one beta": Case("lr: 0.01", "betas: [0.9]", 18, "train.optimizer.betas",
                     "must be a list of 2 numbers of at least 0 and less than 1, not [0.9]"),
    "three betas": Case("lr: 0.01", "betas: [0.9, 0.9, 0.9]", 18, "train.optimizer.betas",
                        "must be a list of 2 numbers"),
    "number for many threads": Case("epochs: 3", "threads: many", 15, "train.threads",
                                    "must be an integer, 1 to 1024, or 'auto', not 'many'"),
    # bounds
    "seed below 0": Case("seed: 1", "seed: -1", 2, "seed", "must be an integer, 0 to 4294967295, not -1"),
    "seed too large": Case("seed: 1", "seed: 4294967296", 2, "seed",
                           "must be an integer, 0 to 4294967295, not 4294967296"),
    "number of 40 digits": Case("seed: 1", "seed: " + "9" * 40, 2, "seed", "does not fit in 64 bits"),
    "size of nothing": Case("hidden_size: 8", "hidden_size: 0", 11, "encoder.hidden_size",
                            "must be a positive integer, not 0"),
    "size beyond memory": Case("hidden_size: 8", "hidden_size: 1000000000000", 11, "encoder.hidden_size",
                               "is too large"),
    "negative zero": Case("lr: 0.01", "lr: -0.0", 18, "train.optimizer.lr", "must be a positive number, not -0.0"),
    "infinite": Case("lr: 0.01", "lr: .inf", 18, "train.optimizer.lr", "must be a finite number, not .inf"),
    "not a number": Case("lr: 0.01", "lr: .nan", 18, "train.optimizer.lr", "must be a finite number, not .nan"),
    "number too large for a float": Case("lr: 0.01", "lr: 1e999", 18, "train.optimizer.lr", "must be a finite number"),
    "dropout of all": Case("hidden_size: 8", "hidden_size: 8\n  dropout: 1", 12, "encoder.dropout",
                           "must be a number of at least 0 and less than 1, not 1"),
    "beta of one": Case("lr: 0.01", "betas: [0.9, 1]", 18, "train.optimizer.betas.1",
                        "must be a number of at least 0 and less than 1, not 1"),
    "temperature below 0": Case("length: 5", "temperature: -1", 21, "generate.temperature",
                                "must be a non-negative number, not -1"),
    "top_p above 1": Case("length: 5", "top_p: 1.1", 21, "generate.top_p",
                          "must be a number greater than 0 and at most 1, not 1.1"),
    "empty prompt": Case("prompt: In", "prompt: ''", 20, "generate.prompt", "must be a non-empty string, not ''"),
    "name with a slash": Case("name: writer", "name: ../a", 1, "name", "at most 64 letters, digits"),
    "wrong device": Case("epochs: 3", "device: gpu", 15, "train.device", "one of auto, cpu, mps, cuda, or cuda:N"),
    "wrong policy": Case("unknown: mark", "unknown: ignore", 6, "tokenizer.unknown",
                         "one of error, skip, mark, not 'ignore'"),
    # characters that look like others
    "full-width colons in a component": Case("type: lstm\n  hidden_size: 8", "type：lstm\n  hidden_size：8", 10,
                                             "encoder", "it has '：' (U+FF1A): write ': '"),
    "full-width colons in a list": Case("epochs: 3", "metrics: ['type：mcc']", 15, "train.metrics.0",
                                        "it has '：' (U+FF1A): write ': '"),
    "full-width colons in a section": Case("prompt: In\n  length: 5", "prompt：In\n  length：5", 20, "generate",
                                           "; it has '：' (U+FF1A): write ': '"),
    "full-width colons everywhere": Case("", "seed：1\nencoder：lstm", 1, "", "it has '：' (U+FF1A): write ': '"),
    "no spaces after colons": Case("type: lstm\n  hidden_size: 8", "type:lstm\n  hidden_size:8", 10, "encoder",
                                   "; a colon must be followed by a space"),
    "full-width space before a key": Case("  hidden_size", "  \u3000hidden_size", 11, "encoder.\u3000hidden_size",
                                          "(did you mean 'hidden_size'?); it has U+3000, which looks like a space",
                                          ("encoder.hidden_size",)),
    "full-width space before a section": Case("train:", "\u3000train:", 14, "\u3000train",
                                              "(did you mean 'train'?); it has U+3000, which looks like a space"),
    "no-break space before a key": Case("  hidden_size", "  \xa0hidden_size", 11, "encoder.\xa0hidden_size",
                                        "it has U+00A0, which looks like a space: replace it with a space",
                                        ("encoder.hidden_size",)),
    "full-width digits": Case("hidden_size: 8", "hidden_size: ３２", 11, "encoder.hidden_size",
                              "must be a positive integer, not '３２'; it has '３' (U+FF13): write '3'"),
    "full-width comment": Case("type: lstm", "type: lstm ＃ LSTM", 10, "encoder.type", "'＃' (U+FF03): write '#'"),
    "full-width comma in a list": Case("epochs: 3", "metrics: [mcc，kappa]", 15, "train.metrics.0",
                                       "'，' (U+FF0C): write ','"),
    "full-width brackets": Case("epochs: 3", "metrics: 【mcc】", 15, "train.metrics",
                                "must be a list of metrics, not '【mcc】'; it has '【' (U+3010): write '['"),
    "curly quotes around a path": Case("text: In Beijing Sarah bought a basket of apples", "path: “../a.txt”", 5,
                                       "data.path",
                                       "must be the path of a file, not '“../a.txt”'; it has '“' (U+201C): write '\"'"),
    "curly quotes around a base": Case("seed: 1", "extends: “a.yaml”", 2, "extends", "it has '“' (U+201C): write '\"'"),
    # values that do not suit each other
    "projection as wide as the cell": Case("hidden_size: 8", "hidden_size: 8\n  proj_size: 8", 12, "encoder.proj_size",
                                           "must be less than hidden_size (8), not 8"),
    "unknown encoding": Case("type: text", "type: text\n  encoding: utf9", 5, "data.encoding", "'utf9'"),
    "encoding of no text": Case("type: text", "type: text\n  encoding: base64", 5, "data.encoding", "'base64'"),
    "min_count without a mark": Case("unknown: mark", "min_count: 2", 6, "tokenizer.min_count",
                                     "set `unknown: mark` or `skip`"),
    "epochs and steps": Case("epochs: 3", "epochs: 3\n  steps: 3", 16, "train.steps", "set epochs or steps, not both"),
    "nesterov without momentum": Case("type: adam\n    lr: 0.01", "type: sgd\n    nesterov: true", 18,
                                      "train.optimizer.nesterov", "requires a momentum greater than 0"),
    "metric of another head": Case("epochs: 3", "metric: accuracy", 15, "train.metric",
                                   "'next_char' has no metric 'accuracy': use one of loss, bits_per_char, perplexity"),
    "stopping without validation": Case("epochs: 3", "early_stopping: {}", 15, "train.early_stopping",
                                        "requires a validation split: set `data.split.valid` or `data.valid`, or set "
                                        "this key to null"),
    "plateau without validation": Case("epochs: 3", "schedule: plateau", 15, "train.schedule",
                                       "requires a validation split: set `data.split.valid` or `data.valid`, or use "
                                       "another schedule, such as `constant`"),
    "metric without validation": Case("epochs: 3", "metric: perplexity", 15, "train.metric",
                                      "requires a validation split: set `data.split.valid` or `data.valid`, or set "
                                      "this key to `loss`"),
    "predict under a head that writes": Case("generate:", "predict: [a]\ngenerate:", 19, "predict",
                                             "'next_char' generates text and predicts no labels: use `generate:`"),
    "text for a classifier": Case("next_char", "classify", 13, "head.type",
                                  "requires labels, and the reader provides none",
                                  ("generate",)),
    "not causal": Case("type: lstm", "type: bilstm", 10, "encoder.type",
                       "'bilstm' is not causal: its outputs depend on the tokens that 'next_char' predicts"),
    # the file
    "anchor": Case("seed: 1", "seed: &s 1", 2, "seed", "anchors (&s) are not allowed: write the value out"),
    "merge key": Case("  epochs: 3", "  <<: {epochs: 3}", 15, "train.<<", "use `extends:`"),
    "tag": Case("type: lstm", "type: !!python/name:os.system", 10, "encoder.type",
                "tags (!!python/name:os.system) are not allowed"),
    "second document": Case("head:", "---\nhead:", 12, "", "a second document: write one recipe per file"),
    "duplicate key": Case("epochs: 3", "epochs: 3\n  epochs: 4", 16, "train.epochs",
                          "duplicate key: already set on line 15"),
    "duplicate section": Case("generate:", "head: classify\ngenerate:", 19, "head",
                              "duplicate key: already set on line 12"),
    "tab": Case("  hidden_size", "\thidden_size", 11, "", "a tab cannot be here: replace it with spaces"),
    "unclosed brace": Case("unknown: mark}", "unknown: mark", 6, "", "unclosed {"),
    "unclosed bracket": Case("lr: 0.01", "betas: [0.9, 0.99", 18, "", "unclosed ["),
    "unclosed quote": Case("prompt: In", 'prompt: "In', 20, "", "unclosed quote"),
    "no colon": Case("seed: 1", "seed 1", 2, "", "missing `: ` after the key"),
    "indented too far": Case("  hidden_size", "    hidden_size", 11, "", "check the indentation"),
    "indented too little": Case("    lr: 0.01", "   lr: 0.01", 18, "", "does not match the lines above"),
    "colon in a text": Case("prompt: In", "prompt: He said: In", 20, "", "quote a string that contains `: `"),
    "nested without end": Case("seed: 1", "seed: " + "[" * 200, 2, "seed", "nested more than 40 levels deep"),
    "empty": Case("", "", 1, "", "the recipe is empty"),
    "nothing but a comment": Case("", "# soon\n", 1, "", "the recipe is empty"),
    "a list": Case("", "\n- name: x\n", 2, "", "a recipe is a mapping of sections"),
    "a sentence": Case("", "train a model\n", 1, "", "a recipe is a mapping of sections"),
    "not UTF-8": Case("", "name: x\ndata: 我\n".encode("gb18030"), 2, "",
                      "the byte 0xce is not UTF-8: save the recipe as UTF-8"),
    "UTF-16": Case("", "name: x\n".encode("utf-16"), 1, "", "is not UTF-8"),
    "not text": Case("", b"name: x\nseed: \x00\n", 2, "", "the character U+0000 (NUL) is not allowed"),
    "no base": Case("seed: 1", "extends: nowhere.yaml", 2, "extends", "does not exist"),
    "extends itself": Case("seed: 1", "extends: recipe.yaml", 2, "extends", "circular"),
    "extends a number": Case("seed: 1", "extends: 3", 2, "extends", "must be the path of a recipe"),
}  # fmt: skip
IN_LABELS = {
    "fraction of all": Case("valid: 0.1", "valid: 1", 6, "data.split.valid",
                            "must be a number of at least 0 and less than 1, not 1"),
    "fractions of all": Case("valid: 0.1", "valid: 0.9", 6, "data.split.valid",
                             "valid and test must add up to less than 1"),
    "unknown split": Case("by: hash", "by: hsah", 5, "data.split.by",
                          "hash, random, order, not 'hsah' (did you mean 'hash'?)"),
    "no kind of split": Case("    by: hash\n", "", 4, "data.split.by", REQUIRED_OF_TYPES + " hash, random, order"),
    "unknown key of a split": Case("test: 0.1", "tset: 0.1", 7, "data.split.tset", "(did you mean 'test'?)"),
    "key of another split": Case("by: hash", "by: order\n    folds: 5", 6, "data.split.folds",
                                 "needs `by: hash`, not `by: order`: remove it; if an override sets the mapping, pass "
                                 "another one with null before it, as in `data.split=null`"),
    "folds without fold": Case("test: 0.1", "folds: 5", 7, "data.split.folds", "set both folds and fold, or neither"),
    "fold without folds": Case("test: 0.1", "fold: 5", 4, "data.split.folds", "set both folds and fold, or neither"),
    "fold beyond folds": Case("test: 0.1", "folds: 5\n    fold: 5", 8, "data.split.fold", "must be less than folds, 5"),
    "test beside folds": Case("test: 0.1", "test: 0.1\n    folds: 5\n    fold: 0", 7, "data.split.test",
                              "remove this key"),
    "one fold": Case("test: 0.1", "folds: 1\n    fold: 0", 7, "data.split.folds",
                     "must be an integer, 2 to 100, not 1"),
    "split and a separate file": Case("path: reviews.csv", "path: reviews.csv\n  valid: {path: v.csv}", 4,
                                        "data.valid",
                                        "`data.split` defines a valid split too"),
    "side that is no mapping": Case("path: reviews.csv", "path: reviews.csv\n  test: t.csv", 4, "data.test",
                                    "{path: test.csv}"),
    "unknown key of a side": Case("    test: 0.1", "  test: {pth: t.csv}", 7, "data.test.pth",
                                  "(did you mean 'path'?)"),
    "path without a known ending": Case("path: reviews.csv", "path: reviews.data", 1, "data.format",
                                        "csv, tsv, jsonl or parquet"),
    "label in the text's column": Case("path: reviews.csv", "path: reviews.csv\n  label: text", 4, "data.label",
                                       "a different column than text"),
    "unknown weights": Case("class_weights: balanced", "class_weights: even", 13, "head.class_weights",
                            "to positive numbers or one of balanced, square_root, not 'even'"),
    "weight of nothing": Case("class_weights: balanced", "class_weights: {good: 0}", 13, "head.class_weights.good",
                              "must be a positive number, not 0"),
    "weight in words": Case("class_weights: balanced", "class_weights:\n    good: 1\n    bad: two", 15,
                            "head.class_weights.bad",
                            "must be a positive number, not 'two'"),
    "unknown metric": Case("metric: accuracy", "metric: acuracy", 16, "train.metric", "(did you mean 'accuracy'?)"),
    "no validation": Case("    valid: 0.1\n", "", 15, "train.metric",
                          "requires a validation split", ("train.early_stopping",)),
    "no patience": Case("patience: 2", "patience: 0", 17, "train.early_stopping.patience",
                        "must be a positive integer, not 0"),
    "windows under a classifier": Case("metric: accuracy", "sequence_length: 8", 16, "train.sequence_length",
                                       "'sentiment' predicts from whole rows, which cannot be cut"),
    "generate under a classifier": Case("predict:\n- good", "generate: {prompt: a}", 20, "generate",
                                        "'sentiment' cannot generate: use `predict:`"),
    "unknown schedule": Case("type: cosine", "type: cosin", 19, "train.schedule.type", "(did you mean 'cosine'?)"),
    "unknown schedule in short form": Case("\n    type: cosine", " warm", 18, "train.schedule",
                                           "unknown schedule 'warm'; `seqkit list schedule` lists them"),
    "unknown key of a schedule": Case("type: cosine", "type: cosine\n    warmpu: 3", 20, "train.schedule.warmpu",
                                      "(did you mean 'warmup'?)"),
    "key of a schedule in train": Case("schedule:\n    type: cosine", "warmup: 3", 18, "train.warmup",
                                       "move it to `schedule:`"),
    "patience in train": Case("early_stopping: {patience: 2}", "patience: 2", 17, "train.patience",
                              "move it to `early_stopping:`"),
    "empty text to predict": Case("- good", "- good\n- ''", 22, "predict.1",
                                  "must be a non-empty string or a list of 2 non-empty strings, not ''"),
    "labels for next_char": Case("type: sentiment\n  class_weights: balanced", "type: next_char", 9, "encoder.type",
                                 "is not causal", ("train.metric", "predict")),
}  # fmt: skip
IN_STACKED = {
    "second layer's projection": Case("proj_size: 2", "proj_size: 0", 8, "encoder.layers.1.proj_size",
                                      "must be a positive integer, not 0"),
    "inmost projection": Case("      hidden_size: 3", "      hidden_size: 3\n      proj_size: 3", 12,
                              "encoder.layers.1.encoder.proj_size", "must be less than hidden_size (3), not 3"),
    "inmost unknown key": Case("      hidden_size: 3", "      hidden_size: 3\n      biass: true", 12,
                               "encoder.layers.1.encoder.biass", "(did you mean 'bias'?)"),
    "inmost type": Case("      type: lstm", "      type: lsmt", 10, "encoder.layers.1.encoder.type",
                        "(did you mean 'lstm'?)"),
    "inmost missing": Case("      hidden_size: 3", "", 9, "encoder.layers.1.encoder.hidden_size", "is required"),
    "null layer": Case("  - type: lstm\n    hidden_size: 4", "  -", 5, "encoder.layers.0",
                       "or the name of an encoder, not null"),
    "layers misspelt": Case("layers:", "layer:", 4, "encoder.layer", "(did you mean 'layers'?)", ("encoder.layers",)),
    "not causal in a layer": Case("  - type: lstm", "  - type: bilstm", 5, "encoder.layers.0.type",
                                  "'bilstm' is not causal"),
    "not causal inmost": Case("      type: lstm", "      type: bilstm", 10, "encoder.layers.1.encoder.type",
                              "'bilstm' is not causal"),
}  # fmt: skip
LAYERS = "data: {type: text, text: abc}\nencoder:\n  type: stacked\n  layers: VALUE\nhead: next_char\n"
IN_LAYERS = {
    "no layers": Case("VALUE", "[]", 4, "encoder.layers", "must be a list of at least one encoder, not []"),
    "layers as a mapping": Case("VALUE", "{type: lstm}", 4, "encoder.layers", "must be a list of at least one encoder"),
    "layers as a name": Case(
        "VALUE", "lstm", 4, "encoder.layers", "must be a list of at least one encoder, not 'lstm'"
    ),
    "short form without its parameters": Case("VALUE", "[lstm]", 4, "encoder.layers.0.hidden_size", "is required"),
}
TABLE = {
    **{name: (WRITES, case) for name, case in IN_WRITES.items()},
    **{name: (LABELS, case) for name, case in IN_LABELS.items()},
    **{name: (STACKED, case) for name, case in IN_STACKED.items()},
    **{name: (LAYERS, case) for name, case in IN_LAYERS.items()},
}


def write(folder: Path, sound: str, case: Case) -> Path:
    file = folder / "recipe.yaml"
    if isinstance(case.new, bytes) or not case.old:
        file.write_bytes(case.new if isinstance(case.new, bytes) else case.new.encode())
    else:
        assert sound.count(case.old) >= 1
        file.write_text(sound.replace(case.old, case.new, 1), encoding="utf-8")
    return file


def plan_of(file: Path) -> Plan:
    return resolve(read_recipe(file), load_registry())


@pytest.mark.parametrize("name", SOUND)
def test_the_recipes_before_they_are_broken_are_valid(tmp_path: Path, name: str) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(SOUND[name])
    assert plan_of(file).notes == []


def test_full_width_characters_of_a_chinese_value_are_not_blamed(tmp_path: Path) -> None:
    recipe = WRITES.replace("prompt: In", "prompt: 你好，“世界”").replace("name: writer", "name: 我的，模型")
    (tmp_path / "“a”.txt").write_text("你好，世界", encoding="utf-8")
    file = tmp_path / "recipe.yaml"
    file.write_text(recipe.replace("text: In", "path: “a”.txt #"), encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        plan_of(file)
    [fault] = caught.value.faults
    assert fault.key == "name" and fault.message.endswith("not '我的，模型'")


@pytest.mark.parametrize(
    ("override", "end"),
    [
        ("train.device=gpu:0", "not 'gpu:0'"),
        ("train.device=cuda:x", "not 'cuda:x'"),
        ("train.device=cuda：0", "not 'cuda：0'; it has '：' (U+FF1A): write ':'"),
        ("train.metric=note:this", ": use one of loss, bits_per_char, perplexity"),
        ("train.metric=note：this", "perplexity; it has '：' (U+FF1A): write ':'"),
        ("encoder.type=my:lstm", ""),
        ("encoder.type=type:lstm", ""),
        ("encoder=my:lstm", ""),
        ("encoder=type:lstm", "; a colon must be followed by a space"),
        ("generate=length:5", "; a colon must be followed by a space"),
        ("data.valid=path:a.txt", "; a colon must be followed by a space"),
        ("data.valid=path：a.txt", "; it has '：' (U+FF1A): write ': '"),
    ],
)
def test_only_a_colon_in_place_of_a_mapping_needs_a_space(tmp_path: Path, override: str, end: str) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(WRITES, encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        resolve(read_recipe(file, [override]), load_registry())
    [message] = [fault.message for fault in caught.value.faults if override.startswith(fault.key)]
    assert message.endswith(end) and ("space" in message) == ("space" in end)


@pytest.mark.parametrize(("sound", "case"), TABLE.values(), ids=TABLE)
def test_a_broken_recipe_is_reported_with_its_line_and_key(tmp_path: Path, sound: str, case: Case) -> None:
    file = write(tmp_path, sound, case)
    with pytest.raises(RecipeError) as caught:
        plan_of(file)
    faults = {fault.key: fault for fault in caught.value.faults}
    assert sorted(fault.key for fault in caught.value.faults) == sorted([case.key, *case.also])
    place, line, column = faults[case.key].location.rsplit(":", 2)
    assert (place, int(line)) == (str(file), case.line)
    assert int(column) >= 1
    assert case.says in faults[case.key].message
    assert caught.value.exit_code == 2
    for text in caught.value.lines:
        assert "\n" not in text
        assert len(text.removeprefix(str(file))) < 400


def test_the_message_about_causality_names_every_remedy(tmp_path: Path) -> None:
    [fault] = pytest.raises(RecipeError, plan_of, write(tmp_path, *TABLE["not causal"])).value.faults
    for remedy in ("use a causal encoder", "`head.objective: prefix`", "`head.allow_leak: true`"):
        assert remedy in fault.message


@pytest.mark.parametrize("remedy", ["type: next_char\n  objective: prefix", "type: next_char\n  allow_leak: true"])
def test_the_remedies_for_causality_work(tmp_path: Path, remedy: str) -> None:
    broken = write(tmp_path, *TABLE["not causal"])
    broken.write_text(broken.read_text().replace("type: next_char", remedy))
    assert plan_of(broken).encoder.name == "bilstm"


CHECKED = [
    "not UTF-8",
    "empty",
    "tab",
    "unclosed quote",
    "duplicate key",
    "extends itself",
    "unknown encoder",
    "no validation",
    "not causal inmost",
]


@pytest.mark.parametrize("name", CHECKED)
def test_the_command_line_prints_one_line_per_fault_and_exits_with_2(
    run_command: Callable[..., CommandResult], tmp_path: Path, name: str
) -> None:
    sound, case = TABLE[name]
    write(tmp_path, sound, case)
    done = run_command("check", "recipe.yaml")
    assert (done.code, done.out) == (2, "")
    lines = done.err.splitlines()
    assert len(lines) == 1 + len(case.also)
    assert all(line.startswith("seqkit: recipe.yaml:") for line in lines)
    assert any(line.startswith(f"seqkit: recipe.yaml:{case.line}:") and case.says in line for line in lines)
    assert {path.name for path in tmp_path.iterdir()} == {"recipe.yaml"}
