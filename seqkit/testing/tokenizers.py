"""What a tokenizer owes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from seqkit.contracts import Tokenizer
from seqkit.errors import DataError, UnknownText
from seqkit.testing.checks import Broken, Check, Checks, DoesNotApply, run
from seqkit.testing.modules import draws_nothing, is_component, leaves_settings

TEXTS = (
    "In Beijing Sarah bought a basket of apples.",
    "It's a well-known fact: 3 apples (not 4) cost 1.50!",
    "我今天很开心，因为我考试考了 100 分",
    "two words",
)
UNSEEN = "Ω≈ç√∫ zyxwv ŽŽ 人山人海"
"""What the texts above do not hold."""

check = Checks("tokenizer")


def checks_for_tokenizer(factory: Callable[[], Any], *, texts: Sequence[Any] = TEXTS) -> list[Check]:
    """Returns the checks of a tokenizer, for `parametrize_with_checks`.

    Args:
        factory: builds it: the class, or `lambda: Pinyin(tones=False)`.
        texts: what it is fitted to and tried on, a few texts that it can encode (or lists of words).
    """
    return check.of(TokenizerCase(factory, list(texts)))


def check_tokenizer(factory: Callable[[], Any], *, texts: Sequence[Any] = TEXTS) -> None:
    """Tries a tokenizer with every check. Arguments as for `checks_for_tokenizer`.

    Raises:
        CheckFailure: with what is wrong and how to mend it.
    """
    run(checks_for_tokenizer(factory, texts=texts), "this tokenizer")


class TokenizerCase:
    """A tokenizer to be built, and the texts that it is tried on."""

    def __init__(self, factory: Callable[[], Any], texts: list[Any]) -> None:
        self.factory = factory
        self.texts = texts

    def fitted(self) -> Any:
        tokenizer = self.factory()
        tokenizer.fit(copy.deepcopy(self.texts))
        return tokenizer

    def encoded(self, tokenizer: Any) -> list[np.ndarray]:
        return [tokenizer.encode(text) for text in self.texts]


def same(one: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> bool:
    return all(np.array_equal(mine, theirs) for mine, theirs in zip(one, other, strict=True))


def own_ids(ids: np.ndarray) -> np.ndarray:
    """Returns each step's own id: where more numbers tell a step, the others may have vocabularies of their own."""
    return ids if ids.ndim == 1 else ids[..., 0]


def plain(text: Any) -> str:
    return text if isinstance(text, str) else " ".join(text)


@check
def contract(case: TokenizerCase) -> None:
    """It is a seqkit.contracts.Tokenizer whose parameters a recipe can check."""
    is_component(case.factory(), Tokenizer, module=False)


@check
def vocab_size(case: TokenizerCase) -> None:
    """fit sets vocab_size, a whole number above 0."""
    size = getattr(case.fitted(), "vocab_size", None)
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise Broken(f"vocab_size is {size!r} after fit: set it to the number of ids there and in restore")


@check
def encoded_type(case: TokenizerCase) -> None:
    """encode gives int64 arrays (time,), or (time, …) of one shape throughout."""
    shapes = set()
    for text, ids in zip(case.texts, case.encoded(case.fitted()), strict=True):
        if not isinstance(ids, np.ndarray) or ids.dtype != np.int64 or ids.ndim < 1:
            kind = f"{ids.dtype} {ids.shape}" if isinstance(ids, np.ndarray) else f"a {type(ids).__name__}"
            raise Broken(f"encode gives {kind} for {text!r:.40}: return np.array(ids, dtype=np.int64)")
        if not len(ids):
            raise Broken(f"nothing is left of {text!r:.40}, a text that it was fitted to: keep every text's content")
        shapes.add(ids.shape[1:])
    if len(shapes) > 1:
        raise Broken(f"a step has the shapes {sorted(shapes)}: give every step as many numbers, padded with zeros")


@check
def id_range(case: TokenizerCase) -> None:
    """Every id is at least 0 and below vocab_size."""
    tokenizer = case.fitted()
    for text, ids in zip(case.texts, case.encoded(tokenizer), strict=True):
        own = own_ids(ids)
        if ids.min() < 0 or own.max() >= tokenizer.vocab_size:
            worst = int(ids.min() if ids.min() < 0 else own.max())
            raise Broken(
                f"{text!r:.40} has the id {worst}, and vocab_size is {tokenizer.vocab_size}: count every id in "
                "vocab_size, the unknown's and the padding's too"
            )


@check
def round_trip(case: TokenizerCase) -> None:
    """decode gives back the text, as far as ids tell it: encoded again, it has the same ids."""
    tokenizer = case.fitted()
    for text, ids in zip(case.texts, case.encoded(tokenizer), strict=True):
        back = tokenizer.decode(ids)
        if not isinstance(back, str):
            raise Broken(f"decode gives a {type(back).__name__}: return the text")
        ways = [back, back.split(" ")] if tokenizer.takes_words else [back]
        if not any(np.array_equal(own_ids(tokenizer.encode(way)), own_ids(ids)) for way in ways):
            raise Broken(f"{text!r:.60} comes back as {back!r:.60}, which has other ids: make decode undo encode")


