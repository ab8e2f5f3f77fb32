"""The archive of X, once Twitter: tweets of all three generations, notes, direct messages, liked parents."""

from collections.abc import Iterator, Sequence
from typing import Any

from bot.errors import UserError
from training.importers.chats.twitter import posts
from training.importers.chats.twitter.direct_messages import Conversation, said
from training.importers.chats.twitter.posts import Archive
from training.importers.chats.twitter.records import Item, Like, Note, Tweet
from training.importers.reading.csv_rows import read_rows
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import Json
from training.importers.reading.sniff import FileHead
from training.importers.reading.sniff import sniff as head_of
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "X (Twitter) archive"
ADVICE = "Download the archive of your data from X and name the zip"
_CLASSIC = {"tweet_id", "timestamp", "text"}
_CIRCLE = (
    "Tweets for a Circle (2022 and 2023) are not marked in an archive of X: look through the data before you "
    "share an adapter."
)
# by the name of the variable, without number and plural: deleted_tweets is none of these
_PARTS = {
    "tweet": "tweets",
    "community_tweet": "tweets",
    "note_tweet": "notes",
    "like": "likes",
    "direct_message": "direct",
    "direct_message_group": "group",
    "account": "account",
    "manifest": "account",
    "deleted_tweet": "deleted",
}


def recognises(head: FileHead) -> bool:
    return bool(_part(head)) or (head.columns[:1] == ("tweet_id",) and {*head.columns} >= _CLASSIC)


def _part(head: FileHead) -> str:
    """Which part of an archive a file is, by the variable that it assigns; "" for what is of no use."""
    if head.columns[:1] == ("tweet_id",):
        return "table"
    if head.variable.startswith("Grailbird.data.tweets"):
        return "tweets"
    if head.variable in ("user_details", "payload_details"):
        return "account"
    if head.variable == "window.__THAR_CONFIG":
        return "account"
    way = head.variable.split(".")
    if way[:2] != ["window", "YTD"] or len(way) != 4:
        return ""
    return _PARTS.get(way[2].replace("messages", "message").removesuffix("s"), "other")


def read(sources: Sequence[Source], tally: ImportLog) -> Iterator[ExportedMessage]:
    parts: dict[str, list[Source]] = {}
    for source in sources:
        parts.setdefault(_part(head_of(source)), []).append(source)
    archive = Archive()
    for source in parts.get("account", []):
        _know(source, archive)
    for source in parts.get("deleted", []):
        tally.skip("deleted by their author", sum(1 for _ in _elements(source, dict[str, Any], again=False)))
    yield from _posts(parts, archive, tally)
    yield from _talks(parts, archive, tally)


def _posts(parts: dict[str, list[Source]], archive: Archive, tally: ImportLog) -> Iterator[ExportedMessage]:
    """Tweets are read twice: what edits replaced and whose parents are wanted is known at the end."""
    found = parts.get("tweets", [])
    for source in parts.get("notes", []):
        for note in _elements(source, dict[str, Note], again=False):
            archive.keep_note(note)
    for source in found:
        for tweet in _tweets(source, again=True):
            archive.look(tweet)
    for source in found:
        for tweet in _tweets(source, again=False):
            yield from posts.said(tweet, archive, source, tally)
        tally.note(_CIRCLE)
    if not found:  # the table says the same as the files beside it, and less
        for source in parts.get("table", []):
            yield from _table(source, archive, tally)
    for source in parts.get("likes", []):
        for like in _elements(source, dict[str, Like], again=False):
            yield from posts.parent(like, archive, source, tally)


def _talks(parts: dict[str, list[Source]], archive: Archive, tally: ImportLog) -> Iterator[ExportedMessage]:
    for part in ("direct", "group"):
        for source in parts.get(part, []):
            for item in _elements(source, dict[str, Conversation], again=False):
                for conversation in item.values():
                    yield from said(conversation, archive, source, tally, is_group=part == "group")


def _tweets(source: Source, again: bool) -> Iterator[Tweet]:
    """Tweets that stand bare, or as {"tweet": ...}."""
    for item in _elements(source, Item, again):
        yield item.tweet or item


def _elements(source: Source, kind: Any, again: bool) -> Iterator[Any]:
    document = Json(source, again)
    document.skip_assignment()
    yield from document.elements(kind)
    if document.unreadable:
        raise UserError(
            f"{source} holds {document.unreadable} records of another shape: download the archive again."
        )


def _know(source: Source, archive: Archive) -> None:
    """Who this archive belongs to: account.js, manifest.js, user_details.js and payload_details.js say so."""
    document = Json(source, again=True)
    document.skip_assignment()
    told: Any = document.value(object)
    for item in told if isinstance(told, list) else [told]:
        if isinstance(item, dict):
            inner = item.get("account") or item.get("userInfo")
            archive.know(inner if isinstance(inner, dict) else item)


def _table(source: Source, archive: Archive, tally: ImportLog) -> Iterator[ExportedMessage]:
    for row in read_rows(source):
        tweet = Tweet(
            id_str=row.get("tweet_id", ""),
            created_at=row.get("timestamp", ""),
            text=row.get("text", ""),
            in_reply_to_status_id_str=row.get("in_reply_to_status_id") or None,
            in_reply_to_user_id_str=row.get("in_reply_to_user_id") or None,
            retweeted_status=row.get("retweeted_status_id") or None,
        )
        yield from posts.said(tweet, archive, source, tally)
