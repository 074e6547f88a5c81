"""Short everyday sentences for the training split: examination results, the weather, likes and moods.

The clauses of clauses.py are long and specific. These sentences are short, and
their label depends on one number, on one word or on a negation: a mark of 0 or
of 100, 开心 or 不开心, 喜欢 or 不喜欢. Each sentence is drawn from a small grammar.
"""

import random
from collections.abc import Callable, Iterator

from clauses import items

Draw = Callable[[bool, random.Random], str]
"""A part of the grammar: a function that returns a text of the given polarity."""

WHO = items("我；我；我；我；儿子；女儿；弟弟；妹妹；哥哥；姐姐；同桌；他；她；小红；班长；我的朋友；表弟")
TIMES = items("今天；今天；今天；昨天；刚才；最近；这几天；早上；晚上；星期一；现在；这个周末")
COURSES = items(
    """数学；语文；英语；物理；化学；历史；地理；生物；政治；音乐；美术；体育；作文；听写；口语；考试；考试；考试；考试；
    期末考试；期中考试；月考；模拟考；小测验；入学考试"""
)
# Things, and the adjectives that praise and that blame them.
_GOOD = (("好", "差"), ("好", "糟糕"), ("棒", "糟"))
THINGS = (
    (items("晚饭；早饭；午饭；这道菜；妈妈做的饭；这家店的面；蛋糕"), (*_GOOD, ("好吃", "难吃"), ("好吃", "难吃"))),
    (
        items("这部电影；这本书；今天的课；这场比赛；他的故事；晚会"),
        (*_GOOD, ("精彩", "无聊"), ("有趣", "乏味"), ("好看", "难看")),
    ),
    (items("这首歌；她唱的歌"), (*_GOOD, ("好听", "难听"))),
    (items("新衣服；她的裙子；这双鞋；这张照片"), (*_GOOD, ("好看", "难看"))),
    (items("这次考试；这次旅行；我的工作；面试；这件事；比赛；学习"), (*_GOOD, ("顺利", "糟糕"), ("成功", "失败"))),
    (items("我的成绩；运气；效果；质量；结果；服务；生活；今天的天气；他的态度"), _GOOD),
    (items("房间；酒店；我的床；宿舍；这里"), (*_GOOD, ("舒服", "难受"), ("干净", "脏"))),
)
LIKED = items(
    """学校；我们班；新老师；我的同桌；这座城市；这里；周末；聚会；数学；英语；音乐；体育课；夏天；冬天；雨天；上学；上班；
    跑步；画画；做饭；你；他；这份礼物；今天的课；这次考试；这家店；这部电影；这本书；这首歌；这道菜；今天的天气"""
)
JOY = items(
    """开心；开心；开心；高兴；高兴；快乐；愉快；满意；满足；幸福；舒服；激动；兴奋；自豪；欣慰；得意；轻松；放心；
    骄傲；感动；走运；幸运"""
)
DISTRESS = items(
    """难过；难过；伤心；生气；失望；沮丧；郁闷；烦；烦躁；难受；丢脸；后悔；委屈；害怕；担心；着急；痛苦；无奈；
    苦恼；懊恼；灰心；倒霉"""
)
# Emotions that 不 turns into the opposite polarity.
NEGATED_JOY = items("开心；开心；开心；高兴；高兴；快乐；愉快；满意；幸福；舒服；放心；轻松；顺心")
NEGATED_DISTRESS = items("难过；伤心；生气；失望；后悔；害怕；担心；着急；烦；委屈；难受")

