"""The records of an outbox, as ActivityStreams names them, and the words of a post."""

from typing import Any

from msgspec import Struct

from training.importers.reading.html_text import html_words
from training.importers.reading.json_fields import text_field
from training.importers.reading.normalise import LONGEST_TEXT, clean_text

_PUBLIC = frozenset(("https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public"))
_QUOTES = frozenset(("blockquote",))
_LINK_MARK = "quote-inline"  # of a line with the link to the quoted post (Mastodon 4.5, Akkoma, Misskey)
_LINK_TAGS = (f'<p class="{_LINK_MARK}">', f'<span class="{_LINK_MARK}">')


class Post(Struct, gc=False):
    """An object of an activity: a Note, or a Question, which is a Note with a poll."""

    id: str = ""
    type: str = ""
    name: str | None = None
    summary: str | None = None
    inReplyTo: Any = None
    published: str = ""
    updated: str | None = None
    to: Any = None
    cc: Any = None
    content: str | None = None
    contentMap: Any = None
    attachment: Any = None
    tag: Any = None
    quote: Any = None
    quoteUrl: Any = None
    quoteUri: Any = None
    conversation: Any = None

    @property
    def words(self) -> str:
        """The post's own words; a link is written out by what stands in it."""
        content = self.content or ""
        if len(content) > 4 * LONGEST_TEXT:
            return content
        words = html_words(_without_quote_link(content), without=_QUOTES)
        title = (self.name or "").strip() if self.type != "Note" else ""
        return clean_text("\n\n".join(filter(None, (title, words))))

    @property
    def answered(self) -> str | None:
        """The id of the answered post: some servers write the whole post in its place."""
        return _id_of(self.inReplyTo) or None

    @property
    def quoted(self) -> str | None:
        return _id_of(self.quote) or _id_of(self.quoteUrl) or _id_of(self.quoteUri) or None

    @property
    def language(self) -> str:
        languages = [*self.contentMap] if isinstance(self.contentMap, dict) else []
        return str(languages[0]) if len(languages) == 1 else ""

    @property
    def files(self) -> list[tuple[str, str]]:
        """The media type and the name of each file."""
        found = self.attachment if isinstance(self.attachment, list) else []
        return [
            (text_field(each, "mediaType"), clean_text(_id_of(each.get("url")).rpartition("/")[2]))
            for each in found
            if isinstance(each, dict)
        ]

    @property
    def names(self) -> dict[str, str]:
        """The names of the people whom the post mentions, by their addresses."""
        found = self.tag if isinstance(self.tag, list) else []
        return {
            text_field(each, "href"): clean_text(text_field(each, "name"))
            for each in found
            if isinstance(each, dict) and each.get("type") == "Mention"
        }

    def people(self) -> list[str] | None:
        """Return the people of a direct post, sorted; None for a public one and one to all followers."""
        addresses = {*_addresses(self.to), *_addresses(self.cc)}
        if not addresses or any(each in _PUBLIC or each.endswith("/followers") for each in addresses):
            return None
        return sorted(addresses)


class Activity(Struct, gc=False):
    """An element of an outbox: Create holds a post, Announce the address of somebody else's."""

    type: str = ""
    actor: Any = None
    published: str = ""
    object: Post | str | None = None


def _addresses(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str) and each]


def _id_of(value: Any) -> str:
    """Return an address, or that of an object or of the first one of a list."""
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, dict):
        value = value.get("id") or value.get("href") or value.get("url")
    return value if isinstance(value, str) else ""


def _without_quote_link(content: str) -> str:
    """Return a post's HTML without the link to the quoted post, which stands first or last."""
    for mark, end in zip(_LINK_TAGS, ("</p>", "</span>"), strict=True):
        if content.startswith(mark):
            return content.partition(end)[2]
        before, found, rest = content.rpartition(mark)
        if found:
            return before + rest.rpartition(end)[2]
    return content
