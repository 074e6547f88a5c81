"""Write train.csv, valid.csv and test.csv: short Chinese sentences with the speaker's sentiment.

Columns: text, label (正面 or 负面), kind (the construction). The
sentences combine the hand-written clauses of clauses.py. In most
kinds the label depends on the order of the clauses and on the word that joins
them, so the words alone do not determine it:

contrast         A，但是B: B decides
concession       虽然A，B and B，虽然A: B decides
expectation      本以为A，没想到B: B decides
mood_then_event  本来很开心，结果B: B decides
event_then_mood  虽然A，我还是很开心: the mood decides
opening          an opening without polarity, then the clause that decides
reason           a mood and its cause, in either order
agreement        A，而且B
plain            one clause
negation         a statement whose polarity is that of a negated word
mood             a mood without its cause
mood_of_event    an event without polarity: the mood about it decides
mood_change      two moods about such an event: the later one decides
judgement        a thing and an adjective, sometimes negated
turn             whole sentences with 幸好, 可惜, 终于 and the like
score, weather, short  see short_sentences.py; in the training split only

The sentences of minimal_pairs.csv, which test the trained model, occur in no
split. No sentence of one split is a near duplicate of a sentence of another, and
some clauses are held out: they occur in valid and test only.

Run: python write_corpus.py. The same seed writes the same bytes.
"""

import csv
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations, product
from pathlib import Path

from clauses import (
    BAD_BY_NEGATION,
    COMMON_OPENINGS,
    DISTRESS,
    GLAD,
    GLAD_BY_NEGATION,
    GOOD_BY_NEGATION,
    JOY,
    MORE_DISTRESS,
    MORE_JOY,
    MOVED_OPENINGS,
    MOVING_TOPICS,
    NEUTRAL_EVENTS,
    RESCUES,
    SCENES,
    SPOILS,
    SUBJECTS,
    UNHAPPY,
    UNHAPPY_BY_NEGATION,
    Aspect,
    Scene,
)
from short_sentences import short_sentences

FOLDER = Path(__file__).parent
SEED = 20240601
LABELS = {True: "正面", False: "负面"}

MIN_LENGTH, MAX_LENGTH = 8, 40
# Two sentences are near duplicates if, without the beginning and the end they
# share, at most this many characters remain of each.
NEAR_DUPLICATE = 4

SPLIT_SHARES = {"test": 0.20, "valid": 0.10, "train": 0.70}
HELD_OUT_CLAUSES = 0.15
# At most this share of valid and test has a held-out clause; the rest shows how
# known clauses are read in new combinations.
HELD_OUT_SENTENCES = 0.16

# Sentences wanted of each kind, over all splits and both labels.
SIZES = {
    "contrast": 930,
    "concession": 500,
    "expectation": 440,
    "mood_then_event": 520,
    "event_then_mood": 380,
    "opening": 1270,
    "reason": 640,
    "agreement": 200,
    "plain": 320,
    "negation": 340,
    "mood": 480,
    "mood_of_event": 160,
    "mood_change": 90,
    "judgement": 600,
    "turn": 90,
}

HIGH_MARKS = (92, 95, 96, 98, 99, 100)
LOW_MARKS = (23, 35, 41, 48, 52, 59)
HOURS = (2, 3, 4, 5)

# Joining words by the polarity of the clause after them; those of both
# polarities are repeated to keep the one-sided ones, which give the label
# away, a minority.
BUT = ("但是", "可是", "不过", "然而", "但", "可", "没想到")
BUT_FOR = {
    True: BUT * 2 + ("好在", "还好", "幸好"),
    False: BUT * 2 + ("就是", "只是", "可惜"),
}

CONCESSION_FIRST = (
    "虽然{a}，但是{b}",
    "虽然{a}，可是{b}",
    "虽然{a}，不过{b}",
    "尽管{a}，但{b}",
    "虽说{a}，可{b}",
)
CONCESSION_LAST = ("{b}，虽然{a}", "{b}，尽管{a}", "{b}，虽说{a}")
EXCEPT = "除了{a}，{b}"
EVERYTHING_ELSE = {
    True: ("其他都很好", "别的我都满意", "没有什么可挑剔的", "整体还是很不错的", "总的来说让人满意"),
    False: ("其他都很糟", "别的都让人失望", "没有一点让人满意", "整体还是很差的", "总的来说让人失望"),
}

