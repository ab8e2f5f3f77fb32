"""One message of any WeChat exporter, and the JSON records of chatlog and WeFlow."""

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

    def row(self) -> WeChatRow:
        return WeChatRow(
            str(self.seq),
            self.talker,
            self.talkerName,
            self.sender,
            self.senderName or self.sender,
            self.isSelf,
            self.time,
            str(self.type),
            self.content,
        )


class WeFlowMessage(Struct, gc=False):
    """A message in the JSON of WeFlow or EchoTrace."""

    localId: int | str = ""
    createTime: int | str = ""
    isSend: int | None = None
    type: int | str = 1
    content: str | None = ""
    senderUsername: str | None = ""
    senderDisplayName: str | None = ""
    platformMessageId: int | str | None = ""
    quotedContent: str | None = ""

    def row(self, chat: str, chat_name: str) -> WeChatRow:
        return WeChatRow(
            str(self.localId or self.platformMessageId or ""),
            chat,
            chat_name,
            self.senderUsername or "",
            self.senderDisplayName or self.senderUsername or "",
            None if self.isSend is None else bool(self.isSend),
            str(self.createTime),
            str(self.type),
            self.content or "",
            quoted=self.quotedContent or "",
        )
