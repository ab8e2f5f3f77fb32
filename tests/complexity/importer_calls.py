"""How each reader of an export's words is tried, where it wants more than a text."""

from collections.abc import Callable

from training.importers.chats.element.events import caption_and_file, own_words
from training.importers.chats.skype.content import read_content
from training.importers.chats.telegram.text import rich_text
from training.importers.posts.bluesky.posts import LINK, written_out
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.phrases import open_phrase_book

IMPORTER_CALLS: dict[str, Callable[[str], object]] = {
    "training.importers.reading.message_ids.MessageIds.derive": lambda text: [
        ids.derive("quay", sign) for ids in [MessageIds()] for sign in text
    ],
    "training.importers.reading.message_ids.MessageIds.choose": lambda text: MessageIds().choose(
        "0", "quay", 0.0, text
    ),
    "training.importers.reading.phrases.PhraseBook.find": lambda text: [
        open_phrase_book(platform).find(text, text[:4]) for platform in ("whatsapp", "line", "meta")
    ],
    "training.importers.chats.element.events.own_words": lambda text: [
        own_words({"body": before + text, "formatted_body": text}, is_reply=True)
        for before in ("> <@a>", "> <@a>\n", "")
    ],
    "training.importers.chats.element.events.caption_and_file": lambda text: caption_and_file(
        {"body": text, "filename": text[:-1]}
    ),
    "training.importers.chats.skype.content.read_content": lambda text: [
        read_content(before + text, "RichText")
        for before in ("", "<quote ", "<blockquote itemid=", "<at ", "<e_m ", "<img alt=", "<emoji")
    ],
    "training.importers.posts.bluesky.posts.written_out": lambda text: [
        written_out(text, [facet] * 9)
        for facet in ({"index": {"byteStart": 0, "byteEnd": 1}, "features": [{"$type": LINK, "uri": "a"}]}, 7)
    ],
    "training.importers.chats.telegram.text.rich_text": lambda text: rich_text(
        {"blocks": [{"text": [sign, {"text": sign}]} for sign in text]}
    ),
}
