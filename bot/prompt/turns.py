"""Messages as turns: with speaker labels, and quotes of replied and forwarded messages.

Each line that does not begin with a blank begins a message or a quote, since all further lines of a message
are set in: nobody can write a line of another person, or a quote, into a message. Where no names stand before
the messages, their lines stay as they are, but for those that begin as a quote does.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.message import Author, Message, Quotation, QuotationKind
from bot.persona.persona import Persona
from bot.prompt.renderer import PromptPart, Turn
from bot.prompt.reply_runs import ReplyRuns
from bot.prompt.role_markers import LINE_BREAK
from bot.prompt.speaker_labels import speaker_label
from bot.text.one_line import one_line
from bot.text.quote_lines import FORWARD, REPLY

MAX_QUOTE = 120  # characters of a quoted message that the history holds: enough to recognise it
MAX_UNSEEN_QUOTE = 600  # characters of any other, of which the prompt shows nothing else
REMOVED = "[removed message]"  # a message that only passed on the words of an author who was erased
FORWARDED = "[forwarded message]"  # a message without words of its own
_INDENT = "  "  # before each further line of a message
_LINE_BREAK = re.compile(LINE_BREAK)
_QUOTE = re.compile(rf"(?:\A|{LINE_BREAK})(?={re.escape(REPLY)}|{re.escape(FORWARD)})")


def history_turns(
    history: Sequence[Message],
    names: Mapping[str, str],
    persona: Persona,
    parents: Mapping[str, Message],
    reply_to: str | None = None,
    longest_quote: int = MAX_UNSEEN_QUOTE,
    *,
    labelled: bool = True,
) -> list[tuple[Turn, ...]]:
    """Return the turns of each message.

    A message that replies to one that does not stand right before it follows a quote of that one, or of the
    part that was selected; a message follows the messages that it forwards. Behind the newest message stands
    a quote of the message that the persona is about to answer, if it needs one. A quote of a message that
    the history lacks has at most `longest_quote` characters. `labelled`: the speakers' names stand before
    their words; a quote names its author in any case.
    """
    context = _QuoteContext(history, names, persona, parents, longest_quote)
    turns = [
        (*context.quotes(at, message), context.words(message, labelled=labelled))
        for at, message in enumerate(history)
    ]
    if reply_to and history:
        answer = replace(history[-1], reply_to=reply_to, persona=persona.key, quotations=())
        turns[-1] += context.quotes(len(history), answer)
    return turns


def missing_parents(history: Sequence[Message], reply_to: str | None = None) -> list[str]:
    """Return the ids that the messages and the coming reply refer to, and that the history lacks."""
    known = {message.id for message in history}
    wanted = [*(message.reply_to for message in history), reply_to]
    return list(dict.fromkeys(id for id in wanted if id and id not in known))


def set_in(text: str) -> str:
    """Return a message's text with all lines but the first set in."""
    return _LINE_BREAK.sub(rf"\g<0>{_INDENT}", text)


def set_in_quotes(text: str) -> str:
    """Return a message's text with all lines set in that begin as a quote does, and no other."""
    return _QUOTE.sub(rf"\g<0>{_INDENT}", text)


class _QuoteContext:
    def __init__(
        self,
        history: Sequence[Message],
        names: Mapping[str, str],
        persona: Persona,
        parents: Mapping[str, Message],
        longest_quote: int,
    ) -> None:
        self._longest_quote = longest_quote
        self._history, self._names, self._persona, self._parents = history, names, persona, parents
        self._places = {message.id: place for place, message in enumerate(history)}
        self._runs = ReplyRuns(history, self._places, self._speaker)
        self._quotes: dict[str, str] = {}  # by the id of the quoted message, which many may reply to

    def words(self, message: Message, *, labelled: bool) -> Turn:
        if self._is_own(message):
            return Turn("assistant", (PromptPart("message", message.text, message.id),))
        text = message.text or (FORWARDED if message.quotations else REMOVED)
        line = f"{self._names[message.author.id]}: {set_in(text)}" if labelled else set_in_quotes(text)
        return Turn("user", (PromptPart("message", line, message.id),))

    def quotes(self, at: int, message: Message) -> tuple[Turn, ...]:
        """Return quotes of what the message at index `at` replies to and forwards.

        A parent that stands right before its reply is not quoted, except for a part that was selected.
        """
        if not message.reply_to and not message.quotations:
            return ()
        replied = self._quotations(message, "excerpt") or self._parent(at, message)
        return (*replied, *self._quotations(message, "forward"))

    def _parent(self, at: int, message: Message) -> tuple[Turn, ...]:
        """Return a quote of the parent of a message, from the history, from memory, or as it came along."""
        place = self._places.get(message.reply_to or "")
        parent = self._parents.get(message.reply_to or "") if place is None else self._history[place]
        if parent is None:
            return self._quotations(message, "reply")
        if place is not None and self._runs.are_near(place, at, self._speaker(message)):
            return ()
        quote = self._quote_of(parent)
        return (Turn("user", (PromptPart("quote", quote, parent.id),)),) if quote else ()

    def _quote_of(self, parent: Message) -> str:
        """Return the line that quotes a message; empty for a message without a word."""
        if parent.id not in self._quotes:
            name = self._persona.name if self._is_own(parent) else self._names[parent.author.id]
            longest = MAX_QUOTE if parent.id in self._places else self._longest_quote
            text = parent.text or " ".join(each.text for each in parent.quotations if each.kind == "forward")
            words = one_line(text, longest)
            self._quotes[parent.id] = f"{REPLY}{name}: {words}]" if words else ""
        return self._quotes[parent.id]

    def _quotations(self, message: Message, kind: QuotationKind) -> tuple[Turn, ...]:
        """Return the quotations of one kind that came with a message, without those that have no word."""
        lines = (self._line(each) for each in message.quotations if each.kind == kind)
        return tuple(Turn("user", (PromptPart("quote", line, message.id),)) for line in lines if line)

    def _line(self, quotation: Quotation) -> str:
        """Return the line that shows a quotation; empty for one without a word."""
        label = self._label(quotation.author)
        if quotation.kind == "forward":
            words, lead = set_in(quotation.text.strip()), f"{FORWARD} from {label}" if label else FORWARD
        else:
            words, lead = one_line(quotation.text, self._longest_quote), f"{REPLY}{label or 'a message'}"
        return f"{lead}: {words}]" if words else ""

    def _label(self, author: Author) -> str:
        """Return the label of a quoted author; empty where the platform names nobody.

        Words of the bot are the persona's where no other persona is named.
        """
        if author.is_bot and not author.id and not author.name:
            return self._persona.name
        return self._names.get(author.id) or (speaker_label(author.name) if author.name.strip() else "")

    def _is_own(self, message: Message) -> bool:
        return message.persona == self._persona.key

    def _speaker(self, message: Message) -> str | None:
        """Return the author's id; None for the persona."""
        return None if self._is_own(message) else message.author.id