EXPECTATION = (
    "本以为{a}，没想到{b}",
    "原以为{a}，结果{b}",
    "我还以为{a}，谁知{b}",
    "有人说{a}，其实{b}",
    "不是{a}，而是{b}",
    "{b}，我还以为{a}呢",
    "{b}，并不是{a}",
)
EXPECTATION_FOR = {
    True: EXPECTATION + ("我一直担心{a}，还好{b}",),
    False: EXPECTATION + ("我一直盼着{a}，可惜{b}",),
}

# {adjective} is an emotion with a degree, {emotion} the bare word, {predicate}
# what a person feels or does. {feeling} is any of them, {mood} also a negation.
MOOD_THEN_EVENT = (
    "本来{adjective}，结果{b}",
    "一开始{adjective}，没想到{b}",
    "早上还{adjective}，谁知{b}",
    "出门的时候{adjective}，后来{b}",
    "路上我还{adjective}，最后{b}",
    "前几天我还{adjective}，今天却发现{b}",
    "原以为会{adjective}，其实{b}",
    "我正{emotion}的时候，{b}",
    "刚才我还{predicate}，转眼{b}",
    "昨晚我{predicate}，今天才知道{b}",
)
MOOD_THEN_EVENT_FOR = {
    True: MOOD_THEN_EVENT + ("不用再{emotion}了，{b}",),
    False: MOOD_THEN_EVENT + ("我{emotion}得太早了，{b}",),
}

EVENT_THEN_MOOD = (
    "虽然{a}，我还是{mood}",
    "尽管{a}，我仍然{mood}",
    "{a}，可是我{mood}",
    "{a}，但我{mood}",
    "{a}，我却{mood}",
    "{a}，不过我{mood}",
    "{a}，然而我{mood}",
    "就算{a}，我还是{mood}",
    "我{mood}，虽然{a}",
    "我{mood}，尽管{a}",
)
EVENT_THEN_MOOD_FOR = {
    True: EVENT_THEN_MOOD + ("{a}，反正我{mood}",),
    False: EVENT_THEN_MOOD + ("{a}，其实我{mood}",),
}

REASON = (
    "我{feeling}，因为{b}",
    "我今天{adjective}，因为{b}",
    "因为{b}，我今天{feeling}",
    "{b}，所以我{feeling}",
    "{b}，我{feeling}",
    "{b}，真让人{emotion}",
    "{b}，别提多{emotion}了",
    "一想到{b}，我就{feeling}",
    "我之所以{adjective}，是因为{b}",
    "由于{b}，我这几天{adjective}",
)

AGREEMENT = (
    "{a}，而且{b}",
    "{a}，{b}",
    "不但{a}，而且{b}",
    "{a}，再加上{b}",
    "{a}，更让人{emotion}的是{b}",
)

PLAIN = ("{b}", "今天{b}", "真没想到{b}", "刚刚发现{b}", "告诉你们，{b}")

MOOD = (
    "今天我{mood}",
    "这几天我{mood}",
    "说实话，我{mood}",
    "回到家以后，我{mood}",
    "听完他的话，我{mood}",
    "接到那个电话，我{mood}",
    "看到那张照片，我{mood}",
    "从那里回来以后，我{mood}",
    "看着窗外的街道，我{mood}",
    "坐在回家的车上，我{mood}",
    "想到明天的安排，我{mood}",
    "跟他们见面以后，我{mood}",
    "这个星期过下来，我{mood}",
    "从早上到现在，我{mood}",
    "收到那封信的时候，我{mood}",
    "走出大门的那一刻，我{mood}",
    "知道了事情的经过，我{mood}",
    "躺在床上想起白天的事，我{mood}",
    "不知道为什么，我{mood}",
    "离开那座城市的时候，我{mood}",
)

