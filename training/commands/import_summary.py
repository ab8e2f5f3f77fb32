"""The summary of an import, for people and for programs."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from training.commands.import_exports import ImportResult
from training.store.participants import MessageCount, printable
from training.store.roles import DATA_SETS, DOCUMENTS

_SHOWN = 20  # chats, and authors
_NAME = 40  # characters
_KINDS = {  # of messages without words: one, and several
    "image": ("image", "images"),
    "video": ("video", "videos"),
    "audio": ("audio message", "audio messages"),
    "sticker": ("sticker", "stickers"),
    "file": ("file", "files"),
    "notice": ("notice (who joined, called, changed a name)", "notices (who joined, called, changed a name)"),
    "other": ("message of another kind", "messages of other kinds"),
}


def describe_import(imported: ImportResult) -> str:
    """Return chats and authors with counts and dates, and the reasons for skipped messages."""
    participants, total = imported.participants, imported.earlier + imported.added
    lines = [
        f"{', '.join(imported.formats)}: {_counts(imported)}.",
        *_table("Chats", _fold_dialogues(participants.chats.values()), {}),
        *_table("Authors", participants.authors.values(), imported.selves),
        *_list_counts("Kept without words", _kinds(participants.wordless)),
        *_list_counts("Of a kind that is not known, and kept without words", imported.log.unknown),
        *_list_counts("Kept", imported.log.kept),
        *_list_counts("Skipped", imported.log.skipped),
        *imported.log.notes,
        f"{imported.path} holds {total:,} message{'' if total == 1 else 's'}.",
    ]
    return "\n".join(lines)


def import_json(imported: ImportResult) -> dict[str, Any]:
    """Return the same without limits, as JSON."""
    participants = imported.participants
    return {
        "file": str(imported.path),
        "formats": imported.formats,
        "added": imported.added,
        "known": imported.known,
        "repeated": imported.repeated,
        "doubled": imported.known + imported.repeated,
        "messages": imported.earlier + imported.added,
        "me": {platform: sorted(ids) for platform, ids in imported.selves.items()},
        "chats": [_count(count) for count in participants.chats.values()],
        "authors": [_count(count) for count in participants.authors.values()],
        "without_words": participants.wordless,
        "kept": dict(imported.log.kept),
        "unknown_kinds": dict(imported.log.unknown),
        "skipped": dict(imported.log.skipped),
        "notes": list(imported.log.notes),
    }


def _fold_dialogues(chats: Iterable[MessageCount]) -> Iterator[MessageCount]:
    """Yield the chats, with one line for all dialogues of a data set, which have no names."""
    folded = dict[str, list[MessageCount]]()
    for chat in chats:
        if chat.platform in DATA_SETS and chat.id != DOCUMENTS:
            folded.setdefault(chat.platform, []).append(chat)
        else:
            yield chat
    for platform, dialogues in folded.items():
        messages = sum(chat.messages for chat in dialogues)
        yield MessageCount(platform, "", f"{len(dialogues):,} dialogues", messages=messages)


def _counts(imported: ImportResult) -> str:
    counts = (
        f"{imported.added:,} new message{'' if imported.added == 1 else 's'}, {imported.known:,} known before"
    )
    return f"{counts}, {imported.repeated:,} repeated in these exports" if imported.repeated else counts


def _count(count: MessageCount) -> dict[str, Any]:
    fields = {"platform": count.platform, "id": count.id, "name": count.name, "messages": count.messages}
    kind = {"kind": count.kind} if count.kind else {}
    return {**fields, **kind, "first": _day(count.first), "last": _day(count.last)}


def _table(title: str, counts: Iterable[MessageCount], selves: dict[str, set[str]]) -> list[str]:
    ordered = sorted(counts, key=lambda count: -count.messages)
    more = len(ordered) - _SHOWN
    lines = [_line(count, count.id in selves.get(count.platform, ())) for count in ordered[:_SHOWN]]
    return [f"{title}:", *lines, *([f"  and {more:,} more"] if more > 0 else [])]


def _line(count: MessageCount, is_self: bool) -> str:
    name = printable(count.name or count.id)[:_NAME]
    role = "me" if is_self else count.kind
    days = f"{_day(count.first)} to {_day(count.last)}"
    return f"  {count.platform:<10} {name:<{_NAME}} {role:<8} {count.messages:>10,}  {days}"


def _day(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}" if 0 < moment < float("inf") else "-"


def _kinds(counts: dict[str, int]) -> dict[str, int]:
    """Return the counts of kinds of messages with the kinds in words."""
    return {_KINDS.get(kind, (kind, kind))[count != 1]: count for kind, count in counts.items()}


def _list_counts(title: str, counts: dict[str, int]) -> list[str]:
    listed = ", ".join(
        f"{count:,} {reason}" for reason, count in sorted(counts.items(), key=lambda item: -item[1])
    )
    return [f"{title}: {listed}."] if listed else []
