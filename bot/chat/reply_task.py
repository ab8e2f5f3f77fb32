"""A reply in the making: its request, and the state that the place's worker and the reply pipeline share."""

import asyncio
from dataclasses import dataclass

from bot.chat.triggers import ReplyDecision
from bot.engine.interface import Generation
from bot.memory.queries.records import LastAnswer
from bot.message import Message, Place

LONGEST_SHARED = (
    2000  # bytes of messages that share a prompt with one that is answered: no tokenizer has more tokens
)


@dataclass(frozen=True, slots=True)
class PendingMessage:
    """A message that waits for a reply. Two processes died while a suspect was being answered.

    `debounce` is the least time of silence before the reply, in seconds.
    """

    message: Message
    decision: ReplyDecision
    is_suspect: bool = False
    debounce: float = 0.0


@dataclass(frozen=True, slots=True)
class BeamSearch:
    """A reply by beam search, as of the engine's `Request`; `max_tokens` None leaves it to the persona."""

    beams: int
    length_penalty: float = 1.0
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class ReplyRequest:
    """The messages that one persona answers in one reply; none where a command asks for the reply.

    `user` is the id of the one who typed that command.
    """

    persona: str
    rule: str
    messages: tuple[Message, ...] = ()
    replaces: LastAnswer | None = None
    user: str | None = None
    is_suspect: bool = False
    beam_search: BeamSearch | None = None  # None: the reply is drawn
    reads_on: bool = True  # the prompt may hold messages behind its own; not while suspects wait behind them

    @property
    def message_ids(self) -> tuple[str, ...]:
        return tuple(message.id for message in self.messages)

    @property
    def authors(self) -> frozenset[str]:
        """The ids of those who are answered: the authors of the messages, else the one who asked."""
        ids = {message.author.id for message in self.messages}
        return frozenset(ids or ({self.user} if self.user else ()))

    @property
    def replaced_id(self) -> str | None:
        """The id of the message that this reply is made instead of."""
        return self.replaces.message.id if self.replaces else None

    def readable(self, history: tuple[Message, ...]) -> tuple[Message, ...]:
        """Return the messages that the prompt may hold: never the replaced one.

        Of those behind the answered ones, as many as cannot push these out of the prompt.
        """
        kept = tuple(message for message in history if message.id != self.replaced_id)
        last = self.messages[-1].id if self.messages else None
        end = next((n for n, message in enumerate(kept, 1) if message.id == last), len(kept))
        room = LONGEST_SHARED if self.reads_on else -1
        for message in kept[end:]:
            room -= message.bytes
            if room < 0:
                break
            end += 1
        return kept[:end]


class ReplyTask:
    """The shared state of one reply.

    The worker starts the pipeline with a task when a burst begins, so that typing is shown at once. The
    worker hands the request over when the burst is over, may stop the reply, and asks whether a new message
    supersedes the reply. The pipeline waits for the request, attaches the generation that `stop` cancels,
    and marks the reply visible.
    """

    def __init__(self, place: Place, persona: str) -> None:
        self.place, self.persona = place, persona
        self._request: ReplyRequest | None = None
        self._handed_over = asyncio.Event()
        self._generation: Generation | None = None
        self._is_visible = self._is_stopped = self._is_superseded = False
        self._preview_id: str | None = None

    def hand_over(self, request: ReplyRequest) -> None:
        """Give the pipeline the messages that the reply answers."""
        self._request = request
        self._handed_over.set()

    async def request(self) -> ReplyRequest:
        """Return the request as soon as the burst is over."""
        await self._handed_over.wait()
        assert self._request
        return self._request

    def gives_way_to(self, pending: PendingMessage) -> bool:
        """Return True where a message supersedes this reply: by its only author, while nothing is visible."""
        request = self._request
        if not request or not request.messages or request.is_suspect or self._has_ended_or_shows:
            return False
        return request.authors == {pending.message.author.id} and request.persona == pending.decision.persona

    def gives_way_to_edit(self, message_id: str) -> bool:
        """Return True where an edit of a message that is being answered supersedes this reply."""
        request = self._request
        if not request or request.is_suspect or self._has_ended_or_shows:
            return False
        return message_id in request.message_ids

    @property
    def _has_ended_or_shows(self) -> bool:
        return self._is_visible or self._is_stopped or self._is_superseded

    @property
    def authors(self) -> frozenset[str]:
        """The ids of those who are answered; none before the request is known."""
        return self._request.authors if self._request else frozenset()

    def mark_superseded(self) -> None:
        """Note that the reply is cancelled for a newer message; the next message does not cancel it again."""
        self._is_superseded = True

    def begin_notice(self) -> None:
        """Note that memory is about to store a notice, which nothing supersedes: nobody would send it.

        Raises `asyncio.CancelledError` where a newer message has superseded the reply already.
        """
        if self._is_superseded:
            raise asyncio.CancelledError
        self.mark_visible()

    def stop(self) -> None:
        """End the reply with the text generated so far."""
        self._is_stopped = True
        if self._generation:
            self._generation.cancel()

    @property
    def is_stopped(self) -> bool:
        return self._is_stopped

    def attach(self, generation: Generation) -> None:
        """Let `stop` cancel this generation; cancel the generation now where the reply was stopped before."""
        self._generation = generation
        if self._is_stopped:
            generation.cancel()

    def mark_visible(self) -> None:
        """Note that people may see the reply, or that memory stores it: no message supersedes it now."""
        self._is_visible = True

    @property
    def is_visible(self) -> bool:
        return self._is_visible

    def note_preview(self, sent_id: str | None) -> None:
        """Note the platform's id of the message in which the growing reply was shown, where one stays."""
        self._preview_id = sent_id

    def orphaned_preview(self, sent_ids: set[str | None]) -> tuple[str, ...]:
        """Return the id of the preview's message, where no part is sent in that message."""
        return (self._preview_id,) if self._preview_id and self._preview_id not in sent_ids else ()
