"""The records of an archive of X, as far as they are used."""

from typing import Any

from msgspec import Struct, field

from training.importers.reading.normalise import iso, rfc


class Link(Struct, gc=False):
    url: str = ""
    expanded_url: str | None = None


class Person(Struct, gc=False):
    screen_name: str = ""
    name: str = ""
    id_str: str = ""


class Media(Struct, gc=False):
    url: str = ""
    type: str = "photo"
    media_url_https: str = ""


class Entities(Struct, gc=False):
    urls: list[Link] = field(default_factory=list)
    user_mentions: list[Person] = field(default_factory=list)
    media: list[Media] = field(default_factory=list)


class Chain(Struct, gc=False):
    """The versions of a tweet, as its first one knows them."""

    editTweetIds: list[str] = field(default_factory=list)


class Edited(Struct, gc=False):
    initialTweetId: str = ""
    editControlInitial: Chain = field(default_factory=Chain)


class Edits(Struct, gc=False):
    initial: Chain | None = None
    edit: Edited | None = None


class Tweet(Struct, gc=False, kw_only=True):
    """A tweet of any generation: `text` and numbers in classic archives, `full_text` and strings later."""

    id: str | int = ""
    id_str: str = ""
    created_at: str = ""
    full_text: str | None = None
    text: str | None = None
    lang: str = ""
    entities: Entities | None = None
    extended_entities: Entities | None = None
    in_reply_to_status_id: str | int | None = None
    in_reply_to_status_id_str: str | None = None
    in_reply_to_user_id: str | int | None = None
    in_reply_to_user_id_str: str | None = None
    in_reply_to_screen_name: str | None = None
    quoted_status_id_str: str | None = None
    retweeted_status: Any = None
    edit_info: Edits | None = None

    @property
    def number(self) -> str:
        return self.id_str or str(self.id)

    @property
    def parent(self) -> str | None:
        """What it answers; -1 stands for nothing."""
        return _given(self.in_reply_to_status_id_str or self.in_reply_to_status_id)

    @property
    def partner(self) -> str | None:
        """Whom it answers, also where it is not told which tweet."""
        return _given(self.in_reply_to_user_id_str or self.in_reply_to_user_id)

    @property
    def first_version(self) -> str:
        """The id of the first version, if there are several."""
        edits = self.edit_info
        if edits and edits.edit:
            return edits.edit.initialTweetId or next(iter(edits.edit.editControlInitial.editTweetIds), "")
        if edits and edits.initial and len(edits.initial.editTweetIds) > 1:
            return edits.initial.editTweetIds[0]
        return ""

    @property
    def moment(self) -> float | None:
        """Unix seconds, in the notation of whichever generation."""
        try:
            return rfc(self.created_at) if self.created_at[:1].isalpha() else iso(self.created_at)
        except (ValueError, KeyError):
            return None

    @property
    def links(self) -> list[Link]:
        return self.entities.urls if self.entities else []

    @property
    def pictures(self) -> list[Media]:
        for entities in (self.extended_entities, self.entities):
            if entities and entities.media:
                return entities.media
        return []


class Item(Tweet):
    """A tweet, or what holds one."""

    tweet: Tweet | None = None


class Core(Struct, gc=False):
    text: str = ""


class Note(Struct, gc=False):
    """A long post. Its id is not that of the tweet, which holds the beginning only."""

    createdAt: str = ""
    core: Core = field(default_factory=Core)


class Like(Struct, gc=False):
    tweetId: str = ""
    fullText: str = ""


def _given(number: str | int | None) -> str | None:
    return str(number) if number not in (None, "", -1, "-1") else None
