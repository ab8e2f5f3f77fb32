"""WeChat, as other programs take it out of the phone: PyWxDump and WeClone, MemoTrace, chatlog, WeFlow."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from training.importers.reading.csv_rows import read_rows
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import Json
from training.importers.reading.normalise import clean, drawn_id, iso, numbered, seconds
from training.importers.reading.sniff import FileHead
from training.importers.reading.sniff import sniff as head_of
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage, Kind

TITLE = "WeChat"
_PYWXDUMP = {"id", "MsgSvrID", "type_name", "is_sender", "talker", "msg", "CreateTime"}
_MEMOTRACE = {"localId", "TalkerId", "Type", "SubType", "IsSender", "CreateTime", "StrContent"}
_ONE_CHAT = {"消息ID", "类型", "发送人", "时间", "内容"}
_CHATLOG = {"Time", "SenderName", "Sender", "TalkerName", "Talker", "Content"}
_SPAN = re.compile(r"_\d+_\d+$")
_SLASHES = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})[ T](\d{1,2}):(\d{2})(?::(\d{2}))?$")
_TEXT = {"文本", "文本消息", "text", "1", "引用消息", "引用回复"}
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("图片", "图片消息", "image", "3"), "image"),
    **dict.fromkeys(("视频", "视频消息", "video", "43"), "video"),
    **dict.fromkeys(("语音", "语音消息", "voice", "34"), "audio"),
    **dict.fromkeys(("动画表情", "表情包", "表情消息", "sticker", "47"), "sticker"),
    **dict.fromkeys(("文件", "文件消息", "file"), "file"),
    **dict.fromkeys(("系统通知", "系统消息", "拍一拍", "撤回消息", "system", "10000", "10002"), "notice"),
}


class ChatlogMessage(Struct, gc=False):
    """A message in chatlog's JSON."""

    seq: int | str = ""
    time: str = ""
    talker: str = ""
    talkerName: str = ""
    sender: str = ""
    senderName: str = ""
    isSelf: bool = False
    type: int | str = 1
    content: str = ""


class FlowMessage(Struct, gc=False):
    """A message of WeFlow or EchoTrace."""

    localId: int | str = ""
    createTime: int | str = ""
    isSend: int | None = None
    type: int | str = 1
    content: str | None = ""
    senderUsername: str | None = ""
    senderDisplayName: str | None = ""


def recognises(head: FileHead) -> bool:
    return _table(head.columns) is not None or _is_chatlog(head) or _is_flow(head)


def _is_chatlog(head: FileHead) -> bool:
    return head.has("[].talker", "[].isSelf", "[].content")


def _is_flow(head: FileHead) -> bool:
    return head.has("session.wxid", "messages") or head.has("messages[].isSend", "messages[].senderUsername")


