"""Intake: a message is stored, judged, and ignored, refused or handed to the worker of its place."""

from collections import defaultdict
from collections.abc import Sequence

from bot.chat.reply_task import PendingMessage
from bot.chat.resources import ChatResources
from bot.chat.trigger_context import read_trigger_context
from bot.chat.triggers import NOT_ADDRESSED, decide_reply
from bot.chat.worker_pool import WorkerPool
from bot.errors import UserError
from bot.memory.queries.inbox import MAX_ATTEMPTS, SUSPECT_ATTEMPTS
from bot.message import Message, Place
from bot.persona.persona import NoticeKind
from bot.text.cut_text import is_cut

BUSY = "Too much is being said here at once: what comes now is not answered. Say it again in a moment."
EXHAUSTED = "This message has failed three times and is given up; say it in other words."
UNREAD = "Pictures, files and recordings are not read here, only their names: say in words what matters."
CUT = "A message that is too long is read here only up to where it fits: send the rest in parts."
LATE = "This was said long ago, while nobody was here to answer: say it again."


class Intake:
    """Takes messages and moves from platforms, and unfinished work from memory."""

    def __init__(self, resources: ChatResources, workers: WorkerPool) -> None:
        self._resources, self._memory, self._workers = resources, resources.memory, workers

    async def receive(self, message: Message, debounce: float = 0.0) -> bool:
        """Store a message, then ignore, refuse or queue it; False for a message that was stored before."""
        if not await self._memory.accept(message):
            return False
        if self._is_late(message):
            await self._memory.ignore(message.place, message.id, "said too long ago")
        else:
            await self._decide(message, debounce=debounce)
        return True

    async def edit(self, message: Message, *, is_seen: bool = True) -> None:
        """Store a message's new text.

        A message that was not addressed is judged again, also if only a mention changed, which is no text.
        A message that waits for its answer, or whose answer nobody sees yet, counts as just said. Where the
        platform hides messages (not `is_seen`), an unknown one that is addressed now is new.
        """
        if not is_seen and message.address and not await self._memory.find(message.place, message.id):
            await self.receive(message)
            return
        if await self._memory.edit(message.place, message.id, message.text):
            self._workers.note_edit(message.place, message.id)
        ignored_by = await self._memory.ignored_by(message.place, message.id)
        if ignored_by == NOT_ADDRESSED and not self._is_late(message):
            await self._decide(message, is_edit=True)

    async def record(self, notice: Message, kind: NoticeKind) -> None:
        """Store a notice without an answer, where the persona that it concerns reads its kind.

        A reaction concerns the persona whose words it is to, any other notice the place's own persona.
        """
        resources = self._resources
        try:
            context = await read_trigger_context(notice, self._memory, resources.cast, resources.settings)
        except UserError:  # the place's persona is gone
            return
        key = context.replied if kind == "reactions" else context.resident
        persona = resources.cast.personas.get(key or "")
        if persona and kind in persona.notices:
            await self._memory.record(notice, "a notice")

    async def move(self, old: Place, new: Place) -> None:
        """Move history and waiting messages to another place; only while no reply is made in `old`."""
        await self._memory.move(old, new)
        self._workers.move(old, new)

    async def recover(self, platform: str, account: str) -> None:
        """Queue the parts and messages that an earlier process left unsent and unanswered.

        One death tells nothing about a message, so that all go on together; those that two processes died
        with are suspects. Messages that are too old, or that were tried too often, are given up with one
        notice for each place and reason.
        """
        self._workers.enqueue_outgoing(await self._memory.unsent(platform, account))
        hopeless: dict[tuple[Place, str], list[Message]] = defaultdict(list)
        for message in await self._memory.pending(platform, account):
            attempts = await self._memory.attempts(message.place, message.id)
            if reason := LATE if self._is_late(message) else EXHAUSTED if attempts >= MAX_ATTEMPTS else None:
                hopeless[message.place, reason].append(message)
            else:
                await self._decide(message, is_suspect=attempts >= SUSPECT_ATTEMPTS)
        for (place, reason), messages in hopeless.items():
            await self._give_up(place, messages, reason, reason)

    def _is_late(self, message: Message) -> bool:
        return self._resources.clock() - message.time > self._resources.settings.oldest

    async def _decide(
        self, message: Message, *, is_suspect: bool = False, is_edit: bool = False, debounce: float = 0.0
    ) -> None:
        """Ignore, refuse or queue a stored message; give it up where its place's persona is gone."""
        resources, place = self._resources, message.place
        try:
            context = await read_trigger_context(message, self._memory, resources.cast, resources.settings)
            decision = decide_reply(message, resources.cast.personas, context)
        except UserError as error:
            worker = self._workers.worker(place)  # held until it has the notice, so that it is said once
            notice = resources.notice(place, error) if worker.note_refusal() else None
            await self._give_up(place, [message], str(error), notice)
            return
        if not decision.answer:
            await self._memory.ignore(place, message.id, decision.rule)
            return
        if is_edit and not await self._memory.reopen(message):
            return
        if message.unread and not message.author.is_bot:
            notice = CUT if is_cut(message.text) else UNREAD
            self._workers.enqueue_outgoing(await self._memory.tell_unread(message, notice))
        worker = self._workers.worker(place)
        if worker.has_room(message.author.id, resources.settings.waiting):
            debounce = max(debounce, resources.settings.bot_debounce if message.author.is_bot else 0.0)
            worker.enqueue_message(PendingMessage(message, decision, is_suspect, debounce))
        else:  # said once, until there is room again
            await self._give_up(place, [message], BUSY, BUSY if worker.note_refusal() else None)

    async def _give_up(
        self, place: Place, messages: Sequence[Message], reason: str, notice: str | None
    ) -> None:
        message_ids = [message.id for message in messages]
        self._workers.enqueue_outgoing(await self._memory.give_up(place, message_ids, reason, notice))
