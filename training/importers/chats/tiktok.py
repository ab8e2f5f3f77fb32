"""TikTok's download of one's data: direct messages, and one's own comments as posts of a timeline.

One object holds all parts (user_data.json, user_data_tiktok.json), whose names changed: "Direct Messages",
"Chat History" became "Direct Message", "Direct Messages". So the lists are found by their own names, which
did not: ChatHistory, CommentsList and ProfileMap. Source: abrignoni/RLEAPP (tikTokArchiveJson.py). No full
export was seen; the zone of its times (UTC) and group chats are not proven.
"""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import clean_text, parse_iso_time
from training.importers.reading.record_kinds import RecordKind, kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "TikTok"
GUIDE = Guide(
    steps="Settings and privacy > Account > Download your data; Select data: All data, File format: JSON.",
    reads="It reads direct messages, and the comments that you wrote.",
    leaves_out="Left out are shared videos, comments in lives, and what you watched, liked or searched.",
    marks=("Direct Message", "ChatHistory", "CommentsList", "ProfileMap", "Your Activity"),
)
_CHATS, _COMMENTS, _PROFILE = "ChatHistory", "CommentsList", "ProfileMap"
_DEPTH = 3  # objects around these
_SECTIONS = {
    "Activity": "Favorite Effects,Favorite Hashtags,Favorite Sounds,Favorite Videos,Follower List,Like List,"
    "Login History,Search History,Video Browsing History",
    "Your Activity": "Activity Summary,Favorite Effects,Hashtag,Login History,Searches,Share History,"
    "Watch History",
    "Ads and data": "Ad Interests,Off TikTok Activity",
    "App Settings": "Block,Block List,Settings",
    "Comment": "Comments",
    "Direct Message": "Direct Messages",
    "Direct Messages": "Chat History",
    "Likes and Favorites": "Favorite Videos,Like List",
    "Profile": "Profile Info,Profile Information",
    "Profile And Settings": "Follower,Profile Info",
}
_MARKS = frozenset(f"{section}.{name}" for section, names in _SECTIONS.items() for name in names.split(","))
_PARTNER = "Chat History with "
_SHARED = re.compile(r"https?://(?:www\.|m\.|vm\.)?tiktokv?\.com/\S*+")  # a message that is only this
_SELF, _TIMELINE, _UNSEEN = "self", "timeline", "unseen"


class TikTokMessage(Struct, gc=False):
    """A direct message; `Date` is in UTC."""

    Date: str | None = ""
    From: str | None = ""
    Content: str | None = ""


class TikTokComment(Struct, gc=False):
    """A comment; the names of its fields were in capitals first."""

    date: str | None = ""
    comment: str | None = ""
    Date: str | None = ""
    Comment: str | None = ""


class TikTokProfile(Struct, gc=False):
    userName: str | None = ""


def recognises(head: FileHead) -> bool:
    return not head.keys.isdisjoint(_MARKS)


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        me = _owner(source)
        document = JsonReader(source)
        for name in _parts(document):
            if name == _CHATS and document.first() == b"{":
                for key in document.members():
                    if document.first() == b"[":
                        yield from _chat(document, clean_text(key), me, source, log)
            elif name == _COMMENTS and document.first() == b"[":
                ids = MessageIds()
                for comment in document.elements(TikTokComment):
                    yield from _convert_comment(comment, me, ids, source, log)
        log.skip("unreadable", document.unreadable)


def _parts(document: JsonReader, depth: int = 0) -> Iterator[str]:
    """Yield the name of each part that is read, at its value; what is not read there is skipped."""
    for key in document.members():
        if key in (_CHATS, _COMMENTS, _PROFILE):
            yield key
        elif depth < _DEPTH and document.first() == b"{":
            yield from _parts(document, depth + 1)


def _owner(source: Source) -> str:
    """Return the user name of the person whose download it is, or "".

    Without a profile, it is who writes in every chat without being the chat's partner.
    """
    document, writers = JsonReader(source, again=True), list[set[str]]()
    for name in _parts(document):
        if name == _PROFILE and document.first() == b"{":
            for key in document.members():
                if key == "userName" and document.first() == b'"' and (found := document.value(str)):
                    return clean_text(found)
        elif name == _CHATS and document.first() == b"{":
            for key in document.members():
                if document.first() == b"[":
                    authors = {clean_text(each.From or "") for each in document.elements(TikTokMessage)}
                    writers.append(authors - {_partner(clean_text(key)), ""})
    alike = set[str].intersection(*filter(None, writers)) if any(writers) else set[str]()
    return alike.pop() if len(alike) == 1 else ""


def _partner(key: str) -> str:
    return key.removeprefix(_PARTNER).removesuffix(":")


def _chat(
    document: JsonReader, key: str, me: str, source: Source, log: ImportLog
) -> Iterator[ExportedMessage]:
    partner = _partner(key)
    ids = MessageIds()
    for message in document.elements(TikTokMessage):
        author, text = clean_text(message.From or ""), clean_text(message.Content or "").strip()
        try:
            time = parse_iso_time(message.Date or "")
        except ValueError:
            log.skip("without a date")
            continue
        record: RecordKind = "share" if _SHARED.fullmatch(text) else "words"
        if (kind := kept_kind(record, record, log)) is None:
            continue
        yield ExportedMessage(
            platform="tiktok",
            chat=partner,
            id=ids.derive(partner, int(time), author, text),
            author=author,
            author_name=author,
            time=time,
            source=source.label,
            text=text if kind == "text" else "",
            is_self=author == me if me else None,
            chat_name=partner,
            kind=kind,
        )


def _convert_comment(
    comment: TikTokComment, me: str, ids: MessageIds, source: Source, log: ImportLog
) -> Iterator[ExportedMessage]:
    text = clean_text(comment.comment or comment.Comment or "").strip()
    try:
        time = parse_iso_time(comment.date or comment.Date or "")
    except ValueError:
        log.skip("without a date")
        return
    if not text:
        log.skip("without words")
        return
    yield ExportedMessage(
        platform="tiktok",
        chat=_TIMELINE,
        id=ids.derive(_TIMELINE, int(time), text),
        author=me or _SELF,
        author_name=me or _SELF,
        time=time,
        source=source.label,
        text=text,
        is_self=True,
        chat_kind="timeline",
        reply_to=_UNSEEN,
    )
