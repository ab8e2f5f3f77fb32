"""The CSV tables of WeChat messages, distinguished by their columns.

PyWxDump (also WeClone's and WeFlow's) and MemoTrace (WeChatMsg) of all chats, MemoTrace of one chat, and
chatlog.
"""

import re
from collections.abc import Callable

import msgspec

from training.importers.chats.wechat.records import WeChatRow
from training.importers.reading.message_ids import is_id
from training.importers.reading.source import Source

TableReader = Callable[[dict[str, str], Source], WeChatRow]
_PYWXDUMP = {"id", "MsgSvrID", "type_name", "is_sender", "talker", "msg", "CreateTime"}
_PYWXDUMP_OLDER = {"MsgSvrID", "type_name", "is_sender", "talker", "room_name", "content", "CreateTime"}
_MEMOTRACE = {"localId", "TalkerId", "Type", "SubType", "IsSender", "CreateTime", "StrContent"}
_ONE_CHAT = {"消息ID", "类型", "发送人", "时间", "内容"}
_CHATLOG = {"Time", "SenderName", "Sender", "TalkerName", "Talker", "Content"}
_MESSAGE_RANGE = re.compile(r"_\d+_\d+$")


class PyWxDumpContent(msgspec.Struct, gc=False):
    """The column `content` of older versions."""

    msg: str | None = ""


_CONTENT = msgspec.json.Decoder(PyWxDumpContent)


def table_reader(columns: tuple[str, ...]) -> TableReader | None:
    """Return the function that reads a row of a table with these columns; None for an unknown table."""
    names = {*columns}
    if names >= _PYWXDUMP:
        return pywxdump_row
    if names >= _PYWXDUMP_OLDER:
        return _older_pywxdump_row
    if names >= _MEMOTRACE:
        return _memotrace
    if names >= _ONE_CHAT:
        return _one_chat
    return _chatlog if names >= _CHATLOG else None


def pywxdump_row(row: dict[str, str], source: Source) -> WeChatRow:
    """A row of PyWxDump: each contact has a folder, each file in it a range of messages.

    WeFlow's table has no room_name: each file is a chat, and a talker is a shown name.
    """
    folder = source.path.rpartition("/")[0].rpartition("/")[2]
    chat = row.get("room_name") or (folder if "room_name" in row else "") or _chat_of(source)
    chat_name = (folder if "room_name" in row else "") or chat
    is_self = _is_true(row["is_sender"])
    author = row["talker"] or ("me" if is_self else chat)
    return WeChatRow(
        next(filter(is_id, (row["MsgSvrID"], row.get("id", ""))), ""),
        chat,
        chat_name,
        author,
        author,
        is_self,
        row["CreateTime"],
        row["type_name"],
        row["msg"],
        _is_true(row.get("is_forward", "")),
    )


def _older_pywxdump_row(row: dict[str, str], source: Source) -> WeChatRow:
    """A row whose words are JSON: {"src": "", "msg": ""}."""
    try:
        words = _CONTENT.decode(row["content"]).msg or ""
    except (ValueError, RecursionError):
        words = ""
    return pywxdump_row({**row, "msg": words}, source)


def _memotrace(row: dict[str, str], source: Source) -> WeChatRow:
    """A row of MemoTrace: a text has Type 1 and SubType 0."""
    chat_name = row.get("Remark") or row.get("NickName") or row["TalkerId"]
    is_self = _is_true(row["IsSender"])
    author = row.get("Sender") or ("me" if is_self else chat_name)
    return WeChatRow(
        row["localId"],
        row["TalkerId"],
        chat_name,
        author,
        author,
        is_self,
        row["CreateTime"] or row.get("StrTime", ""),
        row["Type"] if row["Type"] != "1" or row["SubType"] in ("", "0") else "other",
        row["StrContent"],
    )


def _one_chat(row: dict[str, str], source: Source) -> WeChatRow:
    chat, author = _chat_of(source), row["发送人"]
    return WeChatRow(row["消息ID"], chat, chat, author, author, None, row["时间"], row["类型"], row["内容"])


def _chatlog(row: dict[str, str], source: Source) -> WeChatRow:
    return WeChatRow(
        "",
        row["Talker"],
        row["TalkerName"] or row["Talker"],
        row["Sender"],
        row["SenderName"] or row["Sender"],
        None,
        row["Time"],
        "1",
        row["Content"],
    )


def _chat_of(source: Source) -> str:
    """The file's name without its extension and its range of messages."""
    return _MESSAGE_RANGE.sub("", source.name.rpartition(".")[0])


def _is_true(cell: str) -> bool:
    return cell.strip().lower() in ("1", "true", "1.0")
