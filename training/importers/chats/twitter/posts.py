"""Tweets as messages: edits, notes, quotes and replies taken apart as the archive of X needs it."""

import html
import re
from collections.abc import Iterator
from typing import Any

from training.importers.chats.twitter.records import Like, Link, Media, Note, Tweet
from training.importers.reading.import_log import ImportLog
from training.importers.reading.normalise import clean, iso
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage, Kind, Label

_MENTIONS = re.compile(r"^(?:@\w+\s+)+")
_LINK = re.compile(r"https?://t\.co/\w+")
_CUT = re.compile(r"(?:…|\.\.\.)?\s*(?:https?://t\.co/\w+)?\s*$")
_STATUS = re.compile(r"^https?://(?:www\.|mobile\.)?(?:twitter|x)\.com/\w+/status(?:es)?/(\d+)")
_NAME = re.compile(r"(?<!\w)@\w{1,15}\b")
_EPOCH = 1_288_834_974.657  # Unix seconds at which the ids of X begin to count milliseconds above 22 bits
_SNOWFLAKE = 1 << 48  # older ids hold no time
_KINDS: dict[str, Kind] = {"photo": "image", "video": "video", "animated_gif": "video"}
_CUT_AT = 100  # characters that are left of a long post at least, in any script
_TOGETHER = 1.0  # seconds between a note and its tweet, at most


class Archive:
    """What has to be known of the whole archive before its tweets can be told."""

    def __init__(self) -> None:
        self.id, self.name, self.shown = "", "", ""
        self.people: dict[str, str] = {}
        self.parents: dict[str, tuple[str, str]] = {}
        self.last: dict[str, str] = {}
        self._notes: dict[int, list[tuple[float, str]]] = {}

    def know(self, told: dict[str, Any]) -> None:
        """Take an id and names from whichever file says them."""
        self.id = str(told.get("accountId") or told.get("id") or self.id)
        self.name = str(told.get("username") or told.get("userName") or told.get("screen_name") or self.name)
        shown = told.get("accountDisplayName") or told.get("displayName") or told.get("full_name")
        self.shown = clean(str(shown or self.shown))
        if self.id:
            self.people[self.id] = self.shown or self.name

    @property
    def owner(self) -> str:
        return self.id or "self"

    def keep_note(self, item: dict[str, Note]) -> None:
        """Take a long post; one without a time can be joined to nothing."""
        for note in item.values():
            try:
                moment = iso(note.createdAt)
            except ValueError:
                continue
            self._notes.setdefault(int(moment), []).append((moment, html.unescape(note.core.text)))

    def note(self, moment: float, text: str) -> str | None:
        """The long post that a tweet is the beginning of: of its second, and with its words."""
        start = _words(_CUT.sub("", text))
        if len(start) < _CUT_AT:
            return None
        for second in (int(moment) - 1, int(moment), int(moment) + 1):
            for made, whole in self._notes.get(second, []):
                if abs(made - moment) <= _TOGETHER and _words(whole).startswith(start[:200]):
                    return whole
        return None

    def look(self, tweet: Tweet) -> None:
        """Remember who is who, what is answered, and the last version of what was edited."""
        for person in tweet.entities.user_mentions if tweet.entities else []:
            self.people.setdefault(person.id_str, clean(person.name or person.screen_name))
        if tweet.partner and tweet.in_reply_to_screen_name:
            self.people.setdefault(tweet.partner, tweet.in_reply_to_screen_name)
        if tweet.parent and tweet.partner:
            self.parents[tweet.parent] = tweet.partner, tweet.in_reply_to_screen_name or tweet.partner
        if first := tweet.first_version:
            self.last[first] = max(self.last.get(first, ""), tweet.number, key=_counter)


def said(tweet: Tweet, archive: Archive, source: Source, tally: ImportLog) -> Iterator[ExportedMessage]:
    """The tweet, unless it is not the person's words."""
    text = html.unescape(tweet.full_text if tweet.full_text is not None else tweet.text or "")
    first = tweet.first_version
    if tweet.retweeted_status or text.startswith("RT @"):
        tally.skip("retweets")
    elif first and archive.last.get(first, tweet.number) != tweet.number:
        tally.skip("versions replaced by an edit")
    elif not tweet.number or (moment := tweet.moment) is None:
        tally.skip("without an id or a date")
    else:
        yield _told(tweet, archive, source, moment, text)


def _told(tweet: Tweet, archive: Archive, source: Source, moment: float, text: str) -> ExportedMessage:
    whole = archive.note(moment, text) or text
    links, pictures = tweet.links, tweet.pictures
    quote = tweet.quoted_status_id_str or _quoted(links)
    words = _plain(whole, links, pictures, is_reply=tweet.partner is not None, has_quote=quote is not None)
    return ExportedMessage(
        platform="x",
        chat=archive.owner,
        id=tweet.number,
        author=archive.owner,
        author_name=archive.shown or archive.name,
        time=moment,
        source=source.label,
        text=words,
        is_self=True,
        chat_kind="timeline",
        chat_name=f"@{archive.name}" if archive.name else "",
        reply_to=tweet.parent,
        quote=quote,
        edited=bool(tweet.first_version),
        kind=_KINDS.get(pictures[0].type, "image") if pictures else "text",
        media=tuple(picture.media_url_https.rpartition("/")[2] for picture in pictures),
        lang=tweet.lang,
        labels=_labels(words),
    )


def parent(
    item: dict[str, Like], archive: Archive, source: Source, tally: ImportLog
) -> Iterator[ExportedMessage]:
    """A liked tweet that the person answered: the only words of others that an archive holds."""
    for like in item.values():
        number = _counter(like.tweetId)
        if like.tweetId not in archive.parents or not like.fullText:
            tally.skip("likes")
            continue
        author, name = archive.parents[like.tweetId]
        yield ExportedMessage(
            platform="x",
            chat=archive.owner,
            id=like.tweetId,
            author=author,
            author_name=archive.people.get(author, name),
            time=round(_EPOCH + (number >> 22) / 1000, 3) if number > _SNOWFLAKE else 0,
            source=source.label,
            text=clean(_LINK.sub("", html.unescape(like.fullText)).strip()),
            is_self=author == archive.owner,
            chat_kind="timeline",
            chat_name=f"@{archive.name}" if archive.name else "",
            precision="millisecond" if number > _SNOWFLAKE else "none",
        )


def _counter(number: str) -> int:
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 30 else 0


def _quoted(links: list[Link]) -> str | None:
    """The tweet that the last link leads to."""
    found = _STATUS.match(links[-1].expanded_url or "") if links else None
    return found[1] if found else None


def _plain(text: str, links: list[Link], pictures: list[Media], is_reply: bool, has_quote: bool) -> str:
    """The words alone: no address of a picture or of the quoted tweet, other links written out."""
    for picture in pictures:
        text = text.replace(picture.url, "") if picture.url else text
    for at, link in enumerate(links):
        is_quote = has_quote and at == len(links) - 1 and _STATUS.match(link.expanded_url or "")
        if link.url:
            text = text.replace(link.url, "" if is_quote else link.expanded_url or link.url)
    if is_reply:
        text = _MENTIONS.sub("", text)
    text = _LINK.sub("[link]", text)  # where it led is not in the archive
    return clean(text.strip())


def _labels(text: str) -> tuple[Label, ...]:
    if "@" not in text:
        return ()
    return tuple((found.start(), found.end(), "mention") for found in _NAME.finditer(text))


def _words(text: str) -> str:
    """A text to compare by: without links, its blanks made one."""
    return " ".join(_LINK.sub("", text).split())
