"""Instagram's posts, reels and stories, and the posts and replies of Threads, which lie in the same download.

Keys as in kenn-io/msgvault, ericcgladstone-maker/org-signal (docs/formats/threads.md) and public parsers.
A post may stand in posts_1.json and, as `label_values`, in posts.json. Instagram lists what a person liked
or saved in the same shapes, but without its files: a record of `label_values` without files is not taken.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from training.importers.posts.meta.labels import is_label
from training.importers.posts.meta.owner import Owners
from training.importers.posts.meta.timeline import Timeline, media_kind
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.normalise import clean_text, repair_latin1
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

_MEDIA_LISTS = frozenset(
    ("ig_reels_media", "ig_stories", "ig_archived_post_media", "ig_igtv_media", "ig_other_media")
)
_THREADS = "text_post_app_text_posts"
_TREE_DEPTH = 8  # objects in objects of `label_values`


class InstagramMedia(Struct, gc=False):
    """A file with the caption of a post that has one file; `creation_timestamp` is in seconds."""

    uri: str | None = ""
    title: str | None = ""
    creation_timestamp: float | None = None
    text_app_post: Any = None


class InstagramPost(Struct, gc=False):
    """A post of any shape: a story stands without `media`, and newer posts have a list of labels."""

    media: list[InstagramMedia] | None = field(default_factory=list)
    title: str | None = ""
    creation_timestamp: float | None = None
    timestamp: float | None = None
    uri: str | None = ""
    text_app_post: Any = None
    label_values: Any = None


def holds_posts(head: FileHead) -> bool:
    """Return whether a file has posts of Instagram, or of Threads."""
    if head.keys & (_MEDIA_LISTS | {_THREADS}):
        return True
    return head.has("[].media[].uri", "[].media[].creation_timestamp") or head.has(
        "[].label_values[].media[].uri", "[].label_values[].media[].creation_timestamp"
    )


def read_posts(source: Source, owners: Owners, log: ImportLog) -> Iterator[ExportedMessage]:
    """Yield the posts of a file."""
    document, names = JsonReader(source), owners.names("instagram", source)
    name = names[0] if names else ""
    if document.first() == b"[":
        timeline = Timeline("instagram posts", name, source, log)
        for post in document.elements(InstagramPost):
            yield from _convert(post, names, timeline)
    else:
        for key in document.members():
            if (key in _MEDIA_LISTS or key == _THREADS) and document.first() == b"[":
                platform = "threads" if key == _THREADS else "instagram posts"
                timeline = Timeline(platform, name, source, log)
                for post in document.elements(InstagramPost):
                    yield from _convert(post, names, timeline)
    log.skip("unreadable", document.unreadable)


def _convert(post: InstagramPost, names: tuple[str, ...], timeline: Timeline) -> Iterator[ExportedMessage]:
    media, caption = post.media or [], post.title or ""
    if post.label_values is not None:
        tree = LabelTree(post.label_values)
        media, caption = tree.media, caption or tree.caption
        if not media or tree.is_of_others(names):
            timeline.log.skip("of others, which were liked, saved or shared")
            return
    text = caption or next((each.title for each in media if each.title), "")
    times = (post.creation_timestamp, post.timestamp, *(each.creation_timestamp for each in media))
    files = tuple(clean_text(uri) for uri in (post.uri, *(each.uri for each in media)) if uri)
    yield from timeline.post(
        next((time for time in times if time), None),
        clean_text(repair_latin1(text)).strip(),
        media_kind(files),
        files,
        answers=any(map(_is_reply, (post.text_app_post, *(each.text_app_post for each in media)))),
    )


def _is_reply(text_app_post: Any) -> bool:
    return isinstance(text_app_post, dict) and text_app_post.get("is_reply") is True


class LabelTree:
    """The caption, the files and the owner in a list of labels, some of which hold lists of labels."""

    def __init__(self, values: Any) -> None:
        self.caption, self.media, self._owners = "", list[InstagramMedia](), list[str]()
        for item in values if isinstance(values, list) else []:
            if not isinstance(item, dict):
                continue
            if is_label("caption label", item.get("label")) and isinstance(value := item.get("value"), str):
                self.caption = self.caption or value
            self.media += _media(item.get("media"))
            if is_label("owner label", item.get("title")):
                self._owners += _values(item.get("dict"))

    def is_of_others(self, names: tuple[str, ...]) -> bool:
        """Return whether the owner is named, and is not called by one of these names."""
        return bool(self._owners) and not set(names) & set(self._owners)


def _media(values: Any) -> Iterator[InstagramMedia]:
    for each in values if isinstance(values, list) else []:
        if isinstance(each, dict) and isinstance(uri := each.get("uri"), str):
            title, time = each.get("title"), each.get("creation_timestamp")
            yield InstagramMedia(
                uri=uri,
                title=title if isinstance(title, str) else "",
                creation_timestamp=time if isinstance(time, int | float) else None,
            )


def _values(tree: Any, depth: int = 0) -> Iterator[str]:
    """Yield all texts that labels in a tree have."""
    for item in tree if isinstance(tree, list) and depth < _TREE_DEPTH else []:
        if isinstance(item, dict):
            if isinstance(value := item.get("value"), str):
                yield clean_text(repair_latin1(value))
            yield from _values(item.get("dict"), depth + 1)
