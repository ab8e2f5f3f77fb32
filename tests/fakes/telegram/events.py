"""Actions of people, chats and Telegram itself, each with an update where the bot would receive one."""

import time
from copy import deepcopy

from tests.fakes.telegram.access import hears
from tests.fakes.telegram.cast import Cast
from tests.fakes.telegram.chat import ADMINISTRATORS, MEDIA, Chat, Member, Message, User
from tests.fakes.telegram.records import Press
from tests.fakes.telegram.refusal import Json
from tests.fakes.telegram.world import ANONYMOUS, TELEGRAM, found

EDITED = {"channel": "edited_channel_post"}
ICON_COLOR = 7322096


class Events(Cast):
    """Lets things happen in the world. Everything is a plain call."""

    def say(
        self,
        chat: Chat,
        user: User,
        text: str,
        *,
        reply_to: Message | None = None,
        thread: int | None = None,
        anonymous: bool = False,
        sender_chat: Chat | None = None,
        forwarded_from: User | None = None,
        via_bot: User | None = None,
        business: str | None = None,
        date: int | None = None,
        **more: object,
    ) -> Message:
        """Somebody says something.

        anonymous: as an anonymous administrator of the chat; sender_chat: in the name of a channel;
        business: a connection's id; date: Unix time, now if None; more: fields of the message as they stand,
        such as a document, whose caption the text then is.
        """
        shown: Json = {"from": ANONYMOUS.wire() if anonymous else user.wire()}
        speaking = chat if anonymous else sender_chat
        shown |= {"sender_chat": speaking.wire()} if speaking else {}
        shown |= {"via_bot": via_bot.wire()} if via_bot else {}
        shown |= {"business_connection_id": business} if business else {}
        if forwarded_from:
            origin = {"type": "user", "date": int(time.time()) - 60, "sender_user": forwarded_from.wire()}
            shown["forward_origin"] = origin
        words = found(text, caption=bool(MEDIA & more.keys()))
        content = shown | place(chat, thread, reply_to) | words | more
        message = self.add_message(chat, content, date=date)
        chat.started = chat.started or business is None
        self._tell("business_message" if business else "message", message)
        return message

    def _tell(self, kind: str, message: Message) -> None:
        if hears(self, message):
            message.update_id = self.updates.put(kind, message.wire)
        self.bell.ring()

    def edit(self, message: Message, text: str) -> None:
        """Edit a user's message."""
        message.wire.pop("entities", None)
        self.rewrite(message, found(text))
        business = "business_connection_id" in message.wire
        kind = "edited_business_message" if business else EDITED.get(message.chat.type, "edited_message")
        self._tell(kind, message)

    def delete(self, message: Message) -> None:
        """Somebody deletes a message: Telegram does not tell bots."""
        message.deleted = True

    def press(self, user: User, message: Message, button: str, *, forged: bool = False) -> Press:
        """Somebody presses a button, found by its text or its data; `forged`: data that no button has."""
        known = {b["text"]: b.get("callback_data", "") for b in message.buttons}
        press = Press(str(4_000_000_000 + len(self.presses)), user, known.get(button, button))
        if not forged and press.data not in known.values():
            raise LookupError(f"the message has the buttons {known}")
        self.presses[press.id] = press
        seen = {"chat": message.chat.wire(), "message_id": message.id, "date": 0}
        query = {"id": press.id, "from": user.wire(), "message": seen if message.deleted else message.wire}
        query |= {"data": press.data, "chat_instance": str(9_000_000_000 + abs(message.chat.id))}
        press.update_id = self.updates.put("callback_query", query)
        return press

    def expire(self, press: Press) -> None:
        """Let every answer to a button come too late."""
        press.expired = True

    def react(self, user: User, message: Message, *emoji: str) -> None:
        """Somebody changes their reaction; the bot hears of it as an administrator that asked for it."""
        before = message.reactions.get(user.id, [])
        after = message.reactions[user.id] = [{"type": "emoji", "emoji": sign} for sign in emoji]
        changed = {"chat": message.chat.wire(), "message_id": message.id, "user": user.wire()}
        changed |= {"date": int(time.time()), "old_reaction": before, "new_reaction": after}
        if message.chat.peer or message.chat.member(self.bot).status == "administrator":
            self.updates.put("message_reaction", changed)

    def topic(self, chat: Chat, name: str, creator: User | None = None) -> int:
        """A new forum topic, of the bot if nobody else creates it.

        Returns its thread id, which is the id of the service message that made it.
        """
        made = {"name": name, "icon_color": ICON_COLOR}
        shown = {"from": (creator or self.bot).wire(), "forum_topic_created": made, "is_topic_message": True}
        message = self.add_message(chat, shown)
        message.wire["message_thread_id"] = message.id
        chat.topics[message.id] = True
        if creator:
            self._tell("message", message)
        return message.id

    def close_topic(self, chat: Chat, thread: int) -> None:
        chat.topics[thread] = False

    def post(self, channel: Chat, text: str) -> tuple[Message, Message | None]:
        """A post in a channel, and its automatic forward into the linked discussion group."""
        message = self.add_message(channel, {"sender_chat": channel.wire(), **found(text)})
        self._tell("channel_post", message)
        if not channel.linked:
            return message, None
        origin = {"type": "channel", "date": message.wire["date"], "chat": channel.wire()}
        origin["message_id"] = message.id
        shown = {"from": TELEGRAM.wire(), "sender_chat": channel.wire(), "is_automatic_forward": True}
        forward = self.add_message(channel.linked, {**shown, "forward_origin": origin, **found(text)})
        self._tell("message", forward)
        return message, forward

    def change_member(
        self, chat: Chat, user: User, status: str, by: User | None = None, **rights: bool
    ) -> None:
        """Give somebody a status: creator, administrator, member, restricted, left or kicked.

        The bot hears of it where it is about itself, and of others as an administrator that asked for it.
        """
        old, new = chat.member(user), Member(user, status, tuple(rights.items()))
        chat.members[user.id] = new
        change = {"chat": chat.wire(), "from": (by or user).wire(), "date": int(time.time())}
        change |= {"old_chat_member": old.wire(), "new_chat_member": new.wire()}
        if user == self.bot:
            self.updates.put("my_chat_member", change)
        elif chat.member(self.bot).status in ADMINISTRATORS:
            self.updates.put("chat_member", change)

    def block(self, user: User) -> None:
        self.change_member(self.private(user), self.bot, "kicked", user)

    def unblock(self, user: User) -> None:
        self.change_member(self.private(user), self.bot, "member", user)

    def kick(self, chat: Chat, by: User) -> None:
        """Throw the bot out of a group."""
        self.change_member(chat, self.bot, "kicked", by)

    def invite(self, chat: Chat, by: User) -> None:
        """Bring the bot into a group."""
        self.change_member(chat, self.bot, "member", by)
        shown = {"from": by.wire(), "new_chat_members": [self.bot.wire()]}
        self._tell("message", self.add_message(chat, shown))

    def promote(self, chat: Chat, user: User, by: User, **rights: bool) -> None:
        self.change_member(chat, user, "administrator", by, **rights)

    def migrate(self, chat: Chat) -> Chat:
        """Turn a basic group into a supergroup: a service message in both, and the old id is refused."""
        creator = next((m.user for m in chat.members.values() if m.status == "creator"), TELEGRAM)
        new = self.upgrade(chat)
        self._tell("message", self.add_message(chat, {"from": creator.wire(), "migrate_to_chat_id": new.id}))
        arrived = {"from": ANONYMOUS.wire(), "sender_chat": new.wire(), "migrate_from_chat_id": chat.id}
        self._tell("message", self.add_message(new, arrived))
        return new

    def guest(self, chat: Chat, user: User, text: str) -> str:
        """Somebody calls the bot into a chat where it is not a member; returns the guest query's id."""
        number = str(9_000_000_000 + len(self.guest_queries))
        self.guest_queries[number] = None
        shown = {"from": user.wire(), "guest_query_id": number, **found(text)}
        self.updates.put("guest_message", self.add_message(chat, shown).wire)
        return number

    def connect_business(self, owner: User, *, enabled: bool = True) -> str:
        """An account hires the bot to answer its private chats; returns the connection's id."""
        number = f"business-{owner.id}"
        self.connections[number] = (owner, enabled)
        connection = {"id": number, "user": owner.wire(), "user_chat_id": owner.id, "date": int(time.time())}
        connection |= {"rights": {"can_reply": True}, "is_enabled": enabled}
        self.updates.put("business_connection", connection)
        return number

    def push(self, update: Json) -> int:
        """Queue an update exactly as given, unchecked: poison. Its id is added where it is missing."""
        return self.updates.put_raw(deepcopy(update))

    def repeat(self, message: Message, times: int = 1) -> None:
        """Deliver the update about a message again under the same update_id."""
        if message.update_id is None:
            raise LookupError("the bot never got an update about this message")
        self.updates.repeat(message.update_id, times)


def place(chat: Chat, thread: int | None, reply_to: Message | None) -> Json:
    """The fields that tell where in a chat a message stands.

    A message in a topic that replies to nothing still carries the service message that made the topic as its
    reply_to_message; and a reply in a supergroup without topics carries the thread that it belongs to.
    """
    shown: Json = {"reply_to_message": reply_to.quoted()} if reply_to else {}
    if chat.topics and (number := thread or (reply_to and reply_to.thread)):
        made = chat.messages.get(number)
        topic: Json = {"message_thread_id": number, "is_topic_message": True}
        return topic | ({"reply_to_message": made.quoted()} if made else {}) | shown
    if chat.type == "supergroup" and (number := thread or (reply_to and (reply_to.thread or reply_to.id))):
        shown["message_thread_id"] = number
    return shown
