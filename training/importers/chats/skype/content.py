"""The content of a message of Skype or Teams: its author's words, the message it answers, and its traces."""

import re
from typing import NamedTuple

from training.importers.reading.html_text import html_words
from training.importers.reading.normalise import LONGEST_TEXT, clean_text
from training.importers.reading.record_kinds import RecordKind

# messagetype; of a type that is not here, the part before "/" counts
_TYPES: dict[str, RecordKind] = {
    **dict.fromkeys(("Text", "RichText", "RichText/Html", "RichText/Sms"), "words"),
    **dict.fromkeys(("RichText/UriObject", "RichText/Media_Album"), "image"),
    **dict.fromkeys(("RichText/Media_Video", "RichText/Media_FlikMsg", "Event/SkypeVideoMessage"), "video"),
    "RichText/Media_AudioMsg": "audio",
    **dict.fromkeys(("RichText/Media_GenericFile", "RichText/Files"), "file"),
    **dict.fromkeys(("RichText/Media_Card", "PopCard"), "share"),
    "RichText/Location": "location",
    "RichText/Contacts": "contact",
    "RichText/ScheduledCallInvite": "event",
    "Poll": "poll",
    **dict.fromkeys(
        ("Event/Call", "RichText/Media_CallRecording", "RichText/Media_CallTranscript", "Signal/Flamingo"),
        "call",
    ),
    "Event/BingBot": "bot",
    "EndToEndEncryption/EncryptedText": "undelivered",
    **dict.fromkeys(
        ("ThreadActivity", "InviteFreeRelationshipChanged", "EndToEndEncryption", "Control", "Notice"),
        "notice",
    ),
}
_RICH = "RichText"
_HTML = "RichText/Html"
_EDITED = "Edited previous message: "  # stands before the words of a change in Skype's older versions
_EDIT = re.compile(r"<e_m\b[^<>]*+>(?:</e_m>)?+")  # the time and author of a change
_MENTION = re.compile(r"<at\b[^<>]*+>@?+")
_PICTURE = re.compile(r"<(?:img|emoji)\b([^<>]*+)>")
_ALT = re.compile(r'\balt="([^"]*+)"')
_QUOTE = re.compile(r"<(?:quote|blockquote)\b([^<>]*+)>")
_ANSWERED = re.compile(r'\b(?:messageid|itemid)="(\d{1,20})"')
_QUOTED = frozenset(("quote", "blockquote", "legacyquote", "partlist", "uriobject", "swift", "files"))


class SkypeText(NamedTuple):
    """The words of a content, the id of the message that it quotes, and its traces of other things."""

    words: str
    answered: str | None = None
    has_quote: bool = False
    is_edited: bool = False
    has_picture: bool = False


def record_of(messagetype: str) -> RecordKind | None:
    """Return the kind of record that a type of message is."""
    family, _, _ = messagetype.partition("/")
    return _TYPES.get(messagetype) or (_TYPES.get(family) if family not in (_RICH, "Text") else None)


def read_content(content: str, messagetype: str) -> SkypeText:
    """Return the author's words in a content: as written in plain text, else without markup and quotes."""
    if "<e_m" in content:
        content = content.removeprefix(_EDITED)
    is_plain = not messagetype.startswith(_RICH) and "</quote>" not in content and "<e_m" not in content
    if is_plain or len(content) > 4 * LONGEST_TEXT:
        return SkypeText(clean_text(content.strip()))
    quote = _QUOTE.search(content)
    answered = _ANSWERED.search(quote[1]) if quote else None
    markup = _PICTURE.sub(_emoji, _MENTION.sub("@", _EDIT.sub("", content)))
    if messagetype == _HTML:
        markup = markup.replace("&nbsp;", " ")
    else:
        markup = markup.replace("\r\n", "\n").replace("\n", "<br>")
    return SkypeText(
        clean_text(html_words(markup, without=_QUOTED)),
        answered[1] if answered and answered[1] != "0" else None,
        has_quote=quote is not None,
        is_edited="<e_m" in content,
        has_picture="<img" in markup,
    )


def _emoji(picture: re.Match[str]) -> str:
    """Return the sign that the picture of an emoji stands for; other pictures stay."""
    is_emoji = picture[0].startswith("<emoji") or "/Emoji" in picture[1]
    sign = _ALT.search(picture[1]) if is_emoji else None
    return sign[1] if sign else picture[0]
