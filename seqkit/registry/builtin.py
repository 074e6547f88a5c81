"""The components of seqkit, registered with the same hooks as those of a plugin. Nothing is imported here."""

from __future__ import annotations

from collections.abc import Iterator

from seqkit.hookspecs import Component, Task, hookimpl
from seqkit.messages import message


@hookimpl
def seqkit_readers() -> Iterator[Component]:
    yield Component(
        "text",
        "seqkit.readers.text:Text",
        message("plain text from a file or from the recipe"),
        "seqkit.testing.builtin.readers:text",
    )
    yield Component(
        "table",
        "seqkit.readers.table:Table",
        message("labeled text in a CSV, TSV, JSON Lines or Parquet file"),
        "seqkit.testing.builtin.readers:table",
    )
    yield Component(
        "fasttext",
        "seqkit.readers.fasttext:FastText",
        message("lines with labels before a text, as fastText trains on"),
        "seqkit.testing.builtin.readers:fasttext",
    )
    yield Component(
        "sequences",
        "seqkit.readers.sequences:Sequences",
        message("labeled sequences of numbers in a JSON Lines file"),
        "seqkit.testing.builtin.readers:sequences",
    )


@hookimpl
def seqkit_tokenizers() -> Iterator[Component]:
    yield Component(
        "char",
        "seqkit.tokenizers.char:Char",
        message("one token per character"),
        "seqkit.testing.builtin.tokenizers:char",
    )
    yield Component(
        "byte",
        "seqkit.tokenizers.byte:Byte",
        message("one token per byte of UTF-8; no text is unknown"),
        "seqkit.testing.builtin.tokenizers:byte",
    )
    yield Component(
        "word",
        "seqkit.tokenizers.word:Word",
        message("one token per word; Chinese and Japanese by character"),
        "seqkit.testing.builtin.tokenizers:word",
    )
    yield Component(
        "bpe",
        "seqkit.tokenizers.bpe:BPE",
        message("sub-words by byte-pair encoding; no text is unknown"),
        "seqkit.testing.builtin.tokenizers:bpe",
    )


@hookimpl
def seqkit_embeddings() -> Iterator[Component]:
    yield Component(
        "one_hot",
        "seqkit.embeddings.one_hot:OneHot",
        message("one-hot vectors, without weights"),
        "seqkit.testing.builtin.embeddings:one_hot",
    )
    yield Component(
        "learned",
        "seqkit.embeddings.learned:Learned",
        message("a learned vector for each token"),
        "seqkit.testing.builtin.embeddings:learned",
    )
    yield Component(
        "pretrained",
        "seqkit.embeddings.pretrained:Pretrained",
        message("word vectors from a file: word2vec, GloVe, fastText"),
        "seqkit.testing.builtin.embeddings:pretrained",
    )
    yield Component(
        "char_ngrams",
        "seqkit.embeddings.char_ngrams:CharNgrams",
        message("a vector of each word and of its character n-grams"),
        "seqkit.testing.builtin.embeddings:char_ngrams",
    )
    yield Component(
        "bigrams",
        "seqkit.embeddings.bigrams:Bigrams",
        message("a vector of each token and its neighbor"),
        "seqkit.testing.builtin.embeddings:bigrams",
    )
    yield Component(
        "concat",
        "seqkit.embeddings.concat:Concat",
        message("the vectors of several embeddings, concatenated"),
        "seqkit.testing.builtin.embeddings:concat",
    )
    yield Component(
        "scaled",
        "seqkit.embeddings.scaled:Scaled",
        message("features, each scaled to a common range"),
        "seqkit.testing.builtin.embeddings:scaled",
    )


@hookimpl
def seqkit_encoders() -> Iterator[Component]:
    yield Component(
        "lstm", "seqkit.encoders.lstm:LSTM", message("a forward LSTM"), "seqkit.testing.builtin.encoders:lstm"
    )
    yield Component(
        "bilstm",
        "seqkit.encoders.lstm:BiLSTM",
        message("a bidirectional LSTM"),
        "seqkit.testing.builtin.encoders:bilstm",
    )
    yield Component(
        "stacked",
        "seqkit.encoders.stacked:Stacked",
        message("a stack of encoders"),
        "seqkit.testing.builtin.encoders:stacked",
    )
    yield Component(
        "projected",
        "seqkit.encoders.projected:Projected",
        message("a linear projection of another encoder"),
        "seqkit.testing.builtin.encoders:projected",
    )


