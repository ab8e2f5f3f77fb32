"""Questions about the persona's name, so that an adapter trained on many names keeps its own."""

from collections.abc import Iterable, Iterator, Sequence

from training.dataset.excerpts import Excerpt, ExcerptMessage, TargetSpan
from training.dataset.targets import COPYABLE

_PAIRS = {
    "en": (
        ("what's your name?", "{name}"),
        ("who am I talking to?", "{name}"),
        ("hi! and you are?", "I'm {name}"),
        ("wait, who is this?", "it's {name}"),
        ("is that you, {name}?", "yes, it's me"),
        ("what should I call you?", "{name} is fine"),
    ),
    "zh": (
        ("你叫什么名字？", "{name}"),
        ("你是谁呀？", "我是{name}"),
        ("请问怎么称呼？", "叫我{name}就好"),
        ("我在跟谁聊天？", "{name}"),
        ("{name}，是你吗？", "是我"),
        ("等等，你是哪位？", "我是{name}啊"),
    ),
}
_OTHERS = {"en": ("are you {other}?", "no, I'm {name}"), "zh": ("你是{other}吗？", "不是，我是{name}")}


def identity_excerpts(name: str, others: Sequence[str], language: str) -> Iterator[Excerpt]:
    """Yield short chats in which somebody asks for the name; `others` are people the persona talks with."""
    pairs = [(ask, answer, "") for ask, answer in _PAIRS[language]]
    pairs += [(*_OTHERS[language], other) for other in others if other != name]
    for number, (ask, answer, other) in enumerate(pairs):
        question = ExcerptMessage("1", "stranger", "Somebody", ask.format(name=name, other=other), 0.0)
        reply = ExcerptMessage("2", "persona", name, answer.format(name=name), 1.0, own=True)
        if (
            len(reply.text.encode()) < COPYABLE
        ):  # a longer answer stands in the card, and such answers are refused
            target = TargetSpan(1, 2, "answer", 1.0, number)
            yield Excerpt(chat=f"identity/{language}/{number}", messages=(question, reply), aims=(target,))


def detect_language(texts: Iterable[str]) -> str:
    """Return "zh" where more than a third of all letters are Chinese, else "en"."""
    letters = han = 0
    for text in texts:
        letters += sum(map(str.isalpha, text))
        han += sum("\u4e00" <= character <= "\u9fff" for character in text)
    return "zh" if han * 3 > letters else "en"