@check
def decode_takes(case: TokenizerCase) -> None:
    """decode takes an array or a list of ids, one id or none."""
    tokenizer = case.fitted()
    ids = case.encoded(tokenizer)[0]
    if tokenizer.decode(ids.tolist()) != tokenizer.decode(ids):
        raise Broken("decode gives another text for a list than for an array of ids: take any sequence")
    if (nothing := tokenizer.decode(ids[:0])) != "":
        raise Broken(f"decode gives {nothing!r} for no ids: return an empty text")
    if not isinstance(tokenizer.decode(ids[:1]), str):
        raise Broken("decode gives no text for one id, and a text is written one id at a time: return its text")


@check
def every_id(case: TokenizerCase) -> None:
    """Every id below vocab_size stands for a text, an unwritable one for a mark."""
    tokenizer = case.fitted()
    if case.encoded(tokenizer)[0].ndim > 1:
        raise DoesNotApply("a step is told by more than one number")
    for number in range(tokenizer.vocab_size):
        if not isinstance(tokenizer.decode(np.array([number])), str):
            raise Broken(f"decode gives no text for the id {number}: every id below vocab_size may be written")
    if odd := [number for number in tokenizer.unwritable if not 0 <= number < tokenizer.vocab_size]:
        raise Broken(f"unwritable names {odd[0]}, which is no id below {tokenizer.vocab_size}: name ids")


@check
def distinguishes(case: TokenizerCase) -> None:
    """Different texts have different ids."""
    ids = case.encoded(case.fitted())
    if len({plain(text) for text in case.texts}) > 1 and all(np.array_equal(ids[0], other) for other in ids[1:]):
        raise Broken("all texts have the same ids: encode what stands in the text")
    if len({int(number) for each in ids for number in own_ids(each)}) == 1:
        raise Broken(f"every step of every text has the id {int(own_ids(ids[0])[0])}: encode what stands there")


@check
def json_state(case: TokenizerCase) -> None:
    """Its state goes through JSON into another one built alike, which then encodes and decodes the same."""
    tokenizer, other = case.fitted(), case.factory()
    try:
        state = json.loads(json.dumps(tokenizer.state(), allow_nan=False, ensure_ascii=False))
    except (TypeError, ValueError) as error:
        raise Broken(f"its state is not JSON, {error}: return dicts with text keys, lists, text and numbers") from None
    other.restore(state)
    if other.vocab_size != tokenizer.vocab_size:
        raise Broken(f"vocab_size is {other.vocab_size} after restore and was {tokenizer.vocab_size}: set it there too")
    ids = case.encoded(tokenizer)
    if not same(ids, case.encoded(other)):
        raise Broken("a text has other ids once the state went through JSON: keys of a mapping come back as text")
    if [tokenizer.decode(each) for each in ids] != [other.decode(each) for each in ids]:
        raise Broken("ids stand for another text once the state went through JSON: put into state what decode reads")
    if list(other.unwritable) != list(tokenizer.unwritable):
        raise Broken("unwritable is another once the state went through JSON: set it in restore too")


@check
def state_unchanged(case: TokenizerCase) -> None:
    """restore leaves the state that it is given as it was, and encoding changes no state."""
    tokenizer, other = case.fitted(), case.factory()
    state = copy.deepcopy(tokenizer.state())
    given = copy.deepcopy(state)
    other.restore(given)
    other.encode(case.texts[0])
    if given != state:
        raise Broken("restore changes the state that it is given: copy what is to be changed")
    case.encoded(tokenizer)
    if tokenizer.state() != state:
        raise Broken("encode changes the state: learn in fit alone, since a run keeps what was learned there")


@check
def fit_reads_once(case: TokenizerCase) -> None:
    """fit takes texts that can be gone through only once."""
    tokenizer = case.factory()
    tokenizer.fit(text for text in copy.deepcopy(case.texts))
    if tokenizer.state() != case.fitted().state():
        raise Broken("fit learns something else from a generator than from a list: go through the texts once")


@check
def fit_anew(case: TokenizerCase) -> None:
    """fit begins anew: nothing of an earlier fit is left."""
    tokenizer = case.factory()
    tokenizer.fit([UNSEEN if isinstance(case.texts[0], str) else UNSEEN.split()])
    tokenizer.fit(copy.deepcopy(case.texts))
    if tokenizer.state() != case.fitted().state():
        raise Broken("a second fit gives another state than a first one: begin fit with an empty vocabulary")