@hookimpl
def seqkit_heads() -> Iterator[Component]:
    yield Component(
        "next_char",
        "seqkit.heads.next_char:NextChar",
        message("next-token prediction and text generation"),
        "seqkit.testing.builtin.heads:next_char",
    )
    yield Component(
        "classify",
        "seqkit.heads.classify:Classify",
        message("sequence classification: one label per text"),
        "seqkit.testing.builtin.heads:classify",
    )
    yield Component(
        "sentiment",
        "seqkit.heads.classify:Classify",
        message("another name for classify"),
        "seqkit.testing.builtin.heads:classify",
    )
    yield Component(
        "multi_label",
        "seqkit.heads.multi_label:MultiLabel",
        message("sequence classification: any number of labels per text"),
        "seqkit.testing.builtin.heads:multi_label",
    )
    yield Component(
        "regress",
        "seqkit.heads.regress:Regress",
        message("sequence regression: one number per text, or several"),
        "seqkit.testing.builtin.heads:regress",
    )


@hookimpl
def seqkit_optimizers() -> Iterator[Component]:
    for name, target, summary in (
        ("adam", "adam:Adam", message("Adam")),
        ("adamw", "adam:AdamW", message("Adam with decoupled weight decay")),
        ("nadam", "adam:NAdam", message("Adam with Nesterov's momentum and decoupled weight decay")),
        ("sgd", "sgd:SGD", message("stochastic gradient descent, with momentum")),
        ("rmsprop", "rmsprop:RMSprop", message("RMSprop, with momentum")),
    ):
        yield Component(name, f"seqkit.optimizers.{target}", summary, f"seqkit.testing.builtin.optimizers:{name}")


@hookimpl
def seqkit_schedules() -> Iterator[Component]:
    for name, target, summary in (
        ("constant", "decay:Constant", message("a constant rate, after a warm-up")),
        ("step", "decay:Step", message("a factor every few epochs, after a warm-up")),
        ("linear", "decay:Linear", message("a linear fall to the last step, after a warm-up")),
        ("cosine", "decay:Cosine", message("half a cosine to the last step, after a warm-up")),
        ("one_cycle", "one_cycle:OneCycle", message("a rise to lr and a longer fall, each half a cosine")),
        ("plateau", "plateau:Plateau", message("a factor when train.metric stops improving, after a warm-up")),
    ):
        yield Component(name, f"seqkit.schedules.{target}", summary, f"seqkit.testing.builtin.schedules:{name}")


@hookimpl
def seqkit_metrics() -> Iterator[Component]:
    for name, target, summary in (
        ("mcc", "labels:MatthewsCorrelation", message("Matthews correlation coefficient of labels")),
        ("balanced_accuracy", "labels:BalancedAccuracy", message("mean recall of all labels")),
        ("kappa", "labels:CohenKappa", message("Cohen's kappa of labels, also weighted")),
        ("top_k", "labels:TopK", message("share of true labels among the k most probable")),
        ("roc_auc", "ranking:RocAuc", message("area under the ROC curve")),
        ("average_precision", "ranking:AveragePrecision", message("area under the precision-recall curve")),
        ("error_rate", "texts:ErrorRate", message("edit distance of texts by words (WER) or characters (CER)")),
        ("rmse", "values:Rmse", message("root of the mean squared error of values")),
        ("r2", "values:R2", message("coefficient of determination of values")),
    ):
        yield Component(name, f"seqkit.metrics.{target}", summary, f"seqkit.testing.builtin.metrics:{name}")


@hookimpl
def seqkit_tasks() -> Iterator[Task]:
    yield Task("classify", "seqkit.tasks.labels:classify", message("a label for each text or sequence"))
    yield Task("multi_label", "seqkit.tasks.labels:multi_label", message("any number of labels for each text"))
    yield Task("regress", "seqkit.tasks.labels:regress", message("a number for each text or sequence"))
    yield Task("generate", "seqkit.tasks.language:generate", message("the next character or word, to generate text"))