EVENTS = (
    ("我们赢了", "我们输了"),
    ("我通过了考试", "我没有通过考试"),
    ("考试通过了", "考试没通过"),
    ("老师表扬了我", "老师批评了我"),
    ("妈妈夸了我", "妈妈骂了我"),
    ("我找到了钱包", "我丢了钱包"),
    ("题目我都会做", "题目我都不会做"),
    ("我考上了大学", "我没考上大学"),
    ("朋友来看我了", "朋友没有来看我"),
    ("我买到了票", "我没买到票"),
    ("今天放假", "今天要加班"),
    ("我的病好了", "我生病了"),
    ("我收到了礼物", "没有人送我礼物"),
    ("我学会了游泳", "我还是没学会游泳"),
    ("事情很顺利", "事情很不顺利"),
    ("全班都及格了", "全班都不及格"),
    ("他答应了我", "他拒绝了我"),
    ("我升职了", "我被开除了"),
    ("我找到了工作", "我没找到工作"),
    ("作业都写完了", "作业还没写完"),
    ("我准时到了", "我迟到了"),
    ("飞机准点起飞", "飞机又晚点了"),
    ("我瘦了", "我又胖了"),
    ("我睡得很好", "我没睡好"),
    ("我中奖了", "我被骗了"),
)
EXCLAMATIONS = (
    ("太好了", "太糟了"),
    ("太棒了", "太差了"),
    ("真棒", "真糟糕"),
    ("真幸运", "真倒霉"),
    ("真不错", "真不好"),
    ("好极了", "糟透了"),
    ("真开心", "真难过"),
    ("太高兴了", "太难过了"),
    ("真让人高兴", "真让人失望"),
    ("好消息", "坏消息"),
    ("我笑了", "我哭了"),
    ("值得庆祝", "真丢人"),
    ("我很喜欢", "我很不喜欢"),
)
REACTIONS = (
    ("老师表扬了{who}", "老师批评了{who}"),
    ("妈妈夸了{who}", "妈妈骂了{who}"),
    ("爸爸奖励了{who}", "爸爸没有理{who}"),
    ("大家都为{who}高兴", "大家都为{who}难过"),
    ("全家都笑了", "全家都不说话"),
    ("同学们都羡慕{who}", "同学们都笑话{who}"),
)

GOOD_WEATHER = items(
    """天气很好；天气真好；天气不错；天气好极了；天气晴朗；天气很舒服；天气暖和；阳光很好；阳光明媚；出太阳了；天很蓝；
    空气很好；不冷也不热；风很舒服；雨停了；天晴了；凉快极了；是个好天气；天气一点也不冷；天气没有那么热"""
)
BAD_WEATHER = items(
    """天气很差；天气真差；天气不好；天气很不好；天气真糟；天气糟透了；天气阴沉；天气很闷；天气太热；雨下个不停；又下雨了；
    下大雨了；刮大风了；空气很差；太冷了；热得难受；雾霾很重；狂风暴雨；下起了冰雹；是个坏天气；天气一点也不好；
    天气没有那么好"""
)


def mark(positive: bool, rng: random.Random) -> str:
    """Return an examination mark out of 100; those between are neither good nor bad."""
    extreme, others = (100, range(85, 100)) if positive else (0, range(1, 50))
    return f" {extreme if rng.random() < 0.35 else rng.choice(others)} 分"


def result(positive: bool, rng: random.Random, who: str) -> str:
    """Return what somebody reached in an examination."""
    course, time = rng.choice(COURSES), rng.choice(("", "", "", "", "这次", "今天", "昨天", "上次"))
    verb = rng.choice(("考了", "考了", "考了", "得了", "得了", "拿了", "才考了" if not positive else "考到了"))
    good, bad = rng.choice(
        (
            ("满分", "零分"),
            ("第一名", "最后一名"),
            ("第一", "倒数第一"),
            ("全班第一", "全班倒数第一"),
            ("高分", "低分"),
        )
    )
    score = mark(positive, rng) if rng.random() < 0.75 else (good if positive else bad)
    outcome = rng.choice(
        (
            ("考得很好", "考得很不好"),
            ("考得不错", "考得不好"),
            ("考得很好", "考得很差"),
            ("没有考砸", "考砸了"),
            ("考好了", "没考好"),
            ("及格了", "没及格"),
            ("及格了", "不及格"),
            ("通过了", "没通过"),
        )
    )[0 if positive else 1]
    wrong = mark(not positive, rng)
    right = mark(positive, rng)
    return rng.choice(
        (f"{who}{time}{course}{verb}{score}",) * 9
        + (f"{time}{who}{course}{verb}{score}",) * 2
        + (f"{time}{course}{who}{verb}{score}",) * 2
        + (f"{who}{time}{verb}{score}",) * 3
        + (f"{verb}{score}",)
        + (f"{who}的{course}成绩是{score}",) * 2
        + (f"{who}的{course}是{score}",)
        + (f"{who}的{course}{verb}{score}",)
        + (f"{who}{time}{course}{outcome}",) * 3
        + (f"{who}{time}{outcome}",) * 2
        + (f"{who}没有考{wrong}，考了{right}",)
        + (f"{time}{course}{who}没有考{wrong}，而是考了{right}",)
        + (f"{who}{course}不是{wrong}，是{right}",)
    )


