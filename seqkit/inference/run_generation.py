"""The generation of text by a run, which `Run` inherits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from seqkit.errors import DataError, UsageError
from seqkit.inference.inputs import encode_prompts, list_of
from seqkit.inference.run_base import RunBase
from seqkit.messages import message

if TYPE_CHECKING:
    from seqkit.inference.options import GenerationConfig


class RunGeneration(RunBase):
    """Generate text with a trained run."""

    def generate(
        self,
        prompt: str | Iterable[str] | None = None,
        length: int | None = None,
        *,
        samples: int | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
    ) -> Any:
        """Generate the continuation of a prompt.

        Options that are not given are taken from the recipe's `generate` section.

        Args:
            prompt: the text to continue; or a list (a pandas Series, a NumPy array) of texts of any lengths, which are
                continued as a batch, with the same results as one by one.
            length: the maximum number of tokens.
            samples: the number of samples to generate from one prompt. The first sample is the text that is generated
                without `samples`. Each depends only on the seed and its index, so a larger number of samples begins
                with the same ones.
            temperature: divides the logits; 0 always takes the most likely token.
            top_k: sample from the K most likely tokens.
            top_p: nucleus sampling: sample from the smallest set of tokens whose probability reaches P.
            seed: random seed.
            stop: the text ends before the first of these.

        Returns:
            The text that follows the prompt; a list of texts for a list of prompts, or if `samples` is given.

        Raises:
            UsageError: a prompt cannot be encoded, an option is invalid, or the head of this run does not generate.
        """
        from seqkit.inference.generation import generate
        from seqkit.inference.numpy_engine.blas import parallel_map
        from seqkit.inference.sampling import row_generator

        is_single = prompt is None or isinstance(prompt, str)
        if prompt is not None and not isinstance(prompt, str):
            prompt = list_of(
                prompt, message("prompt must be a string or a list of strings"), "run.generate(frame['text'])"
            )
        config = self.generation_config(
            prompt=prompt if is_single else None,
            prompts=None if is_single else prompt,
            length=length,
            samples=samples,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            stop=stop,
        )
        engine = self._engine
        engine.load()
        begin, end = self._text_ends()
        rows = [(ids, 0) for ids in encode_prompts(config.prompts, self.tokenizer, begin=begin)]
        if config.samples:
            rows = [(rows[0][0], number) for number in range(config.samples)]
        blocks = parallel_map(
            lambda block, cancelled: generate(
                engine,
                self.tokenizer,
                [ids for ids, _ in block],
                length=config.length,
                sampling=config.sampling,
                generators=[row_generator(config.seed, number) for _, number in block],
                stop=config.stop,
                end=end,
                is_cancelled=cancelled.is_set,
            ),
            [rows[first : first + engine.max_rows] for first in range(0, len(rows), engine.max_rows)],
            threads=engine.thread_safe,
        )
        texts = [text for block in blocks for text in block]
        return texts[0] if is_single and samples is None else texts

    def stream(self, prompt: str | None = None, length: int | None = None, **options: Any) -> Iterator[str]:
        """Yield the text that `generate` returns for one prompt, in pieces. Takes the arguments of `generate`."""
        from seqkit.inference.generation import stream

        config = self.generation_config(prompt=prompt, length=length, **options)
        self._engine.load()  # a corrupt file is reported here, before the first piece is requested
        begin, end = self._text_ends()
        (ids,) = encode_prompts(config.prompts, self.tokenizer, begin=begin)
        return stream(
            self._engine,
            self.tokenizer,
            ids,
            length=config.length,
            sampling=config.sampling,
            seed=config.seed,
            stop=config.stop,
            end=end,
        )

    def generation_config(self, **options: Any) -> GenerationConfig:
        """Return the options that `generate` uses: those given, else the recipe's, else the defaults.

        Raises:
            UsageError: an option is invalid, there is no prompt, or the head of this run does not generate.
        """
        from seqkit.inference.options import generation_config

        if not self._engine.generates:
            head = self._engine.head_name
            raise UsageError(
                message("{run}: the head '{head}' does not generate text: use predict", run=self.path, head=head)
            )
        self._check_single(message("a text to generate: use one of its members"))
        return generation_config(options, self.recipe, self.directory.plan, empty_prompt=self._engine.whole_texts)

    def _text_ends(self) -> tuple[int, int] | tuple[None, None]:
        """Return the ids that a text begins and ends with, if the head generates whole texts."""
        if not self._engine.whole_texts:
            return None, None
        ids = self.tokenizer.special_ids
        if not {"begin", "end"} <= set(ids):
            text = message(
                "{file}: corrupt: the tokenizer has no tokens `begin` and `end`", file=self.directory.tokenizer
            )
            raise DataError(text)
        return ids["begin"], ids["end"]
