"""The people, bots and chats of a test."""

from collections.abc import Iterable

from tests.fakes.telegram.chat import Chat, Member, User
from tests.fakes.telegram.world import World


class Cast(World):
    """Adds to the world who and what there is. Everything is a plain call."""

    def user(
        self,
        first_name: str,
        username: str | None = None,
        *,
        is_bot: bool = False,
        language: str | None = None,
    ) -> User:
        """A person, or another bot."""
        return self.add_user(User(self.free_user_id(), first_name, username, is_bot, language))

    def private(self, user: User, *, started: bool = True) -> Chat:
        """The chat of the bot with this user; `started` False: the user has never pressed Start."""
        if user.id in self.chats:
            return self.chats[user.id]
        chat = Chat(user.id, "private", peer=user, started=started)
        return self.add_chat(chat, Member(user), Member(self.bot))

    def group(self, title: str, *people: User, bot: str = "member") -> Chat:
        """A basic group; the first of its people created it; `bot` is the status of the bot in it."""
        return self._crowd(Chat(-(4_000_001 + len(self.chats)), "group", title), people, bot)

    def supergroup(self, title: str, *people: User, bot: str = "member", forum: bool = False) -> Chat:
        """A supergroup; with `forum` it has topics."""
        return self._crowd(Chat(self._long_id(), "supergroup", title, forum=forum), people, bot)

    def channel(
        self, title: str, *people: User, bot: str = "administrator", discussion: Chat | None = None
    ) -> Chat:
        """A channel, perhaps with a linked discussion group, into which its posts are forwarded."""
        chat = self._crowd(Chat(self._long_id(), "channel", title), people, bot)
        if discussion:
            chat.linked, discussion.linked = discussion, chat
        return chat

    def _crowd(self, chat: Chat, people: Iterable[User], bot: str) -> Chat:
        members = [Member(user, "member" if n else "creator") for n, user in enumerate(people)]
        return self.add_chat(chat, *members, Member(self.bot, bot))

    def _long_id(self) -> int:
        return -(1_001_000_000_001 + len(self.chats))

    def upgrade(self, chat: Chat) -> Chat:
        """The supergroup that a basic group turns into, without a word to anybody."""
        chat.upgraded = self.add_chat(Chat(self._long_id(), "supergroup", chat.title), *chat.members.values())
        return chat.upgraded
