"""A download of Meta as a whole: one file of it tells who "me" is in all the others.

Meta calls it "Download your information", and lets one download hold several accounts. Folders are named
`your_facebook_activity`, `your_activity_across_facebook` or, until 2022, `posts`; files are told by content.
Meta writes the bytes of UTF-8 as Latin-1 characters (`repair_latin1`). No full download was seen.
"""

from collections.abc import Callable, Iterator, Sequence

from training.importers.posts.meta import facebook, instagram, instagram_comments, messages
from training.importers.posts.meta.owner import Owners, is_profile
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.sniff import FileHead, sniff_head
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "Meta (Facebook, Instagram, Messenger, Threads)"
ADVICE = messages.ADVICE
GUIDE = Guide(
    steps=(
        "Accounts Center > Your information and permissions > Export your information > Create export > "
        "Export to device; Format: JSON, Date range: All time."
    ),
    reads=(
        "It reads messages of Instagram and Messenger; posts and comments of Facebook, also in groups; "
        "posts, reels, stories and comments of Instagram; posts and replies of Threads."
    ),
    leaves_out=(
        "Left out are what others wrote on your timeline, what you liked or saved, captions of photo "
        "albums, and sentences that Meta wrote, such as “Ana updated her status”."
    ),
    marks=(
        *("participants", "sender_name", "timestamp_ms", "comments_v2", "group_posts_v2", "post"),
        *("ig_reels_media", "ig_stories", "string_map_data", "label_values", "creation_timestamp"),
        "text_post_app_text_posts",
    ),
)
_Reader = Callable[[Source, Owners, ImportLog], Iterator[ExportedMessage]]


def recognises(head: FileHead) -> bool:
    return bool(_part(head))


def _part(head: FileHead) -> str:
    """Return the part of a download that a file is; "" for no such file."""
    tests = {
        "messages": messages.recognises,
        "owner": is_profile,
        "facebook": facebook.holds_posts,
        "comments": instagram_comments.holds_comments,
        "instagram": instagram.holds_posts,
    }
    return next((part for part, is_part in tests.items() if is_part(head)), "")


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    parts: dict[str, list[Source]] = {}
    for source in sources:
        parts.setdefault(_part(sniff_head(source)), []).append(source)
    owners = Owners(parts.pop("owner", []))
    readers: dict[str, _Reader] = {
        "messages": _read_messages,
        "facebook": facebook.read_posts,
        "comments": instagram_comments.read_comments,
        "instagram": instagram.read_posts,
    }
    for part, of_part in parts.items():
        for source in of_part:
            yield from readers[part](source, owners, log)


def _read_messages(source: Source, owners: Owners, log: ImportLog) -> Iterator[ExportedMessage]:
    platform = messages.platform_of(source)
    owner = "instagram" if platform == "instagram" else "facebook"
    yield from messages.read_thread(source, frozenset(owners.names(owner, source)), log)
