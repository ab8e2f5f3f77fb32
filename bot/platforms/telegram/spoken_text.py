"""The words of a Telegram message in which a name may call a persona."""

from bot.platforms.telegram import wire
from bot.platforms.telegram.content import UNSPOKEN, rich_words
from bot.platforms.telegram.events import BotAccount


def spoken_text(message: wire.Message, account: BotAccount) -> str:
    """Return the text or caption without code, quotes, links and the names of other users."""
    if text := message.text:
        entities = message.entities
    elif text := message.caption:
        entities = message.caption_entities
    else:
        return rich_words(message.fields, UNSPOKEN)
    unspoken = [entity for entity in entities if _is_unspoken(entity, account)]
    return _without(text, sorted(unspoken, key=lambda entity: entity.offset)) if unspoken else text


def _is_unspoken(entity: wire.Entity, account: BotAccount) -> bool:
    is_other = entity.user is not None and entity.user.id != account.id
    return entity.type in UNSPOKEN or (entity.type == "text_mention" and is_other)


def _without(text: str, entities: list[wire.Entity]) -> str:
    """Return a text with a blank in place of each entity; they are in order, and may lie in each other."""
    units, pieces, at = text.encode("utf-16-le", "surrogatepass"), list[str](), 0
    for entity in entities:
        start, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
        if end > at:
            pieces.append(units[at : max(start, at)].decode("utf-16-le", "replace"))
            at = end
    return " ".join((*pieces, units[at:].decode("utf-16-le", "replace")))
