"""How each reader of an export's words is tried, where it wants more than a text."""

from collections.abc import Callable

from training.importers.assistants.chatgpt.messages import read_turn as chatgpt_turn
from training.importers.assistants.claude import read_turn as claude_turn
from training.importers.chats.element.events import caption_and_file, own_words
from training.importers.chats.skype.content import read_content
from training.importers.chats.telegram.text import rich_text
from training.importers.posts.bluesky.posts import LINK, written_out
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.phrases import open_phrase_book
from training.importers.texts.mail.headers import Headers, decode_base64, decode_body, is_field
from training.importers.texts.mail.mailboxes import is_mail_head
from training.importers.texts.mail.parts import Mail


def headers_of(text: str) -> Headers:
    """A header in which each line of a text is a field, and goes on."""
    headers = Headers()
    for line in text.encode("utf-8", "replace").split(b"\n"):
        headers.add_line(b"Subject: " + line)
        headers.add_line(b" " + line)
    return headers


def mail_of(text: str) -> object:
    mail = Mail()
    for line in text.encode("utf-8", "replace").split(b"\n"):
        mail.add_line(line)
    return mail.text()


IMPORTER_CALLS: dict[str, Callable[[str], object]] = {
    "training.importers.texts.mail.headers.Headers.add_line": headers_of,
    "training.importers.texts.mail.headers.Headers.raw": lambda text: headers_of(text).raw("subject"),
    "training.importers.texts.mail.headers.Headers.text": lambda text: headers_of(text).text("subject"),
    "training.importers.texts.mail.headers.Headers.parameter": lambda text: headers_of(text).parameter(
        "subject", "charset"
    ),
    "training.importers.texts.mail.headers.decode_base64": lambda text: decode_base64(text.encode()),
    "training.importers.texts.mail.headers.decode_body": lambda text: decode_body(text.encode(), Headers()),
    "training.importers.texts.mail.headers.is_field": lambda text: is_field(text.encode("utf-8", "replace")),
    "training.importers.texts.mail.mailboxes.is_mail_head": lambda text: is_mail_head(
        b"From: a\n" + text.encode("utf-8", "replace")
    ),
    "training.importers.texts.mail.parts.Mail.add_line": mail_of,
    "training.importers.reading.message_ids.MessageIds.derive": lambda text: [
        ids.derive("quay", sign) for ids in [MessageIds()] for sign in text
    ],
    "training.importers.reading.message_ids.MessageIds.choose": lambda text: MessageIds().choose(
        "0", "quay", 0.0, text
    ),
    "training.importers.reading.phrases.PhraseBook.find": lambda text: [
        open_phrase_book(platform).find(text, text[:4]) for platform in ("whatsapp", "line", "meta")
    ],
    "training.importers.assistants.chatgpt.messages.read_turn": lambda text: chatgpt_turn(
        "1",
        {"author": {"role": "assistant"}, "content": {"content_type": "text", "parts": [text, *text]}},
        0.0,
        ImportLog(),
    ),
    "training.importers.assistants.claude.read_turn": lambda text: claude_turn(
        {"sender": "human", "content": [{"type": sign, "text": sign} for sign in text]},
        0.0,
        MessageIds(),
        ImportLog(),
    ),
    "training.importers.chats.element.events.own_words": lambda text: [
        own_words({"body": before + text, "formatted_body": text}, is_reply=True)
        for before in ("> <@a>", "> <@a>\n", "")
    ],
    "training.importers.chats.element.events.caption_and_file": lambda text: caption_and_file(
        {"body": text, "filename": text[:-1]}, is_reply=True
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
