"""A card's three sentences, drafted from what the person wrote, or read from what somebody typed."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from bot.persona.card import MAX_NAME, Card
from bot.persona.persona import Persona
from training.store.message_store import read_messages
from training.store.messages import MESSAGES, ExportedMessage
from training.store.scrubbing import open_scrubber
from training.tokenization.identity import detect_language

MOST = 200_000  # messages that a draft is made of
_WORDS, _TRIED = 3, 24  # words that a card tells, and likely ones that are scrubbed first
_SEEN, _SURE, _RATIO = 4, 1.5, math.log(3)  # messages with a word, the z-score of its log odds, and the odds
_OFTEN, _SOME = 0.3, 0.15  # of messages
_PRIOR = 0.5  # added to each count
_WORD = re.compile(r"(?<![\w'’@#/.:])[^\W\d_]{4,20}(?![\w@])")
_EMOJI = re.compile("[\u2600-\u27bf\u2b50\u2b55\U0001f000-\U0001faff]")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*")
_PLATFORMS = {"x": "X", "whatsapp": "WhatsApp", "wechat": "WeChat", "qq": "QQ", "line": "LINE"}
_FIELDS = ("description", "personality", "scenario")


@dataclass(slots=True)
class PersonWriting:
    """Counts of what a person wrote, and of what others wrote to them."""

    names: Counter[str] = field(default_factory=Counter)
    platforms: Counter[str] = field(default_factory=Counter)
    own: Counter[str] = field(default_factory=Counter)  # messages by word
    others: Counter[str] = field(default_factory=Counter)
    manners: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    words: int = 0
    sample: list[str] = field(default_factory=list)  # for the language

    def add(self, message: ExportedMessage) -> None:
        """Count a message."""
        words = {word for word in _WORD.findall(message.text) if word.islower()}
        if not message.is_self:
            self.others.update(words)
            return
        self.own.update(words)
        self.names[" ".join(message.author_name.split())[:MAX_NAME]] += 1
        self.platforms[message.platform] += 1
        self.manners.update(_manners(message.text))
        self.messages, self.words = self.messages + 1, self.words + len(message.text.split())
        if len(self.sample) < _TRIED * 100:
            self.sample.append(message.text)

    def typical_words(self) -> list[str]:
        """Return words that the person uses more than others do, the surest first.

        By the log odds ratio with a prior (Monroe, Colaresi and Quinn 2008).
        """
        ours, theirs = self.own.total() + 1, self.others.total() + 1

        def score(word: str) -> float:
            own, other = self.own[word] + _PRIOR, self.others[word] + _PRIOR
            ratio = math.log(own / ours) - math.log(other / theirs)
            return ratio / math.sqrt(1 / own + 1 / other) if ratio > _RATIO else 0.0

        scores = {word: score(word) for word, count in self.own.items() if count >= _SEEN}
        sure = [word for word, found in scores.items() if found > _SURE]
        return sorted(sure, key=lambda word: (-scores[word], word))


def read_writing(work: Path) -> PersonWriting:
    """Count the words of work/messages.jsonl."""
    writing = PersonWriting()
    for message in islice(read_messages(work / MESSAGES), MOST):
        if message.kind == "text":
            writing.add(message)
    return writing


def card_name(writing: PersonWriting, key: str) -> str:
    """Return the name that the person's messages have most, else the folder's."""
    return next((name for name, _ in writing.names.most_common() if name), key)


def draft_card(work: Path, writing: PersonWriting, key: str) -> dict[str, str]:
    """Return description, personality and scenario; no private word of the messages is in them."""
    name = card_name(writing, key)
    scrubber = open_scrubber(work, Persona(key, Card(name=name)))
    tried = writing.typical_words()[:_TRIED]
    words = [word for word in tried if scrubber.scrub(word).text == word][:_WORDS]
    texts = _in_chinese(writing) if detect_language(writing.sample) == "zh" else _in_english(writing, words)
    return dict(zip(_FIELDS, texts, strict=True))


def split_sentences(typed: str, draft: Mapping[str, str]) -> dict[str, str]:
    """Return the card of what somebody typed: who they are, how they speak, where one meets them.

    Further sentences go to the last; what was not typed stays as it was drafted.
    """
    sentences = [part.strip() for part in _SENTENCE_END.split(typed.strip()) if part.strip()]
    parts = [*sentences[:2], " ".join(sentences[2:])]
    return {**draft, **{field: text for field, text in zip(_FIELDS, parts, strict=False) if text}}


def _manners(text: str) -> Iterable[str]:
    """Yield the manners of writing that a message shows."""
    if text == text.lower() and text != text.upper():
        yield "small"
    yield from (name for name, mark in (("asks", "?？"), ("calls", "!！")) if any(c in text for c in mark))
    if _EMOJI.search(text):
        yield "emoji"
    if text.count("*") > 1:
        yield "stars"


def _shown_platforms(writing: PersonWriting) -> list[str]:
    return [_PLATFORMS.get(name, name.capitalize()) for name, _ in writing.platforms.most_common(2)]


def _in_english(writing: PersonWriting, words: Sequence[str]) -> tuple[str, str, str]:
    places = " and ".join(_shown_platforms(writing))
    quoted = [f'"{word}"' for word in words]
    said = f", and often says {_listed(quoted)}" if quoted else ""
    mean = writing.words / max(1, writing.messages)
    size = "very short" if mean <= 5 else "short" if mean <= 15 else "long" if mean > 40 else "middle-sized"
    shares = {name: count / max(1, writing.messages) for name, count in writing.manners.items()}
    manners = [
        text
        for name, least, text in (
            ("small", 1 - _OFTEN, "in small letters"),
            ("calls", _OFTEN, "with exclamation marks"),
            ("asks", _OFTEN, "with questions"),
            ("emoji", _SOME, "with emoji"),
            ("stars", _SOME, "with *gestures* between stars"),
        )
        if shares.get(name, 0.0) >= least
    ]
    more = f", {_listed(manners)}" if manners else ""
    return (
        f"{{{{char}}}} writes on {places}{said}.",
        f"{{{{char}}}} writes {size} messages, of about {max(1, round(mean))} words{more}.",
        f"Whoever speaks writes to {{{{char}}}} on {places}.",
    )


def _in_chinese(writing: PersonWriting) -> tuple[str, str, str]:
    places = "和".join(_shown_platforms(writing))
    letters = sum(map(len, writing.sample)) / max(1, len(writing.sample))
    shares = {name: count / max(1, writing.messages) for name, count in writing.manners.items()}
    marks = (("calls", "感叹号"), ("asks", "问句"), ("emoji", "表情符号"))
    often = "、".join(text for name, text in marks if shares.get(name, 0.0) >= _SOME)
    return (
        f"{{{{char}}}}常在{places}上聊天。",
        f"{{{{char}}}}的消息每条大约{max(1, round(letters))}个字{f'，常用{often}' if often else ''}。",
        f"对方正在{places}上给{{{{char}}}}发消息。",
    )


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