MOOD_OF_EVENT = (
    "我{mood}，因为{event}",
    "听说{event}，我{mood}",
    "{event}，我{mood}",
    "一想到{event}，我就{mood}",
    "得知{event}的时候，我{mood}",
    "因为{event}，大家都{adjective}",
)
MOOD_CHANGE = (
    "听说{event}，我先是{before}，后来{mood}",
    "{event}，昨天我还{before}，今天却{mood}",
    "因为{event}，我从{before}变得{mood}",
    "{event}，别人{before}，我却{mood}",
    "{event}，起初我{before}，现在{mood}",
)

NEGATION = (
    "{b}",
    "今天{b}",
    "跟你说，{b}",
    "说句心里话，{b}",
    "回想这一天，{b}",
    "我给家里打电话，说{b}",
)

JUDGEMENT = (
    "{subject}很{adjective}",
    "{subject}真{adjective}",
    "{subject}特别{adjective}",
    "{subject}实在太{adjective}了",
    "我觉得{subject}挺{adjective}的",
    "{subject}比我想的{adjective}多了",
)
NEGATED_JUDGEMENT = (
    "{subject}一点也不{adjective}",
    "{subject}并不{adjective}",
    "{subject}不{adjective}",
    "{subject}不怎么{adjective}",
    "{subject}不算{adjective}",
    "{subject}从来就不{adjective}",
    "{subject}没有别人说的那么{adjective}",
)

DEGREES = {
    True: ("很", "很", "特别", "非常", "挺", "十分"),
    False: ("很", "很", "特别", "非常", "有点", "十分"),
}
NEGATORS = ("不", "一点也不", "并不", "不太", "不怎么", "没有那么", "没觉得", "不再", "谈不上")


@dataclass(frozen=True)
class Candidate:
    """A sentence that may enter the corpus.

    A group of candidates, such as those about one subject, shares its split.
    """

    text: str
    positive: bool
    kind: str
    clauses: tuple[str, ...] = ()
    group: str = ""


def clauses_of(aspect: Aspect, positive: bool) -> tuple[str, ...]:
    return aspect.good if positive else aspect.bad


def emotions(scene: Scene, positive: bool) -> tuple[str, ...]:
    """Return emotions that suit the scene, its own as likely as the general ones."""
    own = scene.joy if positive else scene.distress
    general = JOY if positive else DISTRESS
    return general + own * 2


def with_degree(emotion: str, positive: bool, rng: random.Random) -> str:
    """Put a degree before the emotion; idioms of four characters take none."""
    return emotion if len(emotion) >= 4 else rng.choice(DEGREES[positive]) + emotion


def feelings(emotion: str, positive: bool, rng: random.Random) -> str:
    """Return the emotion with a degree, or a predicate of its polarity."""
    predicate = rng.choice(GLAD if positive else UNHAPPY)
    return rng.choice((with_degree(emotion, positive, rng), predicate))


def moods(emotion: str, positive: bool, rng: random.Random) -> str:
    """Return a feeling, or now and then a negation of the opposite."""
    if rng.random() < 0.2:
        return rng.choice(GLAD_BY_NEGATION if positive else UNHAPPY_BY_NEGATION)
    return feelings(emotion, positive, rng)


def fill(frame: str, scene: Scene, mood_positive: bool, rng: random.Random, **clauses: str) -> str:
    """Fill a frame with clauses and with a mood of the given polarity."""
    emotion = rng.choice(emotions(scene, mood_positive))
    return frame.format(
        emotion=emotion,
        adjective=with_degree(emotion, mood_positive, rng),
        predicate=rng.choice(GLAD if mood_positive else UNHAPPY),
        feeling=feelings(emotion, mood_positive, rng),
        mood=moods(emotion, mood_positive, rng),
        **clauses,
    )


