"""What there is to be learned: every stretch of the persona's own words, with its task, from all chats."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

from bot.message import Place
from training.dataset.duplicates import NO_SIGNATURE, Signature, normal, signature
from training.dataset.utterances import Burst, OptedOut, Utterance, bursts, hear
from training.store.chat_index import ChatIndex
from training.store.messages import ExportedMessage

Task = Literal["answer", "opening", "post", "thread", "reply", "unknown parent"]
Measure = Callable[[str], int]
COPYABLE = 24  # bytes of a text's normal form from which on it is too long to be said twice by chance
PASTED = 200  # bytes from which on words that somebody else also wrote are taken for a paste


@dataclass(slots=True)
class Target:
    """Messages [start:end) of a chat, said as one.

    `mark` is of the normal form of the words, which has `size` bytes; `session` is unique among all chats.
    """

    place: int
    start: int
    end: int
    session: int
    time: float
    task: Task
    mark: int
    size: int
    signature: Signature
    pastes: tuple[int, ...]  # marks of its long messages
    tokens: int  # of the conversation as far as its end


@dataclass(slots=True)
class FoundTargets:
    """All targets, in the order of chats, what was left out by reason, and marks of what others wrote."""

    targets: list[Target]
    left_out: Counter[str]
    pasted: set[int]


def find_targets(chats: ChatIndex, opted_out: OptedOut, measure: Measure) -> FoundTargets:
    """Go through all chats once; `measure` counts the tokens of a text."""
    found, sessions = FoundTargets([], Counter(), set()), 0
    for number, place in enumerate(chats.places):
        heard = _watch(hear(chats, place, opted_out, found.left_out), found)
        posts = chats.kind(place) in ("timeline", "channel")
        known = (
            _posts(number, place, chats, heard, measure)
            if posts
            else _talk(number, place, chats, heard, measure)
        )
        top = sessions
        for target in known:
            target.session += sessions
            top = max(top, target.session + 1)
            found.targets.append(target)
        sessions = top
    return found


def _watch(heard: Iterable[Utterance], found: FoundTargets) -> Iterator[Utterance]:
    """Count what cannot be learned, and note the long texts of others, on the way."""
    for each in heard:
        if not each.said.is_self:
            found.pasted.update(_pastes((each,)))
        elif each.fault:
            found.left_out[each.fault] += 1
        yield each


def _talk(
    number: int, place: Place, chats: ChatIndex, heard: Iterator[Utterance], measure: Measure
) -> Iterator[Target]:
    alone, session, tokens = not chats.has_others(place), -1, 0
    for each in bursts(heard):
        first = each.messages[0] if isinstance(each, Burst) else each
        tokens = (tokens if first.session == session else 0) + measure(each.text)
        session = first.session
        if isinstance(each, Burst):
            opens = each.is_first and first.said.reply_to is None
            task: Task = "unknown parent" if alone else "opening" if opens else "answer"
            yield _target(number, each.start, each.messages, session, task, tokens)


def _posts(
    number: int, place: Place, chats: ChatIndex, heard: Iterator[Utterance], measure: Measure
) -> Iterator[Target]:
    """Each post by itself. A thread is a conversation, known by its first post."""
    roots = dict[str, int]()
    for at, each in enumerate(heard):
        said = each.said
        parent = parent_of(said)
        known = chats.find(place, parent) if parent else None
        roots[said.id] = roots.get(parent or "", at)
        if said.is_self and not each.fault:
            task: Task = "post" if parent is None else "unknown parent" if known is None else "reply"
            if known is not None and known.is_self:
                task = "thread"
            yield _target(number, at, (each,), roots[said.id], task, measure(each.text))


def parent_of(said: ExportedMessage) -> str | None:
    """The post that a post answers, or comments on by quoting it."""
    return said.reply_to or said.quote


def _target(
    place: int, start: int, said: Sequence[Utterance], session: int, task: Task, tokens: int
) -> Target:
    words = normal("\n".join(heard.text for heard in said))
    size = len(words.encode())
    return Target(
        place,
        start,
        start + len(said),
        session,
        said[0].said.time,
        task,
        text_hash(words),
        size,
        signature(words) if size >= COPYABLE else NO_SIGNATURE,
        tuple(_pastes(said)) if size >= PASTED else (),
        tokens,
    )


def _pastes(said: Iterable[Utterance]) -> Iterator[int]:
    for heard in said:
        words = normal(heard.text)
        if len(words.encode()) >= PASTED:
            yield text_hash(words)


def text_hash(words: str) -> int:
    """A number of 64 bits for a text."""
    return int.from_bytes(blake2b(words.encode("utf-8", "replace"), digest_size=8).digest(), "little")