def mood(positive: bool, rng: random.Random) -> str:
    """Return a predicate that says how somebody feels."""
    emotion = rng.choice(JOY if positive else DISTRESS)
    negated = rng.choice(NEGATED_DISTRESS if positive else NEGATED_JOY)
    degree = rng.choice(("很", "很", "真", "好", "特别", "非常", "挺", "十分", "太"))
    plain = {"太": f"太{emotion}了", "挺": f"挺{emotion}的"}.get(degree, degree + emotion)
    strong = rng.choice(items("很不；很不；很不；不；不；不；非常不；特别不；挺不；一点也不；一点儿都不"))
    weak = rng.choice(("不", "一点也不", "一点儿都不", "并不", "没有"))
    state = rng.choice(
        (
            ("心情很好", "心情很不好"),
            ("心情不错", "心情不好"),
            ("心情很愉快", "心情很差"),
            ("心情特别好", "心情低落"),
            ("心情好极了", "心情糟透了"),
            ("过得很愉快", "过得很不愉快"),
            ("过得很好", "过得很不好"),
            ("很有精神", "没有精神"),
            ("运气很好", "运气不好"),
            (f"{emotion}极了", f"{emotion}极了"),
            (f"觉得{plain}", f"觉得{plain}"),
        )
    )[0 if positive else 1]
    # A negated emotion of distress is a weak sign of joy, so it is rarer than a negated emotion of joy.
    if positive:
        doubled = rng.choice(("没有不", "不是不", "并不是不")) + rng.choice(NEGATED_JOY)
        return rng.choice((plain,) * 8 + (weak + negated,) * 3 + (doubled,) + (state,) * 4)
    doubted = rng.choice(("没有很", "不是很", "没有那么")) + negated
    return rng.choice((plain,) * 5 + (strong + negated,) * 7 + (doubted,) + (state,) * 4)


def judgement(positive: bool, rng: random.Random) -> str:
    """Return what somebody thinks of a thing."""
    who = rng.choice(WHO)
    things, opposites = rng.choice(THINGS)
    thing, (good, bad) = rng.choice(things), rng.choice(opposites)
    word, other = (good, bad) if positive else (bad, good)
    degree = rng.choice(("很", "很", "真", "特别", "非常", "挺"))
    if rng.random() < 0.5:
        like = rng.choice(("喜欢", "很喜欢", "特别喜欢", "爱", "好喜欢", "不讨厌"))
        dislike = rng.choice(("不喜欢", "很不喜欢", "不爱", "讨厌", "很讨厌", "一点也不喜欢", "好讨厌", "受不了"))
        satisfied = rng.choice(("很", "挺", "非常")) + "满意"
        unsatisfied = rng.choice(("很不", "不", "一点也不", "不太")) + "满意"
        return rng.choice(
            (f"{who}{like if positive else dislike}{rng.choice(LIKED)}",) * 2
            + (f"{who}对{thing}{satisfied if positive else unsatisfied}",)
        )
    no = rng.choice(("不", "不", "很不", "一点也不"))
    if positive or rng.random() < 0.5 or len(other) > 2 or other in ("棒", "糟"):
        return rng.choice((f"{thing}{degree}{word}", f"{thing}太{word}了", f"{who}觉得{thing}{degree}{word}"))
    return rng.choice((f"{thing}{no}{other}", f"{who}觉得{thing}{no}{other}"))


def weather(positive: bool, rng: random.Random) -> str:
    time = rng.choice(("今天", "今天", "昨天", "外面", "早上", "这几天", ""))
    return time + rng.choice(GOOD_WEATHER if positive else BAD_WEATHER)


def event(positive: bool, rng: random.Random) -> str:
    return rng.choice(EVENTS)[0 if positive else 1]


def exclamation(positive: bool, rng: random.Random) -> str:
    return rng.choice(EXCLAMATIONS)[0 if positive else 1]


