"""Questions for the persona's name, so that an adapter that heard many names does not take another's."""

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
    """Short chats in which somebody asks for the name; `others` are people the persona talks with."""
    known = [(ask, answer, "") for ask, answer in _PAIRS[language]]
    known += [(*_OTHERS[language], other) for other in others if other != name]
    for number, (ask, answer, other) in enumerate(known):
        asked = ExcerptMessage("1", "stranger", "Somebody", ask.format(name=name, other=other), 0.0)
        said = ExcerptMessage("2", "persona", name, answer.format(name=name), 1.0, own=True)
        if len(said.text.encode()) < COPYABLE:  # a longer name stands in the card, which is never learned
            aim = TargetSpan(1, 2, "answer", 1.0, number)
            yield Excerpt(chat=f"identity/{language}/{number}", messages=(asked, said), aims=(aim,))


def detect_language(texts: Iterable[str]) -> str:
    """The language of the questions: Chinese where that script is a third of all letters, else English."""
    letters = han = 0
    for text in texts:
        letters += sum(map(str.isalpha, text))
        han += sum("\u4e00" <= character <= "\u9fff" for character in text)
    return "zh" if han * 3 > letters else "en"
