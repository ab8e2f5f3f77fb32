"""Records of the bot's calls, for tests."""

import time
from dataclasses import dataclass

from tests.fakes.telegram.chat import Chat, Message, User
from tests.fakes.telegram.refusal import Json

DRAFT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Action:
    action: str
    at: float
    thread: int | None


@dataclass(frozen=True, slots=True)
class Draft:
    id: int
    text: str
    at: float
    thread: int | None
    entities: tuple[Json, ...] = ()


@dataclass(slots=True, eq=False)
class Press:
    """A button pressed; `answer` holds the parameters of the bot's answer, None while there is none."""

    id: str
    user: User
    data: str
    update_id: int | None = None
    answer: Json | None = None
    expired: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A call the bot made and what came of it; `error` is the description of a refusal."""

    method: str
    arguments: Json
    at: float
    error: str | None
    code: int


class Records:
    """Everything the bot sent, showed and asked for, oldest first; times are of time.monotonic()."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.draft_seconds = DRAFT_SECONDS
        self._actions: dict[int, list[Action]] = {}
        self._drafts: dict[int, list[Draft]] = {}
        self._sent: list[Message] = []

    def sent(self, chat: Chat | None = None) -> list[Message]:
        """Every message the bot has ever sent, to this chat or at all, the deleted ones too."""
        return [message for message in self._sent if chat is None or message.chat is chat]

    def visible(self, chat: Chat) -> list[str]:
        """The texts of the bot's messages that can be seen in the chat now."""
        return [message.text for message in self.sent(chat) if not message.deleted]

    def actions(self, chat: Chat) -> list[Action]:
        return list(self._actions.get(chat.id, []))

    def drafts(self, chat: Chat) -> list[Draft]:
        """Every draft that was shown in the chat."""
        return list(self._drafts.get(chat.id, []))

    def draft(self, chat: Chat, thread: int | None = None) -> str | None:
        """The draft that can be seen in the chat now: not yet expired, and no message has followed it."""
        shown = [draft for draft in self.drafts(chat) if draft.thread == thread]
        if not shown or time.monotonic() - shown[-1].at > self.draft_seconds:
            return None
        followed = any(m.thread == thread and m.at >= shown[-1].at for m in self.sent(chat))
        return None if followed else shown[-1].text

    def called(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    @property
    def refusals(self) -> list[Call]:
        return [call for call in self.calls if call.error is not None]

    def record_sent(self, message: Message) -> None:
        self._sent.append(message)

    def record_action(self, chat: Chat, action: str, thread: int | None) -> None:
        self._actions.setdefault(chat.id, []).append(Action(action, time.monotonic(), thread))

    def record_draft(self, chat: Chat, draft: Draft) -> None:
        self._drafts.setdefault(chat.id, []).append(draft)
