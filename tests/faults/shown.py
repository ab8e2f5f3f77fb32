"""What people see of the bot on a fake platform, and the environment of a program that serves it."""

from dataclasses import dataclass

from tests.fakes.discord_server import Channel, DiscordServer, User
from tests.fakes.telegram_server import Chat, TelegramServer


@dataclass(frozen=True, slots=True)
class Seen:
    """One message of the bot as it can be seen now, and when it was sent (time.monotonic)."""

    chat: str
    id: str  # within the chat
    text: str
    at: float


def telegram_environment(fake: TelegramServer) -> dict[str, str]:
    """The environment of a program that serves this platform."""
    return {"TELEGRAM_TOKEN": fake.token, "ALTEREGO_TELEGRAM_API": fake.url}


def discord_environment(fake: DiscordServer) -> dict[str, str]:
    """The environment of a program that serves this platform."""
    return {
        "DISCORD_TOKEN": fake.token,
        "ALTEREGO_DISCORD_API": fake.api,
        "ALTEREGO_DISCORD_GATEWAY": fake.gateway,
    }


def seen_on_telegram(fake: TelegramServer, chat: Chat) -> list[Seen]:
    """What the bot said in a chat and can still be seen."""
    sent = [message for message in fake.sent(chat) if not message.deleted]
    return [Seen(str(chat.id), str(message.id), message.text, message.at) for message in sent]


def seen_on_discord(channel: Channel, *others: User) -> list[Seen]:
    """What the bot said in a channel and can still be seen; `others` are other bots."""
    own = [m for m in channel.messages.values() if m.author.bot and m.author not in others and not m.deleted]
    return [Seen(str(message.channel.id), str(message.id), message.content, message.at) for message in own]
