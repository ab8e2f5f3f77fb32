"""WeChat messages as other programs take them from a phone: PyWxDump and WeClone, MemoTrace, chatlog, WeFlow.

WeChat itself exports nothing. Columns and keys are those of the files of these programs: hicccc77/WeFlow at
9fa96cd (JsonFormatter.ts, WeCloneFormatter.ts), xaoyaoo/PyWxDump (pywxdump/db/export), sjzar/chatlog at
a638aa9 (internal/model/message.go). WeFlow's and PyWxDump's JSON was seen in these sources alone.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from training.importers.chats.wechat.people import People, is_users
from training.importers.chats.wechat.quotes import own_words
from training.importers.chats.wechat.records import (
    ChatlogMessage,
    PyWxDumpMessage,
    WeChatRow,
    WeFlowMessage,
    WeFlowSender,
)
from training.importers.chats.wechat.tables import pywxdump_row, table_reader
from training.importers.reading.csv_rows import read_rows
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.message_ids import MessageIds, is_id
from training.importers.reading.normalise import clean_text, parse_iso_time, unix_seconds
from training.importers.reading.phrases import open_phrase_book, record_kind
from training.importers.reading.record_kinds import RecordKind, kept_kind
from training.importers.reading.sniff import FileHead, sniff_head
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage

TITLE = "WeChat"
GUIDE = Guide(
    steps=(
        "With PyWxDump, WeClone, MemoTrace (留痕), chatlog or WeFlow, as WeChat itself has no export: choose "
        "CSV or JSON, and import the files."
    ),
    reads="It reads messages of chats and groups, and of a reply its own words.",
    leaves_out=(
        "System lines, quoted messages, shared links, payments, calls, stickers and media are no words."
    ),
    marks=("MsgSvrID", "type_name", "is_sender", "talker", "msg", "CreateTime"),
)
_SLASHES = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})[ T](\d{1,2}):(\d{2})(?::(\d{2}))?$")
_QUOTES = {"引用消息", "引用回复", "带有引用的文本消息", "57", "49.57"}
# by the names and numbers of all exporters: WeChat's own types, the Chinese of the programs, their English
_TYPES: dict[str, RecordKind] = {
    **dict.fromkeys(("文本", "文本消息", "text", "1", *_QUOTES), "words"),
    **dict.fromkeys(("图片", "图片消息", "image", "3"), "image"),
    **dict.fromkeys(("视频", "视频消息", "video", "43", "62"), "video"),
    **dict.fromkeys(("语音", "语音消息", "voice", "34"), "audio"),
    **dict.fromkeys(("动画表情", "表情包", "表情消息", "sticker", "47", "49.8"), "sticker"),
    "用户上传的gif表情": "sticker",
    **dict.fromkeys(("文件", "文件消息", "file", "49.6"), "file"),
    **dict.fromkeys(("位置", "位置消息", "位置共享", "地图信息", "location", "48"), "location"),
    **dict.fromkeys(("名片", "名片消息", "推荐公众号", "card", "42"), "contact"),
    **dict.fromkeys(
        ("链接", "链接消息", "分享链接", "卡片式链接", "小程序", "聊天记录", "合并转发", "音乐"), "share"
    ),
    **dict.fromkeys(("视频号", "合并转发的聊天记录", "link", "share", "49", "other", "其他消息"), "share"),
    **dict.fromkeys(
        ("音乐消息", "音乐分享", "小程序消息", "小程序分享", "分享的小程序", "图文消息"), "share"
    ),
    **dict.fromkeys(("视频号直播卡片", "视频号直播或直播回放等", "聊天记录合并转发", "分享收藏夹"), "share"),
    **dict.fromkeys(("接龙", "类似文字消息而不一样的消息"), "share"),
    **dict.fromkeys((f"49.{number}" for number in (1, 3, 4, 5, 19, 24, 33, 36, 51, 53, 63, 88, 92)), "share"),
    **dict.fromkeys(("转账", "转账消息", "红包", "红包消息", "2000", "2001"), "payment"),
    **dict.fromkeys(("红包卡片", "转账卡片", "微信礼物", "赠送红包封面"), "payment"),
    **dict.fromkeys(("49.2000", "49.2001", "49.2003"), "payment"),
    **dict.fromkeys(("语音通话", "视频通话", "通话消息", "音视频通话", "call", "50"), "call"),
    **dict.fromkeys(("系统通知", "系统消息", "拍一拍", "撤回消息", "system", "10000", "10002"), "notice"),
    **dict.fromkeys(("添加好友", "群公告", "49.62", "49.87"), "notice"),
}


def recognises(head: FileHead) -> bool:
    return (
        table_reader(head.columns) is not None
        or _is_chatlog(head)
        or _is_weflow(head)
        or _is_pywxdump(head)
        or is_users(head)
    )


def _is_chatlog(head: FileHead) -> bool:
    return head.has("[].talker", "[].isSelf", "[].content")


def _is_weflow(head: FileHead) -> bool:
    return (
        head.has("session.wxid", "messages")
        or head.has("weflow", "session")
        or head.has("messages[].isSend", "messages[].senderUsername")
    )


def _is_pywxdump(head: FileHead) -> bool:
    return head.has("[].MsgSvrID", "[].type_name", "[].is_sender", "[].talker")


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    people = People()
    for source in sources:
        if is_users(sniff_head(source)):
            people.add(source)
    for source in sources:
        ids, names = MessageIds(), people.names_for(source)
        for row in _rows(source, log):
            if name := names.get(row.author):
                row.author_name = name
            yield from _convert(row, source, ids, log)


def _rows(source: Source, log: ImportLog) -> Iterator[WeChatRow]:
    head = sniff_head(source)
    if to_row := table_reader(head.columns):
        for cells in read_rows(source):
            try:
                row = to_row(cells, source)
            except KeyError:
                log.skip("rows that end early")
            else:
                yield row
    elif _is_chatlog(head):
        yield from _chatlog_rows(source, log)
    elif _is_pywxdump(head):
        yield from _pywxdump_rows(source, log)
    elif not is_users(head):
        yield from _weflow_rows(source, log)


def _chatlog_rows(source: Source, log: ImportLog) -> Iterator[WeChatRow]:
    document = JsonReader(source)
    for message in document.elements(ChatlogMessage):
        yield message.row()
    log.skip("unreadable", document.unreadable)


def _pywxdump_rows(source: Source, log: ImportLog) -> Iterator[WeChatRow]:
    document = JsonReader(source)
    for message in document.elements(PyWxDumpMessage):
        yield pywxdump_row(message.cells(), source)
    log.skip("unreadable", document.unreadable)


def _weflow_rows(source: Source, log: ImportLog) -> Iterator[WeChatRow]:
    document, session = JsonReader(source), dict[str, Any]()
    senders: dict[int, WeFlowSender] = {}
    for key in document.members():
        if key == "session":
            session = document.value(dict[str, Any])
        elif key == "senders":
            senders = {each.senderID: each for each in document.elements(WeFlowSender)}
        elif key == "messages":
            chat = str(session.get("wxid") or session.get("accountId") or source.name)
            name = str(session.get("remark") or session.get("nickname") or session.get("displayName") or chat)
            for message in document.elements(WeFlowMessage):
                yield message.row(chat, name, senders.get(message.senderID or 0))
    log.skip("unreadable", document.unreadable)


def _convert(row: WeChatRow, source: Source, ids: MessageIds, log: ImportLog) -> Iterator[ExportedMessage]:
    try:
        time, is_local = _parse_time(row.timestamp)
    except ValueError:
        log.skip("without a date")
        return
    record = _TYPES.get(row.type.lower())
    if record == "words" and (phrase := open_phrase_book("wechat").find(row.text, row.author_name)):
        record = record_kind(phrase)
    kind = kept_kind(record, row.type, log)
    if kind is None:
        return
    author = row.author or ("me" if row.is_self else row.chat)
    chat_kind: ChatKind = "group" if row.chat.endswith("@chatroom") else "direct"
    yield ExportedMessage(
        platform="wechat",
        chat=clean_text(row.chat),
        id=clean_text(row.id) if is_id(row.id) else ids.derive(row.chat, time, author, row.text),
        author=clean_text(author),
        author_name=clean_text(row.author_name or author),
        time=time,
        source=source.label,
        text=_words(row) if kind == "text" else "",
        is_self=row.is_self,
        chat_kind=chat_kind,
        chat_name=clean_text(row.chat_name),
        reply_to=clean_text(row.reply_to) if is_id(row.reply_to) else None,
        local=is_local,
        forwarded=row.forwarded,
        kind=kind,
    )


def _words(row: WeChatRow) -> str:
    """Return the own words of a text: of a reply, those without the quoted message."""
    is_quote = row.type in _QUOTES or bool(row.quoted) or row.text.startswith("「") or "[引用 " in row.text
    return clean_text(own_words(row.text, row.quoted) if is_quote else row.text)


def _parse_time(text: str) -> tuple[float, bool]:
    """Return seconds, and True where they are a phone's clock: `2021-07-07 10:27:23`, `2024/10/4 11:42`.

    Numbers are Unix seconds, or milliseconds from 10^11 on.
    """
    text = text.strip()
    if text.isascii() and text.isdecimal() and len(text) < 14:
        number = int(text)
        return unix_seconds(number / 1000 if number > 10**11 else number), False
    if found := _SLASHES.match(text):
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
        text = f"{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
    return parse_iso_time(text), not re.search(r"[+Z]", text)
