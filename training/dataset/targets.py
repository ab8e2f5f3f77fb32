"""Targets: all stretches of the persona's own words that may be learned, each with its task."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

from bot.message import Place
from training.dataset.details import details_of
from training.dataset.duplicates import NO_SIGNATURE, Signature, minhash, normal_form
from training.dataset.transcript import Transcript
from training.dataset.utterances import Burst, OptedOut, Utterance, find_utterances, group_bursts
from training.store.chat_index import ChatIndex
from training.store.messages import ExportedMessage

Task = Literal["answer", "opening", "post", "thread", "reply", "unknown parent"]
CountTokens = Callable[[str], int]
ASKED = 8  # messages before an answer that are its question, at most
COPYABLE = 24  # bytes of a text's normal form from which on it is too long to be said twice by chance
PASTED = 200  # bytes from which on words that somebody else also wrote are taken for a paste


@dataclass(slots=True)
class Target:
    """Messages of a chat that the persona wrote as one.

    `place` is the number of the chat, `ids` are the ids of its messages, which are unique within the chat,
    and `time` is the first one's, in Unix seconds. `session` is unique among all chats. `text_hash` is of the
    words' normal form, which has `size` bytes, and their details; `details` and `question` are hashes of the
    details alone, and of the messages that are answered, or a post's parent. `pastes` are the hashes of long
    messages. `tokens` counts the conversation as far as the end of the target.
    """

    place: int
    ids: tuple[str, ...]
    session: int
    time: float
    task: Task
    text_hash: int
    details: int
    question: int
    size: int
    signature: Signature
    pastes: tuple[int, ...]
    tokens: int


@dataclass(slots=True)
class FoundTargets:
    """All targets in the order of chats, and within a chat oldest first.

    `left_out` counts other messages by reason. `pasted` are hashes of long texts that others wrote.
    `transcripts` hold the chats of people who talk with the persona and have targets; in all other chats
    (posts, and exports of one side) each target is learned by itself.
    """

    targets: list[Target] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    pasted: set[int] = field(default_factory=set)
    transcripts: dict[Place, Transcript] = field(default_factory=dict)


def find_targets(chats: ChatIndex, opted_out: OptedOut, count_tokens: CountTokens) -> FoundTargets:
    """Read all messages once, and find the utterances, bursts and targets in them."""
    found, sessions = FoundTargets(), 0
    for number, place in enumerate(chats.places):
        first, next_session = len(found.targets), sessions
        for target in _find_in_chat(number, place, chats, opted_out, count_tokens, found):
            target.session += sessions
            next_session = max(next_session, target.session + 1)
            found.targets.append(target)
        if len(found.targets) == first:
            found.transcripts.pop(place, None)
        sessions = next_session
    return found


def _find_in_chat(
    number: int,
    place: Place,
    chats: ChatIndex,
    opted_out: OptedOut,
    count_tokens: CountTokens,
    found: FoundTargets,
) -> Iterator[Target]:
    utterances = _observe(find_utterances(chats, place, opted_out, found.left_out), found)
    if chats.is_posts(place):
        return _find_posts(number, place, chats, utterances, count_tokens)
    turns, frame = group_bursts(utterances), count_tokens(chats.system_text(place))
    if not chats.has_others(place):
        return _find_bursts(number, turns, count_tokens, frame, "unknown parent")
    transcript = found.transcripts[place] = Transcript()
    return _find_bursts(number, transcript.record(turns), count_tokens, frame)


def _observe(utterances: Iterable[Utterance], found: FoundTargets) -> Iterator[Utterance]:
    """Pass utterances on; count those of the persona that are not learned, and hash long texts of others."""
    for utterance in utterances:
        if not utterance.message.is_self:
            found.pasted.update(_paste_hashes((utterance,)))
        elif utterance.untrainable_reason:
            found.left_out[utterance.untrainable_reason] += 1
        yield utterance


def _find_bursts(
    number: int,
    turns: Iterable[Utterance | Burst],
    count_tokens: CountTokens,
    frame: int,
    task: Task | None = None,
) -> Iterator[Target]:
    """Yield the bursts of a chat; `task` is theirs where only the persona speaks.

    `frame` counts the tokens of a system text before each conversation.
    """
    session, tokens, asked = -1, 0, deque[str](maxlen=ASKED)
    for turn in turns:
        first = turn.utterances[0] if isinstance(turn, Burst) else turn
        if first.session != session:
            tokens, session = frame, first.session
            asked.clear()
        tokens += count_tokens(turn.text)
        if isinstance(turn, Burst):
            own_task: Task = task or ("opening" if turn.opens else "answer")
            yield _target(number, turn.utterances, session, own_task, tokens, "\n".join(asked))
            asked.clear()
        elif not turn.message.is_self:
            asked.append(turn.text)


def _find_posts(
    number: int, place: Place, chats: ChatIndex, utterances: Iterable[Utterance], count_tokens: CountTokens
) -> Iterator[Target]:
    """Yield each post by itself. A thread is a conversation, numbered by its first post."""
    threads = dict[str, int]()
    for at, utterance in enumerate(utterances):
        message = utterance.message
        parent_id = parent_of(message)
        parent = chats.find(place, parent_id) if parent_id else None
        threads[message.id] = threads.get(parent_id or "", at)
        if utterance.is_trainable:
            task: Task = "post" if parent_id is None else "unknown parent" if parent is None else "reply"
            if parent is not None and parent.is_self:
                task = "thread"
            tokens = count_tokens(utterance.text)
            yield _target(number, (utterance,), threads[message.id], task, tokens, parent_id or "")


def parent_of(message: ExportedMessage) -> str | None:
    """Return the id of the post that a post answers, or comments on by quoting it."""
    return message.reply_to or message.quote


def _target(
    place: int, utterances: Sequence[Utterance], session: int, task: Task, tokens: int, asked: str
) -> Target:
    text = "\n".join(utterance.text for utterance in utterances)
    words = normal_form(text)
    size = len(words.encode())
    is_long = size >= COPYABLE  # short answers are never compared
    details = details_of(text) if is_long else ""
    return Target(
        place=place,
        ids=tuple(utterance.message.id for utterance in utterances),
        session=session,
        time=utterances[0].message.time,
        task=task,
        text_hash=hash_text(f"{words}\0{details}"),
        details=hash_text(details),
        question=hash_text(f"{normal_form(asked)}\0{details_of(asked)}") if is_long else 0,
        size=size,
        signature=minhash(words) if is_long else NO_SIGNATURE,
        pastes=tuple(_paste_hashes(utterances)) if size >= PASTED else (),
        tokens=tokens,
    )


def _paste_hashes(utterances: Iterable[Utterance]) -> Iterator[int]:
    for utterance in utterances:
        words = normal_form(utterance.text)
        if len(words.encode()) >= PASTED:
            yield hash_text(words)


def hash_text(words: str) -> int:
    """Return 64 bits of a text's BLAKE2b hash."""
    return int.from_bytes(blake2b(words.encode("utf-8", "replace"), digest_size=8).digest(), "little")
