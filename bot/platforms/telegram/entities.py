"""Formatted texts as the Bot API takes them: a text and entities in UTF-16 units."""

from bisect import bisect_left
from dataclasses import dataclass

from telegram import MessageEntity

from bot.platforms.telegram.text import MAX_ENTITIES, MAX_MESSAGE, defuse, sanitize
from bot.text.formatted_text import FormattedText, TextSpan, join_formatted
from bot.text.splitting import utf16_length


@dataclass(frozen=True, slots=True)
class EntityText:
    """A text to send, with its entities."""

    content: FormattedText

    @property
    def text(self) -> str:
        return self.content.text

    @property
    def entities(self) -> list[MessageEntity]:
        """The entities; a text without any has an empty list."""
        wide = [at for at, character in enumerate(self.text) if character > "\uffff"]
        return [_entity(span, wide) for span in self.content.spans[:MAX_ENTITIES]]

    def plain(self) -> "EntityText":
        """Return the text without entities; links show their addresses, if there is room for that."""
        text = self.text
        for link in reversed([span for span in self.content.spans if span.kind == "text_link"]):
            if link.argument.removeprefix("http://") not in text[link.start : link.end]:
                text = f"{text[: link.end]} ({link.argument}){text[link.end :]}"
        shown = sanitize(text)
        return EntityText(FormattedText(shown if utf16_length(shown) <= MAX_MESSAGE else sanitize(self.text)))


def entity_text(content: FormattedText, name: str = "") -> EntityText:
    """Return a text as sent, behind the line of a persona's name, if any."""
    bold = (TextSpan("bold", 0, len(name.rstrip())),) if name else ()
    return EntityText(join_formatted([FormattedText(name, bold), defuse(content)]))


def _entity(span: TextSpan, wide: list[int]) -> MessageEntity:
    """Return an entity; `wide` are the positions of the characters that take two units, in order."""
    start = span.start + bisect_left(wide, span.start)
    end = span.end + bisect_left(wide, span.end)
    more = {"pre": "language", "text_link": "url"}.get(span.kind)
    arguments = {more: span.argument} if more and span.argument else {}
    return MessageEntity(span.kind, start, end - start, **arguments)  # type: ignore[arg-type]
