"""The reply pipeline: context -> generate -> store -> deliver, readable in `ReplyPipeline._reply`.

Each step returns a frozen value that the next step takes. A new step is one line:
- a lorebook or retrieval: after `_read_context`, a line that returns a ReplyContext with more messages in its
  history (text that is no message also needs a parameter of `build_prompt`, which training calls too);
- a change of text: an entry of `TEXT_STEPS` (text_steps.py), which preview and stored reply both go through;
- a moderation hook: after `generate`, a line that returns another GeneratedReply, or raises `UserError`;
- a row of buttons on the last part: after `_store`, a line that returns the parts with the last one changed.
"""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager, nullcontext

from bot.chat.delivery import deliver, split_reply
from bot.chat.reply_task import ReplyRequest, ReplyTask
from bot.chat.resources import ChatResources
from bot.chat.responder import GeneratedReply, ReplyContext, Responder
from bot.chat.scoped_sampling import sampling_in_place, seed_in_place, with_max_tokens
from bot.chat.worker_pool import WorkerPool
from bot.errors import RestartNeeded, UserError
from bot.memory.queries.records import Outgoing
from bot.message import Author, Message, Place
from bot.persona.persona import Persona
from bot.prompt.builder import Prompt
from bot.prompt.truncation import MAX_CHARACTERS_PER_TOKEN, MAX_HISTORY_MESSAGES
from bot.prompt.turns import missing_parents

log = logging.getLogger(__name__)

_TYPING, _LONGEST_PAUSE = 0.03, 2.0  # seconds a character, and at most, before the next message of a burst
_FAILED = "Something went wrong here; the log says what."


