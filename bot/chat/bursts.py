"""The burst that one reply answers: chosen from the messages that wait in a place."""

from collections.abc import Callable, Iterator, Sequence
from itertools import dropwhile

from bot.chat.reply_task import LONGEST_SHARED, PendingMessage, ReplyRequest


def waiting_authors(pending: Sequence[PendingMessage]) -> list[str]:
    """Return the ids of those who wait for a reply, in order."""
    return list(dict.fromkeys(each.message.author.id for each in pending))


def persona_for(pending: Sequence[PendingMessage], author: str) -> str:
    """Return the key of the persona that the author's oldest waiting message is to."""
    return next(each.decision.persona for each in pending if each.message.author.id == author)


def choose_burst(
    pending: Sequence[PendingMessage], author: str, is_free: Callable[[str], bool]
) -> list[PendingMessage]:
    """Return the author's oldest waiting message, and those behind it that the same reply can answer.

    `is_free` returns whether a person has a turn: who has none joins no burst of others.
    """
    from_first = dropwhile(lambda each: each.message.author.id != author, pending)
    served = [each for each in from_first if (by := each.message.author.id) == author or is_free(by)]
    return [*_joining(served)]


def _joining(pending: Sequence[PendingMessage]) -> Iterator[PendingMessage]:
    """Yield the first message and those to the same persona behind it; a suspect is alone.

    Messages of several people join while they are short: none shall push another out of the prompt.
    """
    authors, size = set[str](), 0
    for each in pending:
        authors.add(each.message.author.id)
        size += each.message.bytes
        if each is not pending[0] and _is_apart(pending[0], each):
            return
        if len(authors) > 1 and size > LONGEST_SHARED:
            return
        yield each


def _is_apart(first: PendingMessage, later: PendingMessage) -> bool:
    return first.is_suspect or later.is_suspect or later.decision.persona != first.decision.persona


def burst_request(burst: Sequence[PendingMessage], left: Sequence[PendingMessage]) -> ReplyRequest:
    """Return the request for one reply to a burst; `left` are the messages that go on waiting."""
    first = burst[0]
    return ReplyRequest(
        first.decision.persona,
        first.decision.rule,
        tuple(pending.message for pending in burst),
        is_suspect=first.is_suspect,
        reads_on=not (first.is_suspect or any(pending.is_suspect for pending in left)),
    )
