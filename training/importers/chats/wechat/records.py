"""One message of any WeChat exporter, and the JSON records of chatlog, WeFlow and PyWxDump."""

from typing import Any

from msgspec import Struct


class WeChatRow(Struct, gc=False):
    """A message as all exporters give it, in their own words for its type and time.

    An empty id is derived from the message; without an author, `is_self` tells the side.
    """

    id: str
    chat: str
    chat_name: str
    author: str
    author_name: str
    is_self: bool | None
    timestamp: str
    type: str
    text: str
    forwarded: bool = False
    quoted: str = ""
    reply_to: str = ""


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
    subType: int | None = 0
    content: str = ""

    def row(self) -> WeChatRow:
        """Of a share (49), the second number tells what it is."""
        return WeChatRow(
            str(self.seq),
            self.talker,
            self.talkerName,
            self.sender,
            self.senderName or self.sender,
            self.isSelf,
            self.time,
            f"49.{self.subType}" if str(self.type) == "49" and self.subType else str(self.type),
            self.content,
        )


class WeFlowSender(Struct, gc=False):
    """A person in arkme-json, where messages have only a number for each."""

    senderID: int = 0
    accountId: str = ""
    displayName: str | None = ""


class WeFlowMessage(Struct, gc=False):
    """A message in the JSON of WeFlow (also arkme-json) or EchoTrace."""

    localId: int | str = ""
    createTime: int | str = ""
    isSend: int | None = None
    type: int | str = 1
    content: str | None = ""
    senderUsername: str | None = ""
    senderDisplayName: str | None = ""
    senderID: int | None = None
    platformMessageId: int | str | None = ""
    replyToMessageId: int | str | None = ""
    quotedContent: str | None = ""

    def row(self, chat: str, chat_name: str, sender: WeFlowSender | None = None) -> WeChatRow:
        """WeFlow's `localId` counts the messages of one export: WeChat's own id goes before it."""
        author = self.senderUsername or (sender.accountId if sender else "")
        name = self.senderDisplayName or (sender.displayName if sender else "")
        return WeChatRow(
            str(self.platformMessageId or self.localId or ""),
            chat,
            chat_name,
            author,
            name or author,
            None if self.isSend is None else bool(self.isSend),
            str(self.createTime),
            str(self.type),
            self.content or "",
            quoted=self.quotedContent or "",
            reply_to=str(self.replyToMessageId or ""),
        )


class PyWxDumpMessage(Struct, gc=False):
    """A message in PyWxDump's JSON; older versions have `content` in the place of `msg`."""

    id: int | str | None = ""
    MsgSvrID: int | str | None = ""
    type_name: str | None = ""
    is_sender: int | str | None = 0
    talker: str | None = ""
    room_name: str | None = ""
    msg: str | None = None
    content: Any = None
    is_forward: int | str | None = ""
    CreateTime: int | str | None = ""

    def cells(self) -> dict[str, str]:
        """Return the message as a row of PyWxDump's table."""
        content = self.content if isinstance(self.content, dict) else {}
        msg = self.msg if self.msg is not None else content.get("msg")
        return {
            "id": str(self.id or ""),
            "MsgSvrID": str(self.MsgSvrID or ""),
            "type_name": self.type_name or "",
            "is_sender": str(self.is_sender or 0),
            "talker": self.talker or "",
            "room_name": self.room_name or "",
            "msg": msg if isinstance(msg, str) else "",
            "is_forward": str(self.is_forward or ""),
            "CreateTime": str(self.CreateTime or ""),
        }


class PyWxDumpUser(Struct, gc=False):
    """A person in PyWxDump's users.json."""

    wxid: str = ""
    nickname: str | None = ""
    remark: str | None = ""
    account: str | None = ""

    @property
    def name(self) -> str:
        return self.remark or self.nickname or self.account or ""