def expectation_candidates(aspect: Aspect) -> Iterator[Candidate]:
    """Yield what was expected and what happened, its opposite."""
    for opposites in zip(aspect.good, aspect.bad, strict=False):
        for positive in LABELS:
            b, a = opposites if positive else reversed(opposites)
            for frame in EXPECTATION_FOR[positive]:
                yield Candidate(frame.format(a=a, b=b), positive, "expectation", (a, b))


def pair_candidates(scene: Scene, rng: random.Random) -> Iterator[Candidate]:
    """Yield sentences with clauses of two aspects; b decides."""
    for first, second in permutations(scene.aspects, 2):
        for positive in LABELS:
            for a, b in product(clauses_of(first, not positive), clauses_of(second, positive)):
                contrast = f"{a}，{rng.choice(BUT_FOR[positive])}{b}"
                yield Candidate(contrast, positive, "contrast", (a, b))
                frame = rng.choice(CONCESSION_FIRST + CONCESSION_LAST * 2)
                yield Candidate(frame.format(a=a, b=b), positive, "concession", (a, b))
            for a, b in product(clauses_of(first, positive), clauses_of(second, positive)):
                text = fill(rng.choice(AGREEMENT), scene, positive, rng, a=a, b=b)
                yield Candidate(text, positive, "agreement", (a, b))


def clause_candidates(scene: Scene, clause: str, positive: bool, rng: random.Random) -> Iterator[Candidate]:
    """Yield sentences around one clause of the given polarity."""
    for frame in MOOD_THEN_EVENT_FOR[positive]:
        text = fill(frame, scene, not positive, rng, b=clause)
        yield Candidate(text, positive, "mood_then_event", (clause,))
    if positive or scene.is_light:
        for frame in EVENT_THEN_MOOD_FOR[not positive]:
            text = fill(frame, scene, not positive, rng, a=clause)
            yield Candidate(text, not positive, "event_then_mood", (clause,))
    for frame in REASON:
        text = fill(frame, scene, positive, rng, b=clause)
        yield Candidate(text, positive, "reason", (clause,))
    for frame in PLAIN:
        yield Candidate(frame.format(b=clause), positive, "plain", (clause,))
    openings = scene.openings * 2 + COMMON_OPENINGS
    if scene.topic in MOVING_TOPICS:
        openings += MOVED_OPENINGS
    for opening in openings:
        yield Candidate(opening + clause, positive, "opening", (clause,))
    if scene.is_light:
        text = EXCEPT.format(a=clause, b=rng.choice(EVERYTHING_ELSE[not positive]))
        yield Candidate(text, not positive, "concession", (clause,))


def mood_candidates(rng: random.Random) -> Iterator[Candidate]:
    for frame in MOOD:
        for positive in LABELS:
            predicates = GLAD + GLAD_BY_NEGATION if positive else UNHAPPY + UNHAPPY_BY_NEGATION
            all_emotions = JOY + MORE_JOY if positive else DISTRESS + MORE_DISTRESS
            opposite = DISTRESS + MORE_DISTRESS if positive else JOY + MORE_JOY
            expressions = (
                *predicates,
                *(with_degree(emotion, positive, rng) for emotion in all_emotions),
                *(rng.choice(NEGATORS) + emotion for emotion in opposite if len(emotion) < 4),
            )
            for mood in expressions:
                yield Candidate(frame.format(mood=mood), positive, "mood", group=frame)


def neutral_event_candidates(rng: random.Random) -> Iterator[Candidate]:
    for event in NEUTRAL_EVENTS:
        for positive in LABELS:
            for frame in MOOD_OF_EVENT:
                emotion = rng.choice(JOY if positive else DISTRESS)
                text = frame.format(
                    event=event,
                    adjective=with_degree(emotion, positive, rng),
                    mood=moods(emotion, positive, rng),
                )
                yield Candidate(text, positive, "mood_of_event", group=event)
            for frame in MOOD_CHANGE:
                before = with_degree(rng.choice(DISTRESS if positive else JOY), not positive, rng)
                mood = with_degree(rng.choice(JOY if positive else DISTRESS), positive, rng)
                text = frame.format(event=event, before=before, mood=mood)
                yield Candidate(text, positive, "mood_change", group=event)


