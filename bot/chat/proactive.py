"""What personas say when no message asks for it: greetings, other answers, more of the same, given words."""

from bot.chat.chat import Chat
from bot.chat.worker import ReplyTask
from bot.errors import UserError
from bot.memory.queries.records import LastAnswer
from bot.memory.store import Memory
from bot.message import Place
from bot.persona.macros import MacroContext, expand_macros
from bot.persona.persona import Persona
from bot.prompt.speaker_labels import speaker_label


async def greet(chat: Chat, memory: Memory, place: Place, user: str, *, group: bool = False) -> None:
    """Let the place's persona speak first, where nothing has been said yet."""
    persona = await chat.resident(place)
    greetings = persona.card.greetings(group)
    if greetings and not await memory.history(place, limit=1):
        await chat.say(place, persona, _filled(greetings[0], persona, user, place), {"rule": "greeting"})


async def again(chat: Chat, memory: Memory, place: Place, user: str) -> None:
    """Replace the last answer by another one, or the greeting by the card's next."""
    last, persona = await _last(chat, memory, place, "be given again")
    if last.read is None:
        await _next_greeting(chat, place, persona, user, last)
    else:
        await _answer(chat, place, ReplyTask(persona.key, "asked again", replaces=last))


async def go_on(chat: Chat, memory: Memory, place: Place) -> None:
    """Let whoever spoke last say more, without being asked anything new."""
    _, persona = await _last(chat, memory, place, "go on")
    await _answer(chat, place, ReplyTask(persona.key, "asked to go on"))


async def post(chat: Chat, memory: Memory, place: Place, text: str) -> None:
    """Let the place's persona say given words, or something of its own where none are given."""
    if not text:
        await _answer(chat, place, ReplyTask((await chat.resident(place)).key, "asked to say something"))
        return
    newest = await memory.history(place, limit=1)
    read = newest[-1].id if newest else None
    await chat.say(place, await chat.resident(place), text, {"rule": "posted"}, read=read)


async def _last(chat: Chat, memory: Memory, place: Place, wish: str) -> tuple[LastAnswer, Persona]:
    """The last answer, and who gave it."""
    last = await memory.last_answer(place)
    if last is None or last.message.persona is None:
        raise UserError(f"There is no answer yet that could {wish}.")
    return last, chat.cast.find(last.message.persona)


async def _answer(chat: Chat, place: Place, attempt: ReplyTask) -> None:
    room = chat.worker(place)
    if room.busy:
        raise UserError("An answer is being made; stop it first.")
    room.again(attempt)
    await room.idle()


async def _next_greeting(chat: Chat, place: Place, persona: Persona, user: str, last: LastAnswer) -> None:
    greetings = [_filled(text, persona, user, place) for text in persona.card.greetings(False)]
    old = greetings.index(last.message.text) if last.message.text in greetings else -1
    text = greetings[(old + 1) % len(greetings)]
    await chat.say(place, persona, text, {"rule": "greeting"}, replaces=last.message.id)


def _filled(greeting: str, persona: Persona, user: str, place: Place) -> str:
    return expand_macros(
        greeting, MacroContext(persona.name, speaker_label(user), seed=f"{persona.key}/{place}")
    ).strip()