class ReplyPipeline:
    """Makes replies, stores them in memory and sends their parts."""

    def __init__(self, resources: ChatResources, responder: Responder, workers: WorkerPool) -> None:
        self._resources, self._memory = resources, resources.memory
        self._responder, self._workers = responder, workers
        self._suspects = asyncio.Lock()  # one suspect at a time, in all places together

    async def process(self, work: ReplyTask | Outgoing) -> None:
        """Send an unsent part, or make a reply and show typing until its last part is sent.

        A cancelled reply is withdrawn: memory does not count it as an attempt at its messages.
        """
        if isinstance(work, Outgoing):
            await self._send(work)
            return
        async with self._typing(work):
            request = await work.request()
            try:
                await self._reply_or_give_up(work, request)
            except asyncio.CancelledError:
                await self._memory.withdraw(work.place, request.message_ids)
                raise

    async def preview(self, place: Place, persona: Persona, history: tuple[Message, ...] | None) -> Prompt:
        """Return the prompt of a reply to the last message of a history; None: of the place's own.

        Nothing is stored, and nobody is answered.
        """
        request = ReplyRequest(persona.key, "preview")
        if history is None:
            persona = await sampling_in_place(self._memory, place, persona)
            newest = await self._memory.history(place, limit=1)
            return await self._responder.preview(
                await self._context(place, persona, request, _answered(newest))
            )
        read = ReplyContext(place, persona, request, _answered(history), history, False, {}, ())
        return await self._responder.preview(read)

    def _typing(self, task: ReplyTask) -> AbstractAsyncContextManager[None]:
        persona = self._resources.cast.personas.get(task.persona)
        return self._resources.outlet(task.place).typing(task.place, persona) if persona else nullcontext()

    async def _reply_or_give_up(self, task: ReplyTask, request: ReplyRequest) -> None:
        """Reply; every error becomes a notice to people here, and nowhere else.

        Messages that the next process can answer are left to it. Their attempt counts, should one of them be
        what the device cannot compute.
        """
        try:
            await self._reply(task, request)
        except RestartNeeded as error:
            if not request.messages:
                await self._give_up(task, request, str(error), self._resources.notice(task.place, error))
        except UserError as error:
            await self._give_up(task, request, str(error), self._resources.notice(task.place, error))
        except Exception:
            log.exception("reply_failed", extra={"place": str(task.place)})
            await self._give_up(task, request, _FAILED, _FAILED)

    async def _reply(self, task: ReplyTask, request: ReplyRequest) -> None:
        """Take one reply through all steps; a reply whose messages were all deleted ends after the first."""
        async with self._suspects if request.is_suspect else nullcontext():
            context = await self._read_context(task.place, request)
            if context is None:
                return
            reply = await self._responder.generate(context, task)
            task.mark_visible()
            parts = await self._store(context, reply)
        await self._deliver(context, task, parts)

    async def _read_context(self, place: Place, request: ReplyRequest) -> ReplyContext | None:
        """Count an attempt at the messages and read the history; None where no message wants a reply."""
        memory = self._memory
        persona = await sampling_in_place(memory, place, self._resources.cast.find(request.persona))
        if request.beam_search and request.beam_search.max_tokens:
            persona = with_max_tokens(persona, request.beam_search.max_tokens)
        wanted: tuple[str, ...] = ()
        if request.messages:
            wanted = await memory.begin(place, request.message_ids, request.persona, request.rule)
            if not wanted:
                return None
        return await self._context(place, persona, request, wanted)

    async def _context(
        self, place: Place, persona: Persona, request: ReplyRequest, wanted: tuple[str, ...]
    ) -> ReplyContext:
        """Read the history, as far as a prompt can hold it."""
        memory, replaced = self._memory, request.replaced_id
        budget = await self._responder.prompt_budget(persona)
        newest = await memory.history(
            place, limit=MAX_HISTORY_MESSAGES, characters=budget * MAX_CHARACTERS_PER_TOKEN
        )
        history = request.readable(newest)
        return ReplyContext(
            place,
            persona,
            request,
            wanted,
            history,
            is_cut=await memory.is_cut(place),
            parents=await memory.parents(place, missing_parents(history, wanted[-1] if wanted else None)),
            stale_ids=await memory.sent_of(place, replaced) if replaced else (),
            seed=await seed_in_place(memory, place, replaced),
        )

    async def _store(self, context: ReplyContext, reply: GeneratedReply) -> tuple[Outgoing, ...]:
        """Store the reply and its parts in one transaction; return the parts to be sent."""
        return await self._memory.finish(
            context.place,
            context.message_ids,
            [self._message(context.place, context.persona, reply.text, context.reply_to)],
            split_reply(self._resources.outlet(context.place), context.place, context.persona, reply.text),
            read=reply.prompt.read,
            window=reply.prompt.first,
            why=reply.why,
            replaces=context.request.replaced_id,
        )

    async def _deliver(self, context: ReplyContext, task: ReplyTask, parts: tuple[Outgoing, ...]) -> None:
        """Send the parts, then remove the messages of a replaced reply and a preview that no part went to."""
        for outgoing in parts:
            if outgoing.part and context.persona.bursts:
                await asyncio.sleep(min(_LONGEST_PAUSE, _TYPING * len(outgoing.text)))
            await self._send(outgoing)
        orphaned = task.orphaned_preview({outgoing.sent_id for outgoing in parts})
        await self._resources.outlet(context.place).remove(context.place, (*context.stale_ids, *orphaned))

    async def _send(self, outgoing: Outgoing) -> None:
        """Send a part, however long that takes; no other part of its place goes before it.

        Where memory cannot note the sending, the part is left for the next process.
        """
        persona = self._resources.cast.personas.get(outgoing.persona or "")
        outlet = self._resources.outlet(outgoing.place)
        try:
            place = await deliver(self._memory, outlet, outgoing, persona)
        except UserError as error:
            log.error("send_not_noted", extra={"place": str(outgoing.place), "reason": str(error)})
            return
        if place != outgoing.place:
            self._workers.move(outgoing.place, place)

    async def _give_up(self, task: ReplyTask, request: ReplyRequest, reason: str, notice: str) -> None:
        """Give up the request's messages, with a notice to people in place of the reply."""
        task.begin_notice()
        place = task.place
        notices = await self._memory.give_up(place, request.message_ids, reason, notice)
        self._workers.enqueue_outgoing(notices)
        if orphaned := task.orphaned_preview({outgoing.sent_id for outgoing in notices}):
            await self._resources.outlet(place).remove(place, orphaned)
        if not request.messages:
            unstored = Outgoing("", place, 0, notice, "queued", 0, reply_to=None, persona=None)
            self._workers.enqueue_outgoing([unstored])

    async def say(
        self,
        place: Place,
        persona: Persona,
        text: str,
        why: dict[str, object],
        *,
        read: str | None = None,
        replaces: str | None = None,
    ) -> None:
        """Store and send a text that no model generated, and remove the messages that it replaces.

        A text that shows nothing, a greeting whose macros are empty, is left out.
        """
        outlet, message = self._resources.outlet(place), self._message(place, persona, text, None)
        stale_ids = await self._memory.sent_of(place, replaces) if replaces else ()
        parts = split_reply(outlet, place, persona, text)
        if not parts:
            log.info("nothing_to_say", extra={"place": str(place), "persona": persona.key})
            return
        self._workers.enqueue_outgoing(
            await self._memory.finish(
                place, [], [message], parts, read=read, window=None, why=why, replaces=replaces
            )
        )
        await self._workers.worker(place).wait_sent()
        await outlet.remove(place, stale_ids)

    def _message(self, place: Place, persona: Persona, text: str, reply_to: str | None) -> Message:
        author = Author(f"persona:{persona.key}", persona.name, is_bot=True)
        own_id = f"alterego-{self._resources.random.getrandbits(64):016x}"
        time = self._resources.clock()
        return Message(place, own_id, author, text, time, reply_to=reply_to, persona=persona.key)


def _answered(history: tuple[Message, ...]) -> tuple[str, ...]:
    """Return the id of the last message, which a reply answers; none where a persona said it."""
    return tuple(message.id for message in history[-1:] if message.persona is None)
