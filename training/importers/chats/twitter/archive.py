"""The archive of X, once Twitter: tweets of three generations, long posts, direct messages, liked parents.

Generations: classic (tweets.csv and data/js/), GDPR without a manifest (to about March 2020), and with
data/manifest.js (since). Sources: alkihis/twitter-archive-reader (seen at commit a23fb89) and
timhutton/twitter-archive-parser (seen at 66f511b).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from bot.errors import UserError
from training.importers.chats.twitter.archive_index import ArchiveIndex
from training.importers.chats.twitter.direct_messages import ConversationBlock, direct_messages
from training.importers.chats.twitter.posts import liked_parents, tweet_messages
from training.importers.chats.twitter.records import LikedTweet, NoteTweet, Tweet, TweetItem
from training.importers.reading.csv_rows import read_rows
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.sniff import FileHead, sniff_head
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "X (Twitter) archive"
GUIDE = Guide(
    steps=(
        "On X: More > Settings and privacy > Your account > Download an archive of your data. Import the "
        "zip that X sends as it is."
    ),
    reads="It reads posts, replies, long posts and direct messages, with the account's name.",
    leaves_out="Reposts, likes, deleted posts and the words of others that a post quotes are left out.",
    marks=("window.YTD", "full_text", "created_at"),
)
_CLASSIC = {"tweet_id", "timestamp", "text"}
_CIRCLE = (
    "Tweets for a Circle (2022 and 2023) are not marked in an archive of X: look through the data before you "
    "share an adapter."
)
# by the whole name of the variable without number and plural, so that deleted_tweets is no tweet
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
    """The part of an archive that a file is, by the variable that it assigns; "" for no such file."""
    if head.columns[:1] == ("tweet_id",):
        return "table"
    if head.variable.startswith("Grailbird.data.tweets"):
        return "tweets"
    if head.variable in ("user_details", "payload_details"):
        return "account"
    if head.variable == "window.__THAR_CONFIG":
        return "account"
    path = head.variable.split(".")
    if path[:2] != ["window", "YTD"] or len(path) != 4:
        return ""
    return _PARTS.get(path[2].replace("messages", "message").removesuffix("s"), "other")


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    parts: dict[str, list[Source]] = {}
    for source in sources:
        parts.setdefault(_part(sniff_head(source)), []).append(source)
    archive = ArchiveIndex()
    for source in parts.get("account", []):
        _read_account(source, archive)
    for source in parts.get("deleted", []):
        log.skip("deleted by their author", sum(1 for _ in _elements(source, dict[str, Any], again=False)))
    yield from _posts(parts, archive, log)
    yield from _conversations(parts, archive, log)


def _posts(
    parts: dict[str, list[Source]], archive: ArchiveIndex, log: ImportLog
) -> Iterator[ExportedMessage]:
    """Read the tweets twice: edits and answered tweets are known when all tweets were read once."""
    tweet_files = parts.get("tweets", [])
    for source in parts.get("notes", []):
        for note in _elements(source, dict[str, NoteTweet], again=False):
            archive.add_note(note)
    for source in tweet_files:
        for tweet in _tweets(source, again=True):
            archive.add_tweet(tweet)
    for source in tweet_files:
        for tweet in _tweets(source, again=False):
            yield from tweet_messages(tweet, archive, source, log)
        log.note(_CIRCLE)
    if not tweet_files:  # a classic archive's table repeats the files beside it, with fewer fields
        for source in parts.get("table", []):
            yield from _table(source, archive, log)
    for source in parts.get("likes", []):
        for like in _elements(source, dict[str, LikedTweet], again=False):
            yield from liked_parents(like, archive, source, log)


def _conversations(
    parts: dict[str, list[Source]], archive: ArchiveIndex, log: ImportLog
) -> Iterator[ExportedMessage]:
    for part in ("direct", "group"):
        for source in parts.get(part, []):
            ids = MessageIds()
            for item in _elements(source, dict[str, ConversationBlock], again=False):
                for block in item.values():
                    yield from direct_messages(block, archive, source, log, ids, is_group=part == "group")


def _tweets(source: Source, again: bool) -> Iterator[Tweet]:
    """Yield tweets that stand bare, or as {"tweet": ...}."""
    for item in _elements(source, TweetItem, again):
        yield item.tweet or item


def _elements(source: Source, kind: Any, again: bool) -> Iterator[Any]:
    document = JsonReader(source, again)
    document.skip_assignment()
    yield from document.elements(kind)
    if document.unreadable:
        raise UserError(
            f"{source} holds {document.unreadable} records of another shape: download the archive again."
        )


def _read_account(source: Source, archive: ArchiveIndex) -> None:
    """Read the owner from account.js, manifest.js, user_details.js or payload_details.js."""
    document = JsonReader(source, again=True)
    document.skip_assignment()
    root: Any = document.value(object)
    for item in root if isinstance(root, list) else [root]:
        if isinstance(item, dict):
            inner = item.get("account") or item.get("userInfo")
            archive.add_account(inner if isinstance(inner, dict) else item)


def _table(source: Source, archive: ArchiveIndex, log: ImportLog) -> Iterator[ExportedMessage]:
    for row in read_rows(source):
        tweet = Tweet(
            id_str=row.get("tweet_id", ""),
            created_at=row.get("timestamp", ""),
            text=row.get("text", ""),
            in_reply_to_status_id_str=row.get("in_reply_to_status_id") or None,
            in_reply_to_user_id_str=row.get("in_reply_to_user_id") or None,
            retweeted_status=row.get("retweeted_status_id") or None,
        )
        yield from tweet_messages(tweet, archive, source, log)