def score_sentence(positive: bool, rng: random.Random) -> str:
    """Return a sentence about an examination, often with the mood or the reaction that it causes."""
    who, time = rng.choice(WHO), rng.choice(("", "", *TIMES))
    same = rng.choice((who, "我"))
    it = {"我": "我", "姐姐": "她", "妹妹": "她", "女儿": "她", "她": "她", "小红": "她"}.get(who, "他")
    r = result(positive, rng, rng.choice((who, it)))
    m = mood(positive, rng)
    reaction = rng.choice(REACTIONS)[0 if positive else 1].format(who=it)
    family = rng.choice(("妈妈", "爸爸", "老师", "我", "全家人", "大家"))
    against, opposite = result(not positive, rng, who), mood(not positive, rng)
    return rng.choice(
        (r,) * 7
        + (f"{same}{time}{m}，因为{r}",) * 7
        + (f"{same}{time}{m}，因为{event(positive, rng)}",) * 2
        + (f"因为{r}，{same}{time}{m}",) * 2
        + (f"因为{r}，所以{same}{time}{m}",) * 2
        + (f"{r}，{m}",) * 2
        + (f"{r}，所以{m}",)
        + (f"{r}，{family}{m}" if not m.startswith(("运气", "过得")) else r,) * 2
        + (f"{r}，{reaction}",) * 2
        + (f"{r}，{exclamation(positive, rng)}",) * 2
        + (f"{exclamation(positive, rng)}，{r}",) * 2
        + (f"听到分数{same}{m}，{r}",)
        + (f"{family}{time}{m}，因为{r}",) * 2
        + (f"虽然{against}，但是{same}{m}", f"本来{opposite}，结果{r}")
    )


def weather_sentence(positive: bool, rng: random.Random) -> str:
    w, m, time = weather(positive, rng), mood(positive, rng), rng.choice(("", *TIMES))
    return rng.choice((w, w, f"{w}，我{m}", f"{w}，{m}", f"我{time}{m}，因为{w}"))


def short_sentence(positive: bool, rng: random.Random) -> str:
    who, time, m = rng.choice(WHO), rng.choice(("", "", *TIMES)), mood(positive, rng)
    opposite = mood(not positive, rng)
    day = rng.choice(
        (
            ("开心的一天", "难过的一天"),
            ("快乐的一天", "糟糕的一天"),
            ("美好的一天", "倒霉的一天"),
            ("愉快的一天", "不开心的一天"),
        )
    )[0 if positive else 1]
    negated = rng.choice(NEGATED_JOY if not positive else NEGATED_DISTRESS)
    return rng.choice(
        (f"{who}{time}{m}",) * 6
        + (f"{time}{who}{m}",) * 2
        + (m,)
        + (judgement(positive, rng),) * 6
        + (f"{judgement(positive, rng)}，{who}{m}",)
        + (event(positive, rng),) * 2
        + (f"{event(positive, rng)}，{who}{m}",) * 2
        + (f"{who}{time}{m}，因为{judgement(positive, rng)}",)
        + (f"{exclamation(positive, rng)}，{event(positive, rng)}",)
        + (exclamation(positive, rng),)
        + (f"{rng.choice(('今天是', '真是', '昨天是', '今天真是'))}{day}",)
        + (f"{who}不但不{negated}，而且{m}", f"{who}{time}不是{opposite}，而是{m}")
    )


KINDS: dict[str, tuple[Draw, int]] = {
    "score": (score_sentence, 1400),
    "weather": (weather_sentence, 250),
    "short": (short_sentence, 900),
}
"""How to draw a sentence of each kind, and how many the training split gets."""


def short_sentences(rng: random.Random, is_taken: Callable[[str], bool]) -> Iterator[tuple[str, bool, str]]:
    """Yield the text, the polarity and the kind of each sentence, each polarity as often as the other.

    Args:
        rng: the source of randomness.
        is_taken: whether a text may not be used, because it occurs elsewhere. No text is yielded twice.
    """
    for kind, (draw, count) in KINDS.items():
        seen: set[str] = set()
        for positive in (True, False):
            found = 0
            while found < count // 2:
                text = draw(positive, rng)
                key = text.replace(" ", "")
                if key not in seen and not is_taken(text):
                    seen.add(key)
                    found += 1
                    yield (key if rng.random() < 0.5 else text), positive, kind
