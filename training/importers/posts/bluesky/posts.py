"""Bluesky's repository of an account (repo.car): posts and answers, which are public.

Shapes as in bluesky-social/atproto (lexicons/app/bsky/feed/post.json and richtext/facet.json) and
MarshalX/atproto (atproto_core/car). No full export was seen. Direct messages are not in a repository.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from training.importers.posts.bluesky.car import is_car, read_blocks
from training.importers.posts.bluesky.repository import POSTS, Repository, decode
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_fields import object_field, text_field
from training.importers.reading.mentions import mention_labels
from training.importers.reading.normalise import clean_text, parse_iso_time
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage, Kind

TITLE = "Bluesky"
GUIDE = Guide(
    steps="Settings > Account > Export my data > Download CAR file.",
    reads="It reads posts and answers, with links written out.",
    leaves_out=(
        "Left out are reposts and likes, quoted posts, and direct messages, which the file does not hold."
    ),
    marks=("app.bsky.feed.post",),
)
# of records that the tree does not lead to any more, posts are those that were deleted
_LEFT_OUT = {"app.bsky.feed.repost": "reposts", POSTS: "deleted by their author"}
LINK = "app.bsky.richtext.facet#link"
_MEDIA: dict[str, Kind] = {"app.bsky.embed.images": "image", "app.bsky.embed.video": "video"}
_MOST_FACETS = 1000


def recognises(head: FileHead) -> bool:
    return is_car(head)


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        repository = Repository(source)
        for cid, block in read_blocks(source):
            if keys := repository.keys.pop(cid, None):
                record = decode(block, source)
                for key in keys:
                    yield from _convert(record, key, repository, log)
            elif any(kind.encode() in block for kind in _LEFT_OUT):
                value = decode(block, source)
                kind = value.get("$type") if isinstance(value, dict) else None
                if isinstance(kind, str) and kind in _LEFT_OUT:
                    log.skip(_LEFT_OUT[kind])


def _convert(record: Any, key: str, repository: Repository, log: ImportLog) -> Iterator[ExportedMessage]:
    if not isinstance(record, dict) or record.get("$type") != POSTS:
        log.skip("unreadable")
        return
    try:
        time = parse_iso_time(text_field(record, "createdAt"))
    except ValueError:
        log.skip("without a date")
        return
    owner, text = repository.owner, written_out(text_field(record, "text"), record.get("facets"))
    kind, quote = _embedded(record.get("embed"))
    yield ExportedMessage(
        platform="bluesky",
        chat=owner,
        id=clean_text(key),
        author=owner,
        author_name=repository.name,
        time=time,
        source=repository.source.label,
        text=text,
        is_self=True,
        chat_kind="timeline",
        chat_name=repository.name,
        reply_to=_post_id(object_field(object_field(record, "reply"), "parent"), owner),
        quote=_post_id(quote, owner),
        precision="millisecond",
        kind=kind,
        lang=_language(record.get("langs")),
        labels=mention_labels(text),
    )


def written_out(text: str, facets: Any) -> str:
    """Return a text with its links written out: a facet says which bytes of it stand for which address."""
    raw, links = text.encode(), list[tuple[int, int, str]]()
    for facet in facets[:_MOST_FACETS] if isinstance(facets, list) else ():
        index = object_field(facet, "index")
        start, end = index.get("byteStart"), index.get("byteEnd")
        address = _address(facet)
        if isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(raw) and address:
            links.append((start, end, address))
    pieces, at = list[bytes](), 0
    for start, end, address in sorted(links):
        if start >= at:
            pieces += raw[at:start], address.encode()
            at = end
    return clean_text(b"".join([*pieces, raw[at:]]).decode("utf-8", "replace").strip())


def _address(facet: Any) -> str:
    """Return the address of a facet that is a link, or ""."""
    features = facet.get("features") if isinstance(facet, dict) else None
    for feature in features if isinstance(features, list) else ():
        if isinstance(feature, dict) and feature.get("$type") == LINK:
            return text_field(feature, "uri")
    return ""


def _language(languages: Any) -> str:
    return str(languages[0]) if isinstance(languages, list) and len(languages) == 1 else ""


def _embedded(embed: Any) -> tuple[Kind, Any]:
    """Return the kind of media beside a post, and the reference to the post that it quotes."""
    kind = text_field(embed, "$type") if isinstance(embed, dict) else ""
    if kind == "app.bsky.embed.recordWithMedia":
        media, _ = _embedded(embed.get("media"))
        return media, object_field(object_field(embed, "record"), "record")
    return _MEDIA.get(kind, "text"), object_field(
        embed, "record"
    ) if kind == "app.bsky.embed.record" else None


def _post_id(reference: Any, owner: str) -> str | None:
    """Return the id of a post by its address, at://DID/app.bsky.feed.post/KEY: of an own one, the key."""
    address = text_field(reference, "uri") if isinstance(reference, dict) else ""
    return clean_text(address.removeprefix(f"at://{owner}/{POSTS}/")) or None
