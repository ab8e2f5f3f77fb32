"""Messages as turns: with speaker labels, and quotes of replied messages that are not nearby.

Each line that does not begin with a blank begins a message or a quote, since all further lines of a message
are set in: nobody can write a line of another person, or a quote, into a message.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.message import Message
from bot.persona.persona import Persona
from bot.prompt.renderer import PromptPart, Turn
from bot.prompt.reply_runs import ReplyRuns
from bot.prompt.role_markers import LINE_BREAK

MAX_QUOTE = 120  # characters of a quoted message, enough to recognise it
_INDENT = "  "  # before each further line of a message
_LINE_BREAK = re.compile(LINE_BREAK)


def history_turns(
    history: Sequence[Message],
    names: Mapping[str, str],
    persona: Persona,
    parents: Mapping[str, Message],
    reply_to: str | None = None,
) -> list[tuple[Turn, ...]]:
    """Return the turns of each message.

    A message that replies to one that does not stand right before it follows a quote of that one. Behind the
    newest message stands a quote of the message that the persona is about to answer, if it needs one.
    """
    context = _QuoteContext(history, names, persona, parents)
    turns = [(*context.quote(at, message), context.words(message)) for at, message in enumerate(history)]
    if reply_to and history:
        answer = replace(history[-1], reply_to=reply_to, persona=persona.key)
        turns[-1] += context.quote(len(history), answer)
    return turns


def missing_parents(history: Sequence[Message], reply_to: str | None = None) -> list[str]:
    """Return the ids that the messages and the coming reply refer to, and that the history lacks."""
    known = {message.id for message in history}
    wanted = [*(message.reply_to for message in history), reply_to]
    return list(dict.fromkeys(id for id in wanted if id and id not in known))


def set_in(text: str) -> str:
    """Return a message's text with all lines but the first set in."""
    return _LINE_BREAK.sub(rf"\g<0>{_INDENT}", text)


class _QuoteContext:
    def __init__(
        self,
        history: Sequence[Message],
        names: Mapping[str, str],
        persona: Persona,
        parents: Mapping[str, Message],
    ) -> None:
        self._history, self._names, self._persona, self._parents = history, names, persona, parents
        self._places = {message.id: place for place, message in enumerate(history)}
        self._runs = ReplyRuns(history, self._places, self._speaker)
        self._quotes: dict[str, str] = {}  # by the id of the quoted message, which many may reply to

    def words(self, message: Message) -> Turn:
        if self._is_own(message):
            return Turn("assistant", (PromptPart("message", message.text, message.id),))
        line = f"{self._names[message.author.id]}: {set_in(message.text)}"
        return Turn("user", (PromptPart("message", line, message.id),))

    def quote(self, at: int, message: Message) -> tuple[Turn, ...]:
        """Return a quote of the parent of the message at index `at`, unless the parent stands right before
        it.
        """
        if not message.reply_to:
            return ()
        place = self._places.get(message.reply_to)
        parent = self._history[place] if place is not None else self._parents.get(message.reply_to)
        if parent is None or (place is not None and self._runs.are_near(place, at, self._speaker(message))):
            return ()
        quote = self._quote_of(parent)
        return (Turn("user", (PromptPart("quote", quote, parent.id),)),) if quote else ()

    def _quote_of(self, parent: Message) -> str:
        """Return the line that quotes a message; empty for a message without a word."""
        if parent.id not in self._quotes:
            name = self._persona.name if self._is_own(parent) else self._names[parent.author.id]
            words = " ".join(parent.text.split())
            short = words if len(words) <= MAX_QUOTE else words[: MAX_QUOTE - 1].rstrip() + "…"
            self._quotes[parent.id] = f"[In reply to {name}: {short}]" if words else ""
        return self._quotes[parent.id]

    def _is_own(self, message: Message) -> bool:
        return message.persona == self._persona.key

    def _speaker(self, message: Message) -> str | None:
        """Return the author's id; None for the persona."""
        return None if self._is_own(message) else message.author.id