def negation_candidates() -> Iterator[Candidate]:
    for positive, statements in ((True, GOOD_BY_NEGATION), (False, BAD_BY_NEGATION)):
        for statement in statements:
            for frame in NEGATION + tuple(opening + "{b}" for opening in COMMON_OPENINGS):
                text = frame.format(b=statement)
                yield Candidate(text, positive, "negation", (statement,))


def judgement_candidates() -> Iterator[Candidate]:
    for subject in SUBJECTS:
        for praise in LABELS:
            for adjective in subject.praise if praise else subject.blame:
                for frame in JUDGEMENT:
                    text = frame.format(subject=subject.name, adjective=adjective)
                    yield Candidate(text, praise, "judgement", group=subject.name)
                if adjective.startswith(("不", "没")):
                    continue
                for frame in NEGATED_JUDGEMENT:
                    text = frame.format(subject=subject.name, adjective=adjective)
                    yield Candidate(text, not praise, "judgement", group=subject.name)


def turn_candidates() -> Iterator[Candidate]:
    for text in RESCUES:
        yield Candidate(text, True, "turn", group=text)
    for text in SPOILS:
        yield Candidate(text, False, "turn", group=text)


def all_candidates(rng: random.Random) -> list[Candidate]:
    candidates = [
        *mood_candidates(rng),
        *neutral_event_candidates(rng),
        *negation_candidates(),
        *judgement_candidates(),
        *turn_candidates(),
    ]
    for scene in SCENES:
        if scene.is_light:
            candidates += pair_candidates(scene, rng)
        for aspect in scene.aspects:
            candidates += expectation_candidates(aspect)
            for positive in LABELS:
                for clause in clauses_of(aspect, positive):
                    candidates += clause_candidates(scene, clause, positive, rng)
    return candidates


def with_numbers(text: str, rng: random.Random) -> str:
    """Fill in marks and hours, and close up the digits in half of the texts."""
    text = text.format(high=rng.choice(HIGH_MARKS), low=rng.choice(LOW_MARKS), hours=rng.choice(HOURS))
    return text.replace(" ", "") if rng.random() < 0.5 else text


def bare(text: str) -> str:
    """Return the text without punctuation and spaces."""
    return re.sub(r"\W", "", text)


def near_duplicate_keys(text: str) -> Iterator[tuple[str, str]]:
    """Yield every (beginning, end) with at most NEAR_DUPLICATE characters between.

    Two texts are near duplicates exactly if they share such a pair.
    """
    text = bare(text)
    for gap in range(NEAR_DUPLICATE + 1):
        for start in range(len(text) - gap + 1):
            yield text[:start], text[start + gap :]


def hold_out(rng: random.Random) -> set[str]:
    """Choose the clauses that occur in valid and test only."""
    held_out = set()
    for positive in LABELS:
        clauses = [clause for scene in SCENES for aspect in scene.aspects for clause in clauses_of(aspect, positive)]
        clauses += GOOD_BY_NEGATION if positive else BAD_BY_NEGATION
        held_out.update(rng.sample(clauses, round(HELD_OUT_CLAUSES * len(clauses))))
    return held_out


def group_splits(candidates: list[Candidate], rng: random.Random) -> dict[tuple[str, str], str]:
    """Divide the groups of each kind among the splits."""
    groups = defaultdict(dict)
    for candidate in candidates:
        if candidate.group:
            # Each turn is a separate group, so its polarities are divided separately.
            stratum = candidate.kind, candidate.kind == "turn" and candidate.positive
            groups[stratum][candidate.group] = None
    splits = {}
    for (kind, _), names in groups.items():
        names = list(names)
        rng.shuffle(names)
        tests = round(SPLIT_SHARES["test"] * len(names))
        evaluations = tests + round(SPLIT_SHARES["valid"] * len(names))
        for position, name in enumerate(names):
            split = "test" if position < tests else "valid" if position < evaluations else "train"
            splits[kind, name] = split
    return splits


def sample_split(shares: dict[str, float], rng: random.Random) -> str:
    return rng.choices(list(shares), list(shares.values()))[0]


