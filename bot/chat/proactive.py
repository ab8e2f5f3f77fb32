"""Replies that no message asks for: greetings, another reply, a continued reply, a given text."""

from bot.chat.chat import Chat
from bot.chat.reply_task import ReplyRequest
from bot.errors import UserError
from bot.memory.queries.records import NAMED, LastAnswer
from bot.memory.store import Memory
from bot.message import Author, Place
from bot.persona.macros import expand_macros
from bot.persona.persona import Persona
from bot.prompt.speaker_labels import speaker_label
from bot.text.visibility import is_visible


async def greet(chat: Chat, memory: Memory, place: Place, user: Author, *, group: bool = False) -> None:
    """Send the greeting of the place's persona, where nothing has been said yet."""
    persona = await chat.resident(place)
    greetings = _greetings(persona, user, place, chat.clock(), group=group)
    if greetings and not await memory.history(place, limit=1):
        await chat.say(place, persona, greetings[0], {"rule": "greeting", NAMED: user.id})


async def regenerate(chat: Chat, memory: Memory, place: Place, user: Author) -> None:
    """Replace the last reply by another one, or the greeting by the card's next."""
    last, persona = await _last_answer(chat, memory, place, "be given again")
    if last.read is None:
        await _send_next_greeting(chat, place, persona, user, last)
    else:
        await _reply(chat, place, ReplyRequest(persona.key, "asked again", replaces=last, user=user.id))


async def continue_reply(chat: Chat, memory: Memory, place: Place, user: Author) -> None:
    """Let the persona that spoke last say more, without a new message."""
    _, persona = await _last_answer(chat, memory, place, "go on")
    await _reply(chat, place, ReplyRequest(persona.key, "asked to go on", user=user.id))


async def post(chat: Chat, memory: Memory, place: Place, text: str, user: Author | None = None) -> None:
    """Let the place's persona say the given text, or a text of its own where none is given.

    Raises `UserError` for a text that is longer than a message may be.
    """
    if len(text) > (longest := chat.settings.message_characters):
        raise UserError(f"The text has {len(text):,} characters; at most {longest:,} fit. Post it in parts.")
    persona = await chat.resident(place)
    if not is_visible(text):
        await _reply(chat, place, ReplyRequest(persona.key, "asked to say something"))
        return
    newest = await memory.history(place, limit=1)
    why: dict[str, object] = {"rule": "posted", **({NAMED: user.id} if user else {})}
    await chat.say(place, persona, text, why, read=newest[-1].id if newest else None)


async def _last_answer(chat: Chat, memory: Memory, place: Place, wish: str) -> tuple[LastAnswer, Persona]:
    """Return the last reply and its persona. Raises `UserError`, ended by `wish`, where there is none."""
    last = await memory.last_answer(place)
    if last is None or last.message.persona is None:
        raise UserError(f"There is no answer yet that could {wish}.")
    return last, chat.cast.find(last.message.persona)


async def _reply(chat: Chat, place: Place, request: ReplyRequest) -> None:
    worker = chat.worker(place)
    if worker.busy:
        raise UserError("An answer is being made; stop it first.")
    worker.enqueue_request(request)
    await worker.idle()


async def _send_next_greeting(
    chat: Chat, place: Place, persona: Persona, user: Author, last: LastAnswer
) -> None:
    said = _greetings(persona, user, place, last.message.time)
    old = said.index(last.message.text) if last.message.text in said else -1
    greetings = _greetings(persona, user, place, chat.clock())
    if not greetings:
        raise UserError(f"{persona.name} has no greeting any more.")
    await replace_greeting(chat, place, greetings[(old + 1) % len(greetings)], user, last)


async def greetings_in(chat: Chat, place: Place, user: Author) -> list[str]:
    """Return the greetings of a place's persona as people read them, the preferred one first."""
    return _greetings(await chat.resident(place), user, place, chat.clock())


async def replace_greeting(chat: Chat, place: Place, text: str, user: Author, last: LastAnswer) -> None:
    """Send a greeting in place of the one that was sent last."""
    persona = chat.cast.find(last.message.persona or "")
    await chat.say(place, persona, text, {"rule": "greeting", NAMED: user.id}, replaces=last.message.id)


def _greetings(
    persona: Persona, user: Author, place: Place, time: float, *, group: bool = False
) -> list[str]:
    """Return the card's greetings as people read them: macros expanded, with the date and time of sending."""
    scene = persona.card.scene(speaker_label(user.name), f"{persona.key}/{place}", time)
    filled = (expand_macros(text, scene).strip() for text in persona.card.greetings(group))
    return [text for text in filled if text]
