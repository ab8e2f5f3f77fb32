"""The words that qq-chat-exporter writes in the place of pictures, faces, replies and forwarded chats."""

import re

from training.importers.reading.phrases import open_phrase_book, record_kind
from training.importers.reading.record_kinds import RecordKind

_IN_TEXT = re.compile(r"\[(?:图片|视频|语音|文件|表情|回复)(?:消息|\d{1,6})?+(?:[:： ][^\[\]\n]{0,300}+)?\]")
_IN_BRACKETS = re.compile(r"\[[^\[\]\n]{1,40}+\]")
_FORWARD, _REPLY = "[转发消息", "[回复 "


def own_words(text: str, quoted: str = "") -> str:
    """Return a text without placeholders, and without the message that it answers, which is `quoted`.

    Version 4 puts the quoted words into the text: where `quoted` does not tell their end, nothing is left.
    """
    if text.startswith(_FORWARD):
        return ""
    if text.startswith(_REPLY):
        text = text.partition(f": {quoted}]")[2] if quoted else ""
    return _IN_TEXT.sub("", text).strip()


def kind_without_words(text: str) -> RecordKind | None:
    """Return what a text of placeholders stands for; None for one of another kind."""
    first = text.strip().partition("\n")[0]
    if first.startswith(_FORWARD):
        return "share"
    if found := _IN_TEXT.match(first) or _IN_BRACKETS.match(first):
        phrase = open_phrase_book("qq-chat-exporter").find(found[0])
        return record_kind(phrase) if phrase else "sticker"
    return None


def is_placeholder(text: str) -> bool:
    """Return whether a text is nothing but one pair of brackets, as an animated face is written."""
    return bool(_IN_BRACKETS.fullmatch(text))
