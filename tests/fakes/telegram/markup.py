"""A text with formatting becomes plain text and entities, or is refused, as Telegram does it."""

from collections.abc import Mapping

from tests.fakes.telegram.arguments import Arguments
from tests.fakes.telegram.chat import User
from tests.fakes.telegram.html import parse_html
from tests.fakes.telegram.links import link
from tests.fakes.telegram.markdown import parse_markdown
from tests.fakes.telegram.refusal import Json, Refusal
from tests.fakes.telegram.text import (
    MAX_ENTITIES,
    cleaned,
    detect,
    overlap,
    trim,
    units,
    without_formats_in_code,
)

FOUND = "mention hashtag cashtag bot_command url email phone_number".split()
GIVEN = (
    "bold italic underline strikethrough spoiler blockquote expandable_blockquote code pre text_link "
    "text_mention custom_emoji"
).split()
NEED = {"text_link": "url", "text_mention": "user", "custom_emoji": "custom_emoji_id"}


def parse(arguments: Arguments, name: str = "text", given: str = "entities") -> tuple[str, list[Json]]:
    """The text of a parameter with the entities of its markup; the given ones are looked at by `finish`."""
    text, mode = arguments.text(name), arguments.text("parse_mode").lower()
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refusal(400, "strings must be encoded in UTF-8") from None
    if mode == "html":
        return parse_html(text)
    if mode == "markdownv2":
        return parse_markdown(text)
    if mode not in ("", "none"):
        raise Refusal(400, "unsupported parse_mode")
    return text, arguments.data(given) or []


def finish(
    text: str, entities: list[Json], users: Mapping[int, User], limit: int, too_long: str
) -> tuple[str, list[Json]]:
    """Clean, trim, settle mentions by id, find what Telegram finds, refuse what is empty or too long."""
    settled = [kept for entity in entities if (kept := _settle(entity, users))][:MAX_ENTITIES]
    end = units(text)
    if any(e["offset"] < 0 or e["length"] < 0 or e["offset"] + e["length"] > end for e in settled):
        raise Refusal(400, "can't parse entities: entity beginning or end is outside of the text")
    if overlap(settled):
        raise Refusal(400, "can't parse entities: entities overlap")
    text, settled = trim(*cleaned(text, without_formats_in_code(settled)))
    if not text.strip():
        raise Refusal(400, "text must be non-empty")
    if units(text) > limit:
        raise Refusal(400, too_long)
    return text, detect(text, settled)


def _settle(entity: Json, users: Mapping[int, User]) -> Json | None:
    """An entity as the server keeps it, which drops unknown users and what it finds by itself.

    A link to a user's own address becomes a mention, one to no address goes.
    """
    if entity["type"] in FOUND:
        return None
    if entity["type"] not in GIVEN:
        raise Refusal(400, "can't parse entities: unsupported entity type specified")
    if entity["type"] in NEED and NEED[entity["type"]] not in entity:
        raise Refusal(400, f"can't parse entities: Can't find field \"{NEED[entity['type']]}\"")
    if entity["type"] == "text_link":
        found = link(entity["url"])
        entity = {**{key: entity[key] for key in ("offset", "length")}, **found} if found else {"type": ""}
    if entity["type"] != "text_mention":
        return entity if entity["type"] else None
    known = users.get(int(entity["user"]["id"]))
    return {**entity, "user": known.wire()} if known else None
