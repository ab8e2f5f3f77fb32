"""Actions of people and administrators in a test: build guilds, send, edit, delete, react, leave."""

from collections.abc import Iterable

from tests.fakes.discord import payload
from tests.fakes.discord.permissions import BOT, ORDINARY, Overwrite, permissions
from tests.fakes.discord.platform import Platform, where
from tests.fakes.discord.request import File
from tests.fakes.discord.routes_messages import answer
from tests.fakes.discord.world import (
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    TEXT,
    Channel,
    Guild,
    Json,
    Member,
    Message,
    Role,
    User,
    Webhook,
)


class People:
    """The part of the server's door through which tests act as people."""

    platform: Platform

    def user(self, name: str, *, bot: bool = False, display: str | None = None) -> User:
        """A person, or with `bot` another bot; a member of no guild yet."""
        return self.platform.add(User(self.platform.next_id(), name, bot, display))

    def guild(
        self,
        name: str = "Harbour",
        *members: User,
        owner: User | None = None,
        bot: int | None = BOT,
        everyone: int = ORDINARY,
    ) -> Guild:
        """A guild with these members. `bot` has the bot's permissions; None leaves the bot outside."""
        platform = self.platform
        guild = Guild(platform.next_id(), name, owner or platform.owner)
        guild.roles[guild.id] = Role(guild.id, "@everyone", everyone, 0)
        for user in dict.fromkeys((guild.owner, *members)):
            guild.members[user.id] = Member(user, [])
        platform.guilds[guild.id] = guild
        if bot is not None:
            self.invite(guild, bot)
        return guild

    def invite(self, guild: Guild, bits: int = BOT) -> None:
        """Add the bot, with a role of its own."""
        role = self.role(guild, "alterego", bits)
        guild.members[self.platform.bot.id] = Member(self.platform.bot, [role])
        self.arrived(guild)

    def arrived(self, guild: Guild) -> None:
        """Tell the sessions about a guild that they do not know."""
        raise NotImplementedError

    def role(self, guild: Guild, name: str, bits: int = 0, *, mentionable: bool = False) -> Role:
        role = Role(self.platform.next_id(), name, bits, len(guild.roles), mentionable)
        guild.roles[role.id] = role
        data = {"guild_id": str(guild.id), "role": payload.role(role)}
        self.platform.emit("GUILD_ROLE_CREATE", data, guild)
        return role

    def join(self, guild: Guild, user: User, *roles: Role) -> Member:
        """Make a user a member, or give a member these roles."""
        known = user.id in guild.members
        member = guild.members.setdefault(user.id, Member(user, []))
        member.roles[:] = list(roles)
        event = "GUILD_MEMBER_UPDATE" if known else "GUILD_MEMBER_ADD"
        self.platform.emit(event, payload.member(member) | {"guild_id": str(guild.id)}, guild)
        return member

    def leave(self, guild: Guild, user: User) -> None:
        del guild.members[user.id]
        data = {"guild_id": str(guild.id), "user": payload.user(user)}
        self.platform.emit("GUILD_MEMBER_REMOVE", data, guild)

    def kick(self, guild: Guild) -> None:
        """Put the bot out of a guild."""
        del guild.members[self.platform.bot.id]
        self.platform.emit("GUILD_DELETE", {"id": str(guild.id)}, None)

    def channel(self, guild: Guild, name: str = "quay", *, topic: str | None = None) -> Channel:
        return self.platform.open(Channel(self.platform.next_id(), TEXT, name, guild, topic=topic))

    def thread(
        self,
        parent: Channel,
        name: str = "rope",
        *,
        owner: User | None = None,
        of: Message | None = None,
        private: bool = False,
    ) -> Channel:
        """A thread, public unless it is said; one below the message `of` has its id."""
        key, kind = of.id if of else self.platform.next_id(), PRIVATE_THREAD if private else PUBLIC_THREAD
        thread = Channel(key, kind, name, parent.guild, parent, owner=owner or self.platform.owner)
        return self.platform.open(thread)

    def dm(self, *users: User) -> Channel:
        """The direct chat of the bot and one user, or of two users without the bot."""
        return self.platform.direct(*(users if len(users) > 1 else (self.platform.bot, *users)))

    def permit(self, channel: Channel, target: User | Role, *names: str, deny: Iterable[str] = ()) -> None:
        """Set what this channel allows and denies a member or role, and tell the bot."""
        overwrite = Overwrite(int(isinstance(target, User)), permissions(*names), permissions(*deny))
        channel.overwrites[target.id] = overwrite
        self.platform.emit("CHANNEL_UPDATE", payload.channel(channel), channel)

    def close(self, channel: Channel) -> None:
        """Delete a channel."""
        self.platform.close(channel)

    def webhook(
        self,
        channel: Channel,
        name: str = "gull",
        *,
        creator: User | None = None,
        application: int | None = None,
    ) -> Webhook:
        """Somebody else's webhook; `application` is the id of the application that made it, if any."""
        key = self.platform.next_id()
        webhook = Webhook(key, f"token-of-{key}", channel, name, creator or self.platform.owner)
        webhook.application = application
        self.platform.webhooks[key] = webhook
        self.platform.emit("WEBHOOKS_UPDATE", where(channel), channel)
        return webhook

    def drop(self, webhook: Webhook) -> None:
        """Delete a webhook."""
        self.platform.drop(webhook)

    def say(
        self,
        channel: Channel,
        user: User,
        text: str,
        *,
        mentions: Iterable[User] = (),
        reply_to: Message | None = None,
        ping: bool = True,
        files: Iterable[File] = (),
        webhook: Webhook | None = None,
        more: Json | None = None,
    ) -> Message:
        """Somebody speaks; mentions in the text count.

        ping: does a reply mention whom it answers?; more: further fields of the message, as they stand.
        """
        message = Message(self.platform.next_id(), channel, user, more=more or {})
        message.webhook = webhook.id if webhook else None
        message.application = webhook.application if webhook else None
        if reply_to:
            answer(message, reply_to)
        text = " ".join((*(one.mention for one in mentions if one.mention not in text), text))
        allowed = {"parse": ["users", "roles", "everyone"], "replied_user": ping}
        if more and not text and not files:
            return self.platform.publish(message)
        return self.platform.post(message, {"content": text, "allowed_mentions": allowed}, files)

    def proxy(
        self,
        webhook: Webhook,
        name: str,
        text: str,
        *,
        instead: Message | None = None,
        more: Json | None = None,
    ) -> Message:
        """Another application says somebody's words anew under a name, then deletes the first copy."""
        said = self.say(webhook.channel, User(webhook.id, name, True), text, webhook=webhook, more=more)
        if instead:
            self.delete(instead)
        return said

    def edit(self, message: Message, text: str) -> Message:
        return self.platform.rewrite(message, {"content": text})

    def delete(self, message: Message) -> None:
        self.platform.erase(message)

    def bulk_delete(self, messages: Iterable[Message]) -> None:
        """Delete several messages of one channel in one event."""
        found = list(messages)
        self.platform.erase_many(found[0].channel, found)

    def react(self, message: Message, user: User, emoji: str = "⭐") -> None:
        self.platform.react(message, user, emoji)

    def unreact(self, message: Message, user: User, emoji: str = "⭐") -> None:
        self.platform.unreact(message, user, emoji)

    def type(self, channel: Channel, user: User) -> None:
        self.platform.type(channel, user)
