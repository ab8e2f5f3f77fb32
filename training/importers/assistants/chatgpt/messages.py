"""Messages of ChatGPT: those that were shown, and their own words without marks of sources.

Kinds of content as in dsh-chat-import, Limbo-hub and public readers of such exports, seen in November 2026.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from training.importers.reading.assistant_turns import (
    HIDDEN,
    THOUGHTS,
    TOOLS,
    UNKNOWN_SIDE,
    Turn,
    read_names,
    read_object,
    read_objects,
    read_text,
)
from training.importers.reading.import_log import ImportLog
from training.importers.reading.record_kinds import RecordKind, file_kind, kept_kind

SPOKEN = "spoken turns, as the assistant's program wrote them down, which are read and not learned"
_HIDDEN_MARKS = ("is_visually_hidden_from_conversation", "is_user_system_message", "is_hidden")
_REASONS = {
    **dict.fromkeys(("user_editable_context", "model_editable_context"), HIDDEN),
    **dict.fromkeys(("thoughts", "reasoning_recap"), THOUGHTS),
    **dict.fromkeys(("code", "execution_output", "computer_output", "system_error"), TOOLS),
    **dict.fromkeys(("tether_browsing_display", "tether_quote", "sonic_webpage"), TOOLS),
}
_WORDS = frozenset(("text", "multimodal_text", ""))
_PARTS: dict[str, RecordKind] = {
    "image_asset_pointer": "image",
    "audio_asset_pointer": "audio",
    "real_time_user_audio_video_asset_pointer": "audio",
    "audio_transcription": "audio",
    "video_container_asset_pointer": "video",
}
# marks of sources in answers: between private characters since 2025, between brackets before
_SOURCE_MARK = re.compile(" ?(?:\ue200[^\ue200\ue201]*+\ue201|【[^【】†]*+†[^【】]*+】)")


class _Parts(NamedTuple):
    """The parts of a content: its written and its spoken words, and the kind of its first file."""

    written: str
    spoken: str
    kind: RecordKind


def read_turn(id: str, message: dict[str, Any], time: float, log: ImportLog) -> Turn | None:
    """Return a message that was shown as a turn; None, counted in the log, for another one."""
    role = read_text(read_object(message.get("author")).get("role"))
    content = read_object(message.get("content"))
    if reason := _unspoken_reason(role, message, content):
        log.skip(reason)
        return None
    form = read_text(content.get("content_type"))
    parts = _read_parts(content.get("parts"))
    names = read_names(read_objects(read_object(message.get("metadata")).get("attachments")), "name")
    record = parts.kind if parts.kind != "words" or not names else file_kind(names[0])
    if (kind := kept_kind(record if form in _WORDS else None, form, log)) is None:
        return None
    is_person = role == "user"
    text = parts.written or parts.spoken
    if kind == "text" and not text:
        log.skip("empty")
        return None
    if not is_person:
        text = _SOURCE_MARK.sub("", text)
    is_written = bool(parts.written) or not parts.spoken
    log.keep(SPOKEN, is_person and not is_written)
    return Turn(id, is_person, time, text if form in _WORDS else "", kind, names, is_written)


def _unspoken_reason(role: str, message: dict[str, Any], content: dict[str, Any]) -> str:
    """Return the reason to leave a message out, or ""."""
    metadata = read_object(message.get("metadata"))
    form = read_text(content.get("content_type"))
    if role == "system" or message.get("weight") == 0 or any(metadata.get(mark) for mark in _HIDDEN_MARKS):
        return HIDDEN
    if role not in ("user", "assistant", "tool"):
        return UNKNOWN_SIDE
    if form in _REASONS:
        return _REASONS[form]
    if role == "tool":
        return "" if _read_parts(content.get("parts")).kind == "image" else TOOLS
    if role == "assistant" and message.get("recipient") not in ("all", "", None):
        return TOOLS
    is_thought = message.get("channel") == "analysis" or metadata.get("is_thinking_preamble_message")
    return THOUGHTS if role == "assistant" and is_thought else ""


def _read_parts(value: Any) -> _Parts:
    parts = value if isinstance(value, list) else []
    written = "\n".join(filter(None, map(read_text, parts))).strip()
    spoken = "\n".join(
        read_text(part.get("text")) for part in read_objects(parts) if _is_spoken(part)
    ).strip()
    return _Parts(written, spoken, next(_kinds(parts), "words"))


def _kinds(parts: list[Any]) -> Iterator[RecordKind]:
    for part in read_objects(parts):
        yield _PARTS.get(read_text(part.get("content_type")), "file")


def _is_spoken(part: dict[str, Any]) -> bool:
    return part.get("content_type") == "audio_transcription"
