"""The methods with which the bot shows something for a while: chat actions and drafts."""

import time
from collections.abc import Sequence

from tests.fakes.telegram.access import check_thread, writable
from tests.fakes.telegram.arguments import Arguments
from tests.fakes.telegram.events import Events
from tests.fakes.telegram.markup import finish, parse
from tests.fakes.telegram.records import Draft
from tests.fakes.telegram.refusal import Json, Refusal
from tests.fakes.telegram.text import LIMIT

ACTIONS = (
    "typing upload_photo record_video upload_video record_voice upload_voice upload_document choose_sticker "
    "find_location record_video_note upload_video_note"
).split()


def send_chat_action(world: Events, arguments: Arguments) -> bool:
    action = arguments.text("action")
    if action not in ACTIONS:
        raise Refusal(400, "wrong parameter action in request")
    chat = writable(world, arguments.chat(), arguments.values.get("business_connection_id"))
    thread = arguments.number("message_thread_id")
    if not (chat.forum and thread == 1):  # "General" may be named here, and only here
        check_thread(world, chat, thread)
    world.record_action(chat, action, thread)
    return True


def send_message_draft(world: Events, arguments: Arguments) -> bool:
    text, entities = parse(arguments)
    if not text:
        return draft(world, arguments, "")
    return draft(world, arguments, *finish(text, entities, world.users, LIMIT, "message is too long"))


def send_rich_message_draft(world: Events, arguments: Arguments) -> bool:
    rich = arguments.data("rich_message") or {}
    return draft(world, arguments, rich.get("html") or rich.get("markdown") or "")


def draft(world: Events, arguments: Arguments, text: str, entities: Sequence[Json] = ()) -> bool:
    number = arguments.number("draft_id")
    if not number:
        raise Refusal(400, "DRAFT_ID_INVALID")
    chat = writable(world, arguments.chat())
    if chat.peer is None:
        raise Refusal(400, "TEXTDRAFT_PEER_INVALID")
    thread = arguments.number("message_thread_id")
    check_thread(world, chat, thread)
    world.record_draft(chat, Draft(number, text, time.monotonic(), thread, tuple(entities)))
    return True


METHODS = {
    "sendChatAction": send_chat_action,
    "sendMessageDraft": send_message_draft,
    "sendRichMessageDraft": send_rich_message_draft,
}
