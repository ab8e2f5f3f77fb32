"""The records of Telegram Desktop's result.json, as far as the importer reads them.

Source: telegramdesktop/tdesktop, export_output_json.cpp, seen at commit 929032d.
"""

from typing import Any

from msgspec import UNSET, Struct, UnsetType, field


class TelegramEntity(Struct, gc=False):
    """A formatted part of a text, or one that Telegram took for a link, a mention or a number."""

    type: str = ""
    text: str = ""


class TelegramMessage(Struct, gc=False):
    """A message. `date` is local time; `date_unixtime` exists since June 2022.

    `from_id` is "user123", "chat123" or "channel123" since April 2021, and an integer before. `rich_message`
    stands in place of `text` since tdesktop 7 (mlomb/chat-analytics, issue 142).
    """

    id: int
    type: str = "message"
    date: str = ""
    date_unixtime: str | int | None = None
    edited: Any = UNSET
    name: str | None = field(name="from", default=None)
    from_id: str | int | None = None
    action: str = ""
    forwarded_from: str | UnsetType | None = UNSET
    via_bot: str | None = None
    reply_to_message_id: int | None = None
    reply_to_peer_id: str | int | None = None
    photo: str | None = None
    file: str | None = None
    media_type: str | None = None
    contact_information: Any = None
    location_information: Any = None
    place_name: Any = None
    poll: Any = None
    todo_list: Any = None
    game_title: Any = None
    invoice_information: Any = None
    giveaway_information: Any = None
    giveaway_results: Any = None
    paid_stars_amount: Any = None
    rich_message: Any = None
    text: str | list[str | TelegramEntity] = ""


def peer_id(value: str | int | None) -> str:
    """Return a peer's id in the form since April 2021; the older number holds the kind in its high bits."""
    if isinstance(value, int):
        return f"{('user', 'chat', 'channel')[max(0, min(value >> 32, 2))]}{value & 0xFFFFFFFF}"
    return value or ""
