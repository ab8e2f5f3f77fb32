"""Slack's messages and people, as its export and slackdump have them."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec import Struct

from training.importers.reading.html_text import unescape
from training.importers.reading.import_log import ImportLog
from training.importers.reading.normalise import LONGEST_NAME, LONGEST_TEXT, clean_text, unix_seconds
from training.importers.reading.record_kinds import RecordKind, kept_kind
from training.store.messages import ChatKind, ExportedMessage

# subtypes of Slack's API (docs.slack.dev/reference/events/message)
_SUBTYPES: dict[str, RecordKind] = {
    **dict.fromkeys(("", "me_message", "thread_broadcast", "file_share", "reply_broadcast"), "words"),
    **dict.fromkeys(("bot_message", "slackbot_response", "assistant_app_thread"), "bot"),
    **dict.fromkeys(("tombstone", "message_deleted"), "deleted"),
    **dict.fromkeys(
        (
            *(f"channel_{event}" for event in "join leave topic purpose name archive unarchive".split()),
            *(f"group_{event}" for event in "join leave topic purpose name archive unarchive".split()),
            *("channel_posting_permissions", "channel_convert_to_private", "channel_convert_to_public"),
            *(
                "channel_canvas_updated",
                "pinned_item",
                "unpinned_item",
                "bot_add",
                "bot_remove",
                "bot_enable",
            ),
            *("bot_disable", "ekm_access_denied", "reminder_add", "reminder_delete", "file_comment"),
            *("file_mention", "document_mention", "app_conversation_join", "joiner_notification"),
            *("joiner_notification_for_inviter", "sh_room_created", "sh_room_shared", "message_replied"),
            *("message_changed", "channel_created", "list_record_comment", "user_deactivated"),
        ),
        "notice",
    ),
    "huddle_thread": "call",
}
_SLACKBOT = "USLACKBOT"
_REFERENCE = re.compile(r"<([@#!]?)([^<>|]+)(?:\|([^<>]*))?>")


class SlackFile(Struct, gc=False):
    name: str | None = ""


class SlackMessage(Struct, gc=False):
    """A message; `ts` is its time and its id."""

    ts: str
    type: str = "message"
    subtype: str = ""
    user: str = ""
    text: str = ""
    thread_ts: str | None = None
    bot_id: str | None = None
    edited: Any = None
    files: list[SlackFile] | None = None


class SlackChat(NamedTuple):
    """A channel, a group or a direct chat, and the file that its messages are in."""

    id: str
    name: str
    kind: ChatKind
    source: str


class SlackPeople(NamedTuple):
    """The names of people by id, the ids of bots, and those of who exported; without these nobody is "me"."""

    names: Mapping[str, str]
    bots: frozenset[str]
    selves: frozenset[str]


def find_people(users: Mapping[str, dict[str, Any]], selves: frozenset[str] = frozenset()) -> SlackPeople:
    """Return the people of a workspace by Slack's objects of its users."""
    bots = frozenset(user for user, fields in users.items() if fields.get("is_bot"))
    return SlackPeople({user: _name(fields) for user, fields in users.items()}, bots, selves)


def convert_message(
    message: SlackMessage, chat: SlackChat, people: SlackPeople, log: ImportLog
) -> ExportedMessage | None:
    """Return a message; None, counted in the log, for a bot's, a deleted one, and one without a date."""
    if message.bot_id or message.user in people.bots or message.user == _SLACKBOT:
        log.skip("written by bots")
        return None
    try:
        time = unix_seconds(message.ts)
    except ValueError:
        log.skip("without a date")
        return None
    if (kept := kept_kind(_SUBTYPES.get(message.subtype), message.subtype, log)) is None:
        return None
    in_thread = message.thread_ts not in (None, "", message.ts)
    files = tuple(clean_text(file.name or "") for file in message.files or ())
    return ExportedMessage(
        platform="slack",
        chat=chat.id,
        id=message.ts,
        author=message.user,
        author_name=people.names.get(message.user, message.user),
        time=time,
        source=chat.source,
        text=_plain_text(message.text, people.names) if kept == "text" else "",
        is_self=message.user in people.selves if people.selves else None,
        chat_kind=chat.kind,
        chat_name=chat.name,
        thread=message.thread_ts or "",
        reply_to=message.thread_ts if in_thread else None,
        precision="millisecond",
        edited=message.edited is not None,
        kind="file" if files and kept == "text" else kept,
        media=files,
    )


def _name(user: dict[str, Any]) -> str:
    profile = user.get("profile")
    shown = profile.get("display_name") or profile.get("real_name") if isinstance(profile, dict) else ""
    return clean_text(str(shown or user.get("real_name") or user.get("name") or ""))[:LONGEST_NAME]


def _plain_text(text: str, names: Mapping[str, str]) -> str:
    """Replace references such as <@U1>, <#C1|general> and <url|label> by the names that Slack shows."""
    if len(text) > LONGEST_TEXT:
        return text

    def shown(found: re.Match[str]) -> str:
        sign, target, label = found.groups()
        if sign == "@":
            return f"@{names.get(target) or label or target}"
        if sign == "!":
            return label or f"@{target.partition('^')[0]}"
        return f"#{label or target}" if sign == "#" else label or target

    return clean_text(unescape(_REFERENCE.sub(shown, text)))