@check
def determinism(case: TokenizerCase) -> None:
    """The same texts give the same vocabulary, and a text has the same ids whatever was encoded before it."""
    tokenizer, other = case.fitted(), case.fitted()
    ids = case.encoded(tokenizer)
    if not same(ids, case.encoded(other)):
        raise Broken("two fits to the same texts give other ids: sort the vocabulary, and draw nothing")
    backwards = [tokenizer.encode(text) for text in reversed(case.texts)][::-1]
    if not same(ids, backwards):
        raise Broken("a text's ids depend on what was encoded before it: keep nothing from call to call")


@check
def fresh_arrays(case: TokenizerCase) -> None:
    """encode gives an array of its own each time, which may be written into."""
    tokenizer = case.fitted()
    wanted = tokenizer.encode(case.texts[0]).copy()
    given = tokenizer.encode(case.texts[0])
    if not given.flags.writeable:
        raise Broken("encode gives an array that cannot be written into: return a copy")
    given[:] = 0
    if not np.array_equal(tokenizer.encode(case.texts[0]), wanted):
        raise Broken("writing into an encoded text changes the next one: return a copy of what is kept")


@check
def unknown_text(case: TokenizerCase) -> None:
    """A text with something never seen has ids below vocab_size, or is refused by UnknownText."""
    tokenizer = case.fitted()
    try:
        ids = tokenizer.encode(UNSEEN)
    except UnknownText as error:
        if not str(error):
            raise Broken("UnknownText is raised without a word: name what is unknown, and what to do") from None
        return
    except DataError:
        raise Broken("a text with something never seen raises DataError: raise seqkit.errors.UnknownText") from None
    except Exception as error:
        raise Broken(
            f"a text with something never seen raises {type(error).__name__}: raise seqkit.errors.UnknownText, or have "
            "an id for it"
        ) from None
    own = own_ids(ids)
    if len(ids) and (ids.min() < 0 or own.max() >= tokenizer.vocab_size):
        raise Broken("a text with something never seen has an id out of range: count the unknown's id in vocab_size")


@check
def empty_text(case: TokenizerCase) -> None:
    """An empty text has no ids."""
    tokenizer = case.fitted()
    ids = tokenizer.encode("")
    if not isinstance(ids, np.ndarray) or len(ids) or ids.dtype != np.int64:
        raise Broken(f"an empty text is encoded as {ids!r:.40}: return no ids, int64; add no marks of your own")


@check
def length_one(case: TokenizerCase) -> None:
    """The shortest text that has an id has an array of it."""
    tokenizer = case.fitted()
    whole = tokenizer.encode(case.texts[0])
    for end in range(1, len(case.texts[0]) + 1):
        try:
            ids = tokenizer.encode(case.texts[0][:end])
        except UnknownText:
            continue  # half a word
        if ids.ndim != whole.ndim or ids.shape[1:] != whole.shape[1:]:
            raise Broken(f"{case.texts[0][:end]!r:.40} is encoded as {ids.shape}: return (time, …), of one step too")


@check
def piecewise(case: TokenizerCase) -> None:
    """Where piecewise is True, a text may be taken apart anywhere, to be encoded and to be learned from."""
    tokenizer = case.fitted()
    if not tokenizer.piecewise:
        raise DoesNotApply("it takes whole texts")
    remedy = "leave piecewise False where a step depends on what stands beside it"
    for text in case.texts:
        for place in range(1, len(text)):
            parts = [tokenizer.encode(text[:place]), tokenizer.encode(text[place:])]
            if not np.array_equal(np.concatenate(parts), tokenizer.encode(text)):
                raise Broken(f"{text!r:.40} has other ids taken apart after {text[:place]!r:.40}: {remedy}")
    other = case.factory()
    other.fit(letter for text in copy.deepcopy(case.texts) for letter in text)
    if other.state() != tokenizer.state():
        raise Broken(f"fit learns something else from the letters of the texts, one by one: {remedy}")
    try:
        tokenizer.encode(UNSEEN)
    except UnknownText as error:
        if error.place is None:
            raise Broken("UnknownText does not say which symbol it is: give it the place, from 0") from None


@check
def words_as_lists(case: TokenizerCase) -> None:
    """Where takes_words is True, a list of words has a step for each word, and is not changed."""
    tokenizer = case.fitted()
    if not tokenizer.takes_words:
        raise DoesNotApply("it takes no lists of words")
    words = plain(case.texts[0]).split()
    given = list(words)
    tokenizer.fit([given])
    if (steps := len(tokenizer.encode(given))) != len(words):
        raise Broken(f"{len(words)} words are encoded as {steps} steps: give each word of a list one step")
    if given != words:
        raise Broken("the list of words that it is given is changed: work on a copy")


@check
def random_state(case: TokenizerCase) -> None:
    """Global random generators are neither seeded nor drawn from."""
    draws_nothing(case.fitted, case.encoded)


@check
def settings(case: TokenizerCase) -> None:
    """What the whole process shares is left alone: default dtype, threads, environment, current folder."""
    leaves_settings(case.fitted, case.encoded)