def read(sources: Sequence[Source], tally: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        beginning = head_of(source)
        if row := _table(beginning.columns):
            yield from _rows(source, row, tally)
        elif _is_chatlog(beginning):
            yield from _chatlog(source, tally)
        else:
            yield from _flow(source, tally)


class Row(Struct, gc=False):
    """A message of any table. An empty id is drawn; without an author, `is_self` tells who it was."""

    id: str
    chat: str
    chat_name: str
    author: str
    author_name: str
    is_self: bool | None
    moment: str
    type: str
    text: str
    forwarded: bool = False


def _table(columns: tuple[str, ...]) -> Callable[[dict[str, str], Source], Row] | None:
    """How to read the rows of a table with these columns."""
    names = {*columns}
    if names >= _PYWXDUMP:
        return _pywxdump
    if names >= _MEMOTRACE:
        return _memotrace
    if names >= _ONE_CHAT:
        return _one_chat
    return _chatlog_row if names >= _CHATLOG else None


def _pywxdump(row: dict[str, str], source: Source) -> Row:
    """Each contact has a folder, each file of it a span of messages."""
    folder = source.path.rpartition("/")[0].rpartition("/")[2]
    chat = row.get("room_name") or folder or _SPAN.sub("", source.name.rpartition(".")[0])
    mine = _yes(row["is_sender"])
    author = row["talker"] or ("me" if mine else chat)
    return Row(
        row["MsgSvrID"] or row["id"],
        chat,
        folder or chat,
        author,
        author,
        mine,
        row["CreateTime"],
        row["type_name"],
        row["msg"],
        _yes(row.get("is_forward", "")),
    )


def _memotrace(row: dict[str, str], source: Source) -> Row:
    name = row.get("Remark") or row.get("NickName") or row["TalkerId"]
    mine = _yes(row["IsSender"])
    author = row.get("Sender") or ("me" if mine else name)
    kind = row["Type"] if row["Type"] != "1" or row["SubType"] in ("", "0") else "other"
    moment = row["CreateTime"] or row.get("StrTime", "")
    return Row(row["localId"], row["TalkerId"], name, author, author, mine, moment, kind, row["StrContent"])


def _one_chat(row: dict[str, str], source: Source) -> Row:
    chat = _SPAN.sub("", source.name.rpartition(".")[0])
    author = row["发送人"]
    return Row(row["消息ID"], chat, chat, author, author, None, row["时间"], row["类型"], row["内容"])


def _chatlog_row(row: dict[str, str], source: Source) -> Row:
    name = row["SenderName"] or row["Sender"]
    chat_name = row["TalkerName"] or row["Talker"]
    return Row("", row["Talker"], chat_name, row["Sender"], name, None, row["Time"], "1", row["Content"])


def _rows(
    source: Source, shape: Callable[[dict[str, str], Source], Row], tally: ImportLog
) -> Iterator[ExportedMessage]:
    seen: dict[str, int] = {}
    for cells in read_rows(source):
        try:
            row = shape(cells, source)
        except KeyError:
            tally.skip("rows that end early")
            continue
        yield from _said(row, source, seen, tally)


def _chatlog(source: Source, tally: ImportLog) -> Iterator[ExportedMessage]:
    document, seen = Json(source), dict[str, int]()
    for told in document.elements(ChatlogMessage):
        row = Row(
            str(told.seq),
            told.talker,
            told.talkerName,
            told.sender,
            told.senderName or told.sender,
            told.isSelf,
            told.time,
            str(told.type),
            told.content,
        )
        yield from _said(row, source, seen, tally)
    tally.skip("unreadable", document.unreadable)


def _flow(source: Source, tally: ImportLog) -> Iterator[ExportedMessage]:
    document, seen, session = Json(source), dict[str, int](), dict[str, Any]()
    for key in document.members():
        if key == "session":
            session = document.value(dict[str, Any])
        elif key == "messages":
            chat = str(session.get("wxid") or source.name)
            name = str(session.get("remark") or session.get("nickname") or session.get("displayName") or chat)
            for told in document.elements(FlowMessage):
                row = Row(
                    str(told.localId),
                    chat,
                    name,
                    told.senderUsername or "",
                    told.senderDisplayName or told.senderUsername or "",
                    None if told.isSend is None else bool(told.isSend),
                    str(told.createTime),
                    str(told.type),
                    told.content or "",
                )
                yield from _said(row, source, seen, tally)
    tally.skip("unreadable", document.unreadable)


def _said(row: Row, source: Source, seen: dict[str, int], tally: ImportLog) -> Iterator[ExportedMessage]:
    try:
        moment, local = _moment(row.moment)
    except ValueError:
        tally.skip("without a date")
        return
    kind: Kind = "text" if row.type.lower() in _TEXT else _KINDS.get(row.type.lower(), "other")
    author = row.author or ("me" if row.is_self else row.chat)
    drawn = "" if row.id else drawn_id(moment, author, row.text)
    group: ChatKind = "group" if row.chat.endswith("@chatroom") else "direct"
    yield ExportedMessage(
        platform="wechat",
        chat=clean(row.chat),
        id=clean(row.id) or drawn_id(drawn, numbered(drawn, seen)),
        author=clean(author),
        author_name=clean(row.author_name or author),
        time=moment,
        source=source.label,
        text=clean(row.text) if kind == "text" else "",
        is_self=row.is_self,
        chat_kind=group,
        chat_name=clean(row.chat_name),
        local=local,
        forwarded=row.forwarded,
        kind=kind,
    )


def _moment(text: str) -> tuple[float, bool]:
    """Unix seconds, or the clock of a phone: `2021-07-07 10:27:23`, `2024/10/4 11:42`."""
    text = text.strip()
    if text.isascii() and text.isdecimal() and len(text) < 14:
        number = int(text)
        return seconds(number / 1000 if number > 10**11 else number), False
    if found := _SLASHES.match(text):
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
        text = f"{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
    return iso(text), not re.search(r"[+Z]", text)


def _yes(text: str) -> bool:
    return text.strip().lower() in ("1", "true", "1.0")
