"""What was said, as turns: under whose name, and what it replies to where that is not plain to see."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.message import Message
from bot.persona.persona import Persona
from bot.prompt.renderer import PromptPart, Turn

QUOTED = 120  # characters of a quoted message: enough to know it again


def history_turns(
    history: Sequence[Message],
    names: Mapping[str, str],
    persona: Persona,
    parents: Mapping[str, Message],
    reply_to: str | None = None,
) -> list[tuple[Turn, ...]]:
    """The turns of each message.

    One that replies to something else than what was said right before it has a quote of that before it. The
    newest one also has, behind it, a quote of what the persona is about to answer, where that needs one.
    """
    scene = _Scene(history, names, persona, parents)
    turns = [(*scene.quote(at, said), scene.words(said)) for at, said in enumerate(history)]
    if reply_to and history:
        answer = replace(history[-1], reply_to=reply_to, persona=persona.key)
        turns[-1] += scene.quote(len(history), answer)
    return turns


def missing_parents(history: Sequence[Message], reply_to: str | None = None) -> list[str]:
    """The ids that these messages and the coming answer reply to, and that no message here has."""
    known = {message.id for message in history}
    wanted = [*(message.reply_to for message in history), reply_to]
    return list(dict.fromkeys(id for id in wanted if id and id not in known))


class _Scene:
    def __init__(
        self,
        history: Sequence[Message],
        names: Mapping[str, str],
        persona: Persona,
        parents: Mapping[str, Message],
    ) -> None:
        self._history, self._names, self._persona, self._parents = history, names, persona, parents
        self._places = {message.id: place for place, message in enumerate(history)}

    def words(self, message: Message) -> Turn:
        if self._is_own(message):
            return Turn("assistant", (PromptPart("message", message.text, message.id),))
        line = f"{self._names[message.author.id]}: {message.text}"
        return Turn("user", (PromptPart("message", line, message.id),))

    def quote(self, at: int, message: Message) -> tuple[Turn, ...]:
        """What a message that stands `at` this place replies to, unless that is what was said before it."""
        if not message.reply_to:
            return ()
        place = self._places.get(message.reply_to)
        parent = self._history[place] if place is not None else self._parents.get(message.reply_to)
        if parent is None or not parent.text.strip() or self._is_near(at, message, parent):
            return ()
        name = self._persona.name if self._is_own(parent) else self._names[parent.author.id]
        words = " ".join(parent.text.split())
        short = words if len(words) <= QUOTED else words[: QUOTED - 1].rstrip() + "…"
        return (Turn("user", (PromptPart("quote", f"[In reply to {name}: {short}]", parent.id),)),)

    def _is_near(self, at: int, message: Message, parent: Message) -> bool:
        """Whether only more words of these two stand between the parent and a message at this place."""
        place = self._places.get(parent.id)
        if place is None:
            return False
        while at > 0 and self._goes_on(self._history[at - 1], message, parent):
            at -= 1
        while at > 0 and self._speaker(self._history[at - 1]) == self._speaker(parent):
            at -= 1
        return at <= place

    def _goes_on(self, earlier: Message, message: Message, parent: Message) -> bool:
        """Whether both messages are one speaker's, and the earlier one was not said to somebody else."""
        if self._speaker(earlier) != self._speaker(message):
            return False
        said_to = self._places.get(earlier.reply_to or "")
        return said_to is None or self._speaker(self._history[said_to]) == self._speaker(parent)

    def _is_own(self, message: Message) -> bool:
        return message.persona == self._persona.key

    def _speaker(self, message: Message) -> str | None:
        """None is the persona."""
        return None if self._is_own(message) else message.author.id
