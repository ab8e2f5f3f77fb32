"""Utterances: the messages of a chat that serving would have in memory, in their conversations."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from bot.message import Message, Place
from training.dataset.sessions import continues_burst, number_sessions, session_gap
from training.store.chat_index import ChatIndex
from training.store.messages import ExportedMessage
from training.store.roles import USER_NAME, is_role

# the platforms show these words to a persona for a message without words
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
    """People whose words are never used, as (platform, author id)."""

    def __contains__(self, author: tuple[str, str]) -> bool: ...


@dataclass(frozen=True, slots=True)
class Utterance:
    """A message that a persona in the chat would have read.

    `session` is the number of its conversation in the chat, from 0. `offset` is the byte at which its line
    begins in the file. `untrainable_reason` says why words of the persona are not learned, or is empty.
    """

    message: ExportedMessage
    session: int
    offset: int
    untrainable_reason: str

    @property
    def text(self) -> str:
        return self.message.text.strip()

    @property
    def is_trainable(self) -> bool:
        """True for the persona's words, if no reason speaks against learning them."""
        return bool(self.message.is_self) and not self.untrainable_reason


@dataclass(frozen=True, slots=True)
class Burst:
    """Messages in a row that the persona wrote as one answer."""

    utterances: tuple[Utterance, ...]
    is_first: bool  # in its conversation

    @property
    def opens(self) -> bool:
        """True if the burst begins a conversation instead of answering a message."""
        return self.is_first and self.utterances[0].message.reply_to is None

    @property
    def text(self) -> str:
        return "\n".join(utterance.text for utterance in self.utterances)


def find_utterances(
    chats: ChatIndex, place: Place, opted_out: OptedOut, left_out: Counter[str]
) -> Iterator[Utterance]:
    """Yield the utterances of a chat, oldest first; count all other messages by reason in `left_out`."""
    offsets = chats.offsets(place)
    numbered = number_sessions(map(chats.read_at, offsets), session_gap(chats.times(place)))
    has_system = False
    silent, before = set[str](), ""  # ids of messages by people who opted out; the last message of others
    for offset, (session, message) in zip(offsets, numbered, strict=True):
        if (message.platform, message.author) in opted_out:
            silent.add(message.id)
            before = message.id
            left_out["written by somebody who opted out"] += 1
        elif message.kind == "system" and not has_system:
            has_system = True  # `ChatIndex.system_text` gives it to every prompt of the dialogue
        elif reason := exclusion_reason(message):
            left_out[reason] += 1
        else:
            to_opted_out = bool(silent) and (message.reply_to or before) in silent
            reason = _untrainable_reason(message, to_opted_out) if message.is_self else ""
            yield Utterance(message, session, offset, reason)
            before = before if message.is_self else message.id


def exclusion_reason(message: ExportedMessage) -> str:
    """Return the reason why a message is no part of the conversation, or an empty string."""
    if message.kind == "notice":
        return "notices"
    if message.kind == "system":
        return "instructions in the middle of a dialogue"
    if message.kind == "document":
        return "texts for the stage of facts"
    if message.is_self is None:
        return "by nobody known"
    if COMMAND.match(message.text):
        return "commands to bots"
    return "empty" if message.kind == "text" and not message.text.strip() else ""


def _untrainable_reason(message: ExportedMessage, to_opted_out: bool) -> str:
    if message.forwarded:
        return "forwarded"
    if not message.trained:
        return "not to be learned, says the data set"
    if not message.text.strip():
        return "without words"
    if to_opted_out:
        return "said to somebody who opted out"
    return "nothing but links" if not _LINK.sub("", message.text).strip() else ""


def group_bursts(utterances: Iterable[Utterance]) -> Iterator[Utterance | Burst]:
    """Yield all utterances in order; those of the persona that belong together come as one burst."""
    burst, last_session = list[Utterance](), -1
    for utterance in utterances:
        if burst and not _joins(burst, utterance):
            yield Burst(tuple(burst), burst[0].session != last_session)
            last_session, burst = burst[-1].session, []
        if utterance.is_trainable:
            burst.append(utterance)
        else:
            yield utterance
            last_session = utterance.session
    if burst:
        yield Burst(tuple(burst), burst[0].session != last_session)


def _joins(burst: list[Utterance], utterance: Utterance) -> bool:
    if not utterance.is_trainable or utterance.session != burst[-1].session:
        return False
    return continues_burst(burst[-1].message, utterance.message, (earlier.message for earlier in burst))


def serving_message(message: ExportedMessage, persona: str) -> Message:
    """Return the message as serving has it in memory: marked as the persona's own, media by their name.

    The user of a data set's dialogue is nobody by name: it has the name that serving gives whoever talks.
    """
    served = message.to_message()
    if is_role(message.platform, message.author) and not message.is_self:
        author = replace(served.author, name=USER_NAME)
        return replace(served, author=author, text=served.text.strip(), persona=None)
    if message.is_self and message.text.strip():
        return replace(served, text=message.text.strip(), persona=persona)
    named = " ".join(filter(None, (MEDIA.get(message.kind, ""), message.text)))
    return replace(served, text=named or "[file]", persona=persona if message.is_self else None)
