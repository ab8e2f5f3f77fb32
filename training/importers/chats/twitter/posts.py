"""Tweets and liked tweets as messages."""

import re
from collections.abc import Iterator

from training.importers.chats.twitter.archive_index import TCO_LINK, ArchiveIndex, id_number
from training.importers.chats.twitter.links import write_out_links
from training.importers.chats.twitter.records import LikedTweet, Tweet, TweetLink, TweetMedia
from training.importers.reading.html_text import unescape
from training.importers.reading.import_log import ImportLog
from training.importers.reading.normalise import clean_text
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage, Kind, Label

_MENTIONS = re.compile(r"^(?:@\w+(?:\s+|$))+")
_STATUS = re.compile(r"^https?://(?:www\.|mobile\.)?(?:twitter|x)\.com/\w+/status(?:es)?/(\d+)")
_NAME = re.compile(r"(?<!\w)@\w{1,15}\b")
_EPOCH = 1_288_834_974.657  # Unix seconds at which X's ids (snowflakes) begin to count ms above 22 bits
_SNOWFLAKE = 1 << 48  # smaller ids are older and hold no time
_KINDS: dict[str, Kind] = {"photo": "image", "video": "video", "animated_gif": "video"}


def tweet_messages(
    tweet: Tweet, archive: ArchiveIndex, source: Source, log: ImportLog
) -> Iterator[ExportedMessage]:
    """Yield the tweet, unless it holds words of others, was replaced by an edit, or has no id or time."""
    text = unescape(tweet.full_text if tweet.full_text is not None else tweet.text or "")
    first = tweet.first_version
    if tweet.retweeted_status or text.startswith("RT @"):
        log.skip("retweets")
    elif first and archive.last_versions.get(first, tweet.tweet_id) != tweet.tweet_id:
        log.skip("versions replaced by an edit")
    elif not tweet.tweet_id or (time := tweet.timestamp) is None:
        log.skip("without an id or a date")
    else:
        yield _convert(tweet, archive, source, time, text)


def _convert(tweet: Tweet, archive: ArchiveIndex, source: Source, time: float, text: str) -> ExportedMessage:
    whole = archive.find_note(time, text) or text
    links, pictures = tweet.links, tweet.pictures
    quote = tweet.quoted_status_id_str or _quoted(links)
    is_reply, has_quote = tweet.answered_user_id is not None, quote is not None
    words = _plain_text(whole, links, pictures, is_reply, has_quote)
    return ExportedMessage(
        platform="x",
        chat=archive.owner,
        id=tweet.tweet_id,
        author=archive.owner,
        author_name=archive.display_name or archive.name,
        time=time,
        source=source.label,
        text=words,
        is_self=True,
        chat_kind="timeline",
        chat_name=f"@{archive.name}" if archive.name else "",
        reply_to=tweet.parent_id,
        quote=quote,
        edited=bool(tweet.first_version),
        kind=_KINDS.get(pictures[0].type, "image") if pictures else "text",
        media=tuple(picture.media_url_https.rpartition("/")[2] for picture in pictures),
        lang=tweet.lang,
        labels=_labels(words),
    )


def liked_parents(
    item: dict[str, LikedTweet], archive: ArchiveIndex, source: Source, log: ImportLog
) -> Iterator[ExportedMessage]:
    """Yield a liked tweet that the person answered: the only words of others in an archive."""
    for like in item.values():
        number = id_number(like.tweetId)
        if like.tweetId not in archive.parents or not like.fullText:
            log.skip("likes")
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
            text=clean_text(TCO_LINK.sub("", unescape(like.fullText)).strip()),
            is_self=author == archive.owner,
            chat_kind="timeline",
            chat_name=f"@{archive.name}" if archive.name else "",
            precision="millisecond" if number > _SNOWFLAKE else "none",
        )


def _quoted(links: list[TweetLink]) -> str | None:
    """The id of the tweet that the last link leads to."""
    found = _STATUS.match(links[-1].expanded_url or "") if links else None
    return found[1] if found else None


def _plain_text(
    text: str, links: list[TweetLink], pictures: list[TweetMedia], is_reply: bool, has_quote: bool
) -> str:
    """The words without the links to pictures and the quoted tweet; other links are written out."""
    targets = {link.url: link.expanded_url or link.url for link in links}
    if has_quote and links and _STATUS.match(links[-1].expanded_url or ""):
        targets[links[-1].url] = ""
    text = write_out_links(text, targets | {picture.url: "" for picture in pictures})
    if is_reply:
        text = _MENTIONS.sub("", text)
    text = TCO_LINK.sub("[link]", text)  # the archive does not hold its target
    return clean_text(text.strip())


def _labels(text: str) -> tuple[Label, ...]:
    if "@" not in text:
        return ()
    return tuple((found.start(), found.end(), "mention") for found in _NAME.finditer(text))
