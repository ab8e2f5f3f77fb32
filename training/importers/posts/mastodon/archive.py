"""The archive of Mastodon: outbox.json with what a person has posted, and actor.json, which says who that is.

Shapes as in mastodon/mastodon (app/services/backup_service.rb, seen at commit 0486db9, which wrote a tar.gz)
and in neodb-social/neodb, pull request 1868: Pixelfed writes the same, without `inReplyTo`. No full export
was seen. Of a direct post, the people alone are its receivers: it is a chat of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from training.importers.posts.mastodon.records import Activity, Post
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader, read_document
from training.importers.reading.mentions import mention_labels, without_addresses
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import LONGEST_NAME, clean_text, parse_iso_time
from training.importers.reading.record_kinds import RecordKind, kept_kind
from training.importers.reading.sniff import FileHead, sniff_head
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage, Kind

TITLE = "Mastodon"
GUIDE = Guide(
    steps="Preferences > Import and export > Data export > Request your archive.",
    reads="It reads posts and answers; direct posts as chats of their own.",
    leaves_out="Left out are boosts, favourites and bookmarks, content warnings, polls, and quoted posts.",
    marks=("orderedItems", "preferredUsername", "outbox", "inReplyTo"),
)
_TYPES: dict[str, RecordKind] = {
    **dict.fromkeys(("Note", "Question", "Article", "Page"), "words"),
    **dict.fromkeys(("Image", "Video", "Audio", "Event"), "share"),
    "Tombstone": "deleted",
}
_MEDIA: dict[str, Kind] = {"image": "image", "video": "video", "audio": "audio"}


@dataclass(slots=True)
class MastodonOwner:
    """The person whose archive it is; `id` is the address of the account, which each activity has too."""

    id: str = "self"
    name: str = ""
    display_name: str = ""
    ids: MessageIds = field(default_factory=MessageIds)


def recognises(head: FileHead) -> bool:
    return bool(_part(head))


def _part(head: FileHead) -> str:
    if head.has("preferredUsername", "inbox", "outbox"):
        return "owner"
    if head.has("@context", "orderedItems") or head.has("orderedItems", "totalItems"):
        return "posts" if head.has("orderedItems[].type", "orderedItems[].object") else "list"
    return ""


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    parts: dict[str, list[Source]] = {}
    for source in sources:
        parts.setdefault(_part(sniff_head(source)), []).append(source)
    owners = {_folder(source): _owner(source) for source in parts.get("owner", [])}
    for source in parts.get("posts", []):
        owner = owners.get(_folder(source)) or MastodonOwner()
        document = JsonReader(source)
        for key in document.members():
            if key == "orderedItems":
                for activity in document.elements(Activity):
                    yield from _convert(activity, owner, source, log)
        log.skip("unreadable", document.unreadable)


def _folder(source: Source) -> str:
    return f"{source.root}/{source.path}".replace("\\", "/").rstrip("/").rpartition("/")[0]


def _owner(source: Source) -> MastodonOwner:
    root: Any = read_document(source)
    fields = root if isinstance(root, dict) else {}
    id, name, shown = (str(fields.get(key) or "") for key in ("id", "preferredUsername", "name"))
    return MastodonOwner(clean_text(id) or "self", clean_text(name), clean_text(shown)[:LONGEST_NAME])


def _convert(
    activity: Activity, owner: MastodonOwner, source: Source, log: ImportLog
) -> Iterator[ExportedMessage]:
    post = activity.object
    if owner.id == "self" and isinstance(activity.actor, str) and activity.actor:
        owner.id = clean_text(activity.actor)
    if activity.type == "Announce":
        log.skip("boosts")
        return
    if activity.type != "Create" or not isinstance(post, Post):
        log.count_unknown(activity.type or "an activity without a type")
        return
    if (kept := kept_kind(_TYPES.get(post.type), post.type, log)) is None:
        return
    try:
        time = parse_iso_time(post.published or activity.published)
    except ValueError:
        log.skip("without a date")
        return
    if post.summary:
        log.keep("posts, without their content warning")
    yield _message(post, owner, source, time, kept)


def _message(post: Post, owner: MastodonOwner, source: Source, time: float, kept: Kind) -> ExportedMessage:
    text, people = post.words if kept == "text" else "", post.people()
    if post.answered or people is not None:
        text = without_addresses(text)
    chat, chat_kind, chat_name = _chat(post, people, owner)
    files = post.files if kept == "text" else []
    return ExportedMessage(
        platform="mastodon",
        chat=chat,
        id=owner.ids.choose(post.id, chat, time, text),
        author=owner.id,
        author_name=owner.display_name or owner.name,
        time=time,
        source=source.label,
        text=text,
        is_self=True,
        chat_kind=chat_kind,
        chat_name=chat_name,
        reply_to=post.answered,
        quote=post.quoted,
        edited=post.updated is not None,
        kind=_MEDIA.get(files[0][0].partition("/")[0], "file") if files else kept,
        media=tuple(name for _, name in files if name),
        lang=post.language,
        labels=mention_labels(text),
    )


def _chat(post: Post, people: list[str] | None, owner: MastodonOwner) -> tuple[str, ChatKind, str]:
    """Return the chat of a post: all posts are one, and those to the same people are another."""
    if people is None:
        return owner.id, "timeline", f"@{owner.name}" if owner.name else ""
    others = [person for person in people if person != owner.id]
    names = post.names
    shown = ", ".join(names.get(person) or person.rpartition("/")[2] for person in others)
    return f"direct {' '.join(others)}".strip(), "group" if len(others) > 1 else "direct", shown
