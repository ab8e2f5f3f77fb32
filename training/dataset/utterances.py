"""What was said in a chat as serving would have it in memory: whose words, and in which conversation."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from bot.message import Message, Place
from training.dataset.sessions import goes_on, sessions, silence
from training.store.chat_index import ChatIndex
from training.store.messages import ExportedMessage

# as the platforms show to a persona what has no words
MEDIA = {
    "image": "[picture]",
    "video": "[video]",
    "audio": "[audio]",
    "sticker": "[sticker]",
    "file": "[file]",
}
COMMAND = re.compile(r"[/!][A-Za-z]{2,}")
_LINK = re.compile(r"(?:https?://\S+|\[\w+(?: \d+)?\])")


class OptedOut(Protocol):
    """Whose words are never used, as (platform, author id)."""

    def __contains__(self, author: tuple[str, str]) -> bool: ...


@dataclass(frozen=True, slots=True)
class Utterance:
    """One message that stays: its conversation, and whether it is said to somebody who opted out."""

    said: ExportedMessage
    session: int
    to_nobody: bool = False

    @property
    def text(self) -> str:
        return self.said.text.strip()

    @property
    def fault(self) -> str:
        """Why these are no words of the persona to learn from, or nothing."""
        said = self.said
        if said.forwarded:
            return "forwarded"
        if not said.trained:
            return "not to be learned, says the data set"
        if not said.text.strip():
            return "without words"
        if self.to_nobody:
            return "said to somebody who opted out"
        return "nothing but links" if not _LINK.sub("", said.text).strip() else ""


@dataclass(frozen=True, slots=True)
class Burst:
    """Messages of the persona in a row, said as one: [start, end) of those of the chat."""

    start: int
    end: int
    messages: tuple[Utterance, ...]
    is_first: bool  # in its conversation

    @property
    def text(self) -> str:
        return "\n".join(heard.text for heard in self.messages)


def hear(chats: ChatIndex, place: Place, opted_out: OptedOut, left_out: Counter[str]) -> Iterator[Utterance]:
    """The messages of a chat that a persona there would have read, in order; the others are counted."""
    gap = silence(chats.times(place))
    silent, before = set[str](), ""
    for session, said in sessions(chats.messages(place), gap):
        if (said.platform, said.author) in opted_out:
            silent.add(said.id)
            before = said.id
            left_out["written by somebody who opted out"] += 1
        elif reason := noise(said):
            left_out[reason] += 1
        else:
            yield Utterance(said, session, bool(silent) and (said.reply_to or before) in silent)
            before = before if said.is_self else said.id


def noise(said: ExportedMessage) -> str:
    """Why a message is no part of the conversation at all, or nothing."""
    if said.kind == "notice":
        return "notices"
    if said.kind == "system":
        return "instructions of a data set"
    if said.is_self is None:
        return "by nobody known"
    if COMMAND.match(said.text):
        return "commands to bots"
    return "empty" if said.kind == "text" and not said.text.strip() else ""


def bursts(heard: Iterator[Utterance]) -> Iterator[Utterance | Burst]:
    """The same messages, in order, with those of the persona that belong together put together."""
    held, number, spoken = list[Utterance](), 0, -1
    for each in heard:
        if held and not _joins(held, each):
            yield _burst(held, number, spoken)
            spoken, held = held[-1].session, []
        if each.said.is_self and not each.fault:
            held.append(each)
        else:
            yield each
            spoken = each.session
        number += 1
    if held:
        yield _burst(held, number, spoken)


def _joins(held: list[Utterance], each: Utterance) -> bool:
    if not each.said.is_self or each.fault or each.session != held[-1].session:
        return False
    return goes_on(held[-1].said, each.said, (earlier.said for earlier in held))


def _burst(held: list[Utterance], end: int, spoken: int) -> Burst:
    return Burst(end - len(held), end, tuple(held), held[0].session != spoken)


def message(said: ExportedMessage, persona: str) -> Message:
    """What serving would have in memory of it: the persona's words are its own, and media have a name."""
    known = said.message()
    if said.is_self and said.text.strip():
        return replace(known, text=said.text.strip(), persona=persona)
    named = " ".join(filter(None, (MEDIA.get(said.kind, ""), said.text)))
    return replace(known, text=named or "[file]", persona=persona if said.is_self else None)
