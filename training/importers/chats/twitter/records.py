"""The records of an X archive, as far as the importer reads them.

Sources: alkihis/twitter-archive-reader (every generation, seen at commit a23fb89) and
rust-utilities/twitter-archive (edits, seen at 4f52cac).
"""

from typing import Any

from msgspec import Struct, field

from training.importers.reading.normalise import parse_iso_time, parse_tweet_time


class TweetLink(Struct, gc=False):
    url: str = ""
    expanded_url: str | None = None


class TweetMention(Struct, gc=False):
    screen_name: str = ""
    name: str = ""
    id_str: str = ""


class TweetMedia(Struct, gc=False):
    url: str = ""
    type: str = "photo"
    media_url_https: str = ""


class TweetEntities(Struct, gc=False):
    urls: list[TweetLink] = field(default_factory=list)
    user_mentions: list[TweetMention] = field(default_factory=list)
    media: list[TweetMedia] = field(default_factory=list)


class EditChain(Struct, gc=False):
    """The ids of all versions of a tweet, first one first."""

    editTweetIds: list[str] = field(default_factory=list)


class LaterEdit(Struct, gc=False):
    initialTweetId: str = ""
    editControlInitial: EditChain = field(default_factory=EditChain)


class EditInfo(Struct, gc=False):
    initial: EditChain | None = None
    edit: LaterEdit | None = None


class Tweet(Struct, gc=False, kw_only=True):
    """A tweet of any generation: `text` and numbers in classic archives, `full_text` and strings later."""

    id: str | int = ""
    id_str: str = ""
    created_at: str = ""
    full_text: str | None = None
    text: str | None = None
    lang: str = ""
    entities: TweetEntities | None = None
    extended_entities: TweetEntities | None = None
    in_reply_to_status_id: str | int | None = None
    in_reply_to_status_id_str: str | None = None
    in_reply_to_user_id: str | int | None = None
    in_reply_to_user_id_str: str | None = None
    in_reply_to_screen_name: str | None = None
    quoted_status_id_str: str | None = None
    retweeted_status: Any = None
    edit_info: EditInfo | None = None

    @property
    def tweet_id(self) -> str:
        return self.id_str or str(self.id)

    @property
    def parent_id(self) -> str | None:
        """The id of the answered tweet; None also for -1."""
        return _id_or_none(self.in_reply_to_status_id_str or self.in_reply_to_status_id)

    @property
    def answered_user_id(self) -> str | None:
        """The id of the answered user, which also stands without the id of a tweet; None for -1."""
        return _id_or_none(self.in_reply_to_user_id_str or self.in_reply_to_user_id)

    @property
    def first_version(self) -> str:
        """The id of the first of several versions; "" for a tweet that was never edited."""
        edits = self.edit_info
        if edits and edits.edit:
            return edits.edit.initialTweetId or next(iter(edits.edit.editControlInitial.editTweetIds), "")
        if edits and edits.initial and len(edits.initial.editTweetIds) > 1:
            return edits.initial.editTweetIds[0]
        return ""

    @property
    def timestamp(self) -> float | None:
        """Unix seconds, from the notation of any generation; None if it is broken."""
        try:
            parse = parse_tweet_time if self.created_at[:1].isalpha() else parse_iso_time
            return parse(self.created_at)
        except (ValueError, KeyError):
            return None

    @property
    def links(self) -> list[TweetLink]:
        return self.entities.urls if self.entities else []

    @property
    def pictures(self) -> list[TweetMedia]:
        for entities in (self.extended_entities, self.entities):
            if entities and entities.media:
                return entities.media
        return []


class TweetItem(Tweet):
    """A bare tweet, or an object with a tweet in it."""

    tweet: Tweet | None = None


class NoteText(Struct, gc=False):
    text: str = ""


class NoteTweet(Struct, gc=False):
    """A long post. Its tweet holds the beginning only, under another id."""

    createdAt: str = ""
    core: NoteText = field(default_factory=NoteText)


class LikedTweet(Struct, gc=False):
    tweetId: str = ""
    fullText: str = ""


def _id_or_none(number: str | int | None) -> str | None:
    return str(number) if number not in (None, "", -1, "-1") else None
