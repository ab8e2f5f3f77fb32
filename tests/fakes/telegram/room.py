"""A Telegram with two people in a few chats, and a way to call it with bare HTTP."""

from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.fakes.telegram.chat import Chat, Message, User
from tests.fakes.telegram.refusal import Json
from tests.fakes.telegram_server import TelegramServer


@dataclass(frozen=True, slots=True)
class Person:
    """A user and the bot's private chat with them."""

    user: User
    chat: Chat


class Room:
    """Ana and Bo in a private chat, a group and a supergroup."""

    def __init__(self, fake: TelegramServer, session: aiohttp.ClientSession) -> None:
        self.fake, self._session = fake, session
        self.ana, self.bo = fake.user("Ana", "ana_ray"), fake.user("Bo", "bo_lund")
        self.chat = fake.private(self.ana)
        self.group = fake.group("Attic", self.ana, self.bo)
        self.crowd = fake.supergroup("Cellar", self.ana, self.bo)

    async def call(self, method: str, **parameters: object) -> Json:
        """The body that a call is answered with."""
        url = f"{self.fake.url}/bot{self.fake.token}/{method}"
        async with self._session.post(url, json=parameters) as response:
            body: Json = await response.json()
            assert response.content_type == "application/json"
            assert body.get("error_code", 200) == response.status
            return body

    async def ask(self, method: str, **parameters: object) -> Any:
        body = await self.call(method, **parameters)
        assert body["ok"], body
        return body["result"]

    async def send(self, chat: Chat, text: str, **more: object) -> Message:
        sent = await self.ask("sendMessage", chat_id=chat.id, text=text, **more)
        return chat.messages[sent["message_id"]]

    async def refusal(self, method: str, **parameters: object) -> str:
        body = await self.call(method, **parameters)
        return f"{body['error_code']} {body['description']}"

    async def updates(self, **parameters: object) -> list[Json]:
        return list(await self.ask("getUpdates", **parameters))

    async def heard(self) -> list[str]:
        """The texts of the messages that wait for the bot."""
        return [update["message"].get("text", "-") for update in await self.updates()]
