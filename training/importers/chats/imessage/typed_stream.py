"""The words in a message's attributedBody, and its edits: typedstream, the format of NSArchiver.

A stream begins with its header and the names of classes. The first value of the type "+" is the words: a
length (a byte; behind 81 two bytes, behind 82 four, little-endian) and UTF-8. What follows are attributes.
Layout as in ReagentX/imessage-exporter (imessage-database/src/util/streamtyped.rs and its test data). Edits
stand in message_summary_info, a binary property list (src/message_types/edited.rs): `otr` has the parts of
the message, `ec` the versions of each edited part, the current one last, and `rp` the parts that were unsent.
"""

import plistlib
import struct
from typing import Any, NamedTuple

_HEADER = b"\x04\x0bstreamtyped"
_WORDS = b"\x84\x01+"  # a new type, one character long: "+"
_CLASSES = 4096  # bytes at the beginning in which the names of classes stand
_LONGEST_SUMMARY = 1 << 20  # bytes of a property list
_LENGTHS = {0x81: "<H", 0x82: "<I"}
_BROKEN = (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError, struct.error)


class Edits(NamedTuple):
    """The current words of a message's edited parts; `is_unsent` where nothing of the message is left."""

    words: str = ""
    is_unsent: bool = False


def stream_words(stream: object) -> str | None:
    """Return the words of a typedstream; None for anything else, also where it ends early."""
    if not isinstance(stream, bytes) or not stream.startswith(_HEADER):
        return None
    at = stream.find(_WORDS, 0, _CLASSES) + len(_WORDS)
    if at < len(_WORDS) or at >= len(stream):
        return None
    length, at = stream[at], at + 1
    if length >= 0x80:
        layout = _LENGTHS.get(length)
        if layout is None or at + struct.calcsize(layout) > len(stream):
            return None
        (length,) = struct.unpack_from(layout, stream, at)
        at += struct.calcsize(layout)
    if at + length > len(stream):
        return None
    return stream[at : at + length].decode("utf-8", "replace")


def read_edits(summary: object) -> Edits:
    """Return the edits that a message_summary_info tells; none for anything else."""
    if not isinstance(summary, bytes) or len(summary) > _LONGEST_SUMMARY:
        return Edits()
    try:
        root = plistlib.loads(summary, fmt=plistlib.FMT_BINARY)
    except _BROKEN:
        return Edits()
    if not isinstance(root, dict):
        return Edits()
    parts, versions, unsent = root.get("otr"), root.get("ec"), root.get("rp")
    count = len(parts) if isinstance(parts, dict) else 1
    is_unsent = isinstance(unsent, list) and len(unsent) >= max(count, 1)
    lines = [_last_words(each) for each in versions.values()] if isinstance(versions, dict) else []
    return Edits("\n".join(filter(None, lines)), is_unsent)


def _last_words(versions: Any) -> str:
    """The words of a part's last version."""
    last = versions[-1] if isinstance(versions, list) and versions else None
    return (stream_words(last.get("t")) or "") if isinstance(last, dict) else ""