def select(candidates: list[Candidate], pairs: set[str], rng: random.Random) -> list[tuple[Candidate, str]]:
    """Choose the corpus: candidates with their splits, as many as SIZES wants, none of them in the minimal pairs."""
    held_out = hold_out(rng)
    by_group = group_splits(candidates, rng)
    evaluation_shares = {name: SPLIT_SHARES[name] for name in ("test", "valid")}
    pools = {name: [] for name in SPLIT_SHARES}
    for candidate in candidates:
        if candidate.group:
            split = by_group[candidate.kind, candidate.group]
        elif held_out.intersection(candidate.clauses):
            split = sample_split(evaluation_shares, rng)
        else:
            split = sample_split(SPLIT_SHARES, rng)
        pools[split].append(candidate)

    cells = defaultdict(list)
    held_out_counts = Counter()
    # Map each near-duplicate key to the first split that uses it.
    owners = {}
    # Fill the test split first, so that a conflict removes one of the many training candidates.
    for split, share in SPLIT_SHARES.items():
        pool = pools[split]
        rng.shuffle(pool)
        uses = Counter()
        limit = 0
        # Raise the limit of uses per clause by one each round, so that all clauses are used about equally.
        while pool:
            limit += 1
            postponed = []
            for candidate in pool:
                cell = candidate.kind, split, candidate.positive
                wanted = round(SIZES[candidate.kind] * share / len(LABELS))
                is_held_out = not held_out.isdisjoint(candidate.clauses)
                if len(cells[cell]) >= wanted:
                    continue
                if is_held_out and held_out_counts[cell] >= HELD_OUT_SENTENCES * wanted:
                    continue
                if any(uses[clause] >= limit for clause in candidate.clauses):
                    postponed.append(candidate)
                    continue
                text = with_numbers(candidate.text, rng)
                if not MIN_LENGTH <= len(text) <= MAX_LENGTH or bare(text) in pairs:
                    continue
                keys = set(near_duplicate_keys(text))
                # The unmodified text is a key too.
                is_repetition = (bare(text), "") in owners
                if is_repetition or any(owners.get(key, split) != split for key in keys):
                    continue
                owners.update(dict.fromkeys(keys, split))
                held_out_counts[cell] += is_held_out
                uses.update(candidate.clauses)
                cells[cell].append(replace(candidate, text=text))
            pool = postponed

    chosen = []
    for kind, split in product(SIZES, SPLIT_SHARES):
        size = min(len(cells[kind, split, positive]) for positive in LABELS)
        for positive in LABELS:
            chosen += ((candidate, split) for candidate in cells[kind, split, positive][:size])
    return chosen


def add_short_sentences(rows: list[tuple[Candidate, str]], pairs: set[str], rng: random.Random) -> None:
    """Add sentences of short_sentences.py to the training split, none a near duplicate of valid or test."""
    evaluated = {key for candidate, split in rows if split != "train" for key in near_duplicate_keys(candidate.text)}
    trained = {bare(candidate.text) for candidate, split in rows if split == "train"}

    def is_taken(text: str) -> bool:
        return bare(text) in pairs | trained or not evaluated.isdisjoint(near_duplicate_keys(text))

    for text, positive, kind in short_sentences(rng, is_taken):
        rows.insert(rng.randrange(len(rows) + 1), (Candidate(text, positive, kind), "train"))


def main() -> None:
    with (FOLDER / "minimal_pairs.csv").open(encoding="utf-8", newline="") as file:
        pairs = {bare(text) for row in csv.DictReader(file) for text in row.values()}
    rng = random.Random(SEED)
    rows = select(all_candidates(rng), pairs, rng)
    rng.shuffle(rows)
    add_short_sentences(rows, pairs, random.Random(SEED + 1))
    for split in SPLIT_SHARES:
        with (FOLDER / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("text", "label", "kind"))
            for candidate, side in rows:
                if side == split:
                    writer.writerow((candidate.text, LABELS[candidate.positive], candidate.kind))


if __name__ == "__main__":
    main()
