"""A slash command, menu, button, form or completion as it was sent to the bot, and what became of it."""

from dataclasses import dataclass, field

from tests.fakes.discord.world import Channel, Json, Message, User

COMMAND, COMPONENT, COMPLETION, FORM = 2, 3, 4, 5
"""Interaction types."""
PONG, SAY, DEFER, DEFER_UPDATE, UPDATE, COMPLETE, ASK = 1, 4, 5, 6, 7, 8, 9
"""Callback types."""


@dataclass(eq=False, slots=True)
class Interaction:
    """`at` and `acknowledged` are monotonic seconds; `callback` is the body of the first answer.

    `source` is the message whose component was used, `asked` the interaction that was answered with a form.
    """

    id: int
    token: str
    kind: int
    channel: Channel
    user: User
    data: Json
    at: float
    owners: dict[str, str]
    source: Message | None = None
    asked: "Interaction | None" = None
    callback: Json | None = None
    acknowledged: float | None = None
    original: Message | None = None
    messages: dict[int, Message] = field(default_factory=dict)

    @property
    def deferred(self) -> bool:
        """Was the first answer only a promise of one?"""
        return self.callback is not None and self.callback["type"] in (DEFER, DEFER_UPDATE)

    @property
    def text(self) -> str | None:
        """The present text of the original answer; None while there is none."""
        return None if self.original is None or self.original.loading else self.original.content

    @property
    def texts(self) -> list[str]:
        """The original answer and the followups, in order."""
        return [message.content for message in self.messages.values() if not message.loading]

    @property
    def ephemeral(self) -> bool:
        return self.original is not None and self.original.ephemeral

    @property
    def choices(self) -> list[Json]:
        """The values offered to complete the option."""
        found: list[Json] = self._sent(COMPLETE).get("choices", [])
        return found

    @property
    def modal(self) -> Json | None:
        """The form that was shown."""
        return self._sent(ASK) or None

    def _sent(self, kind: int) -> Json:
        if self.callback is None or self.callback["type"] != kind:
            return {}
        found: Json = self.callback.get("data") or {}
        return found

    @property
    def done(self) -> bool:
        """Has the person seen an answer? A deferral alone is none."""
        if self.callback is None:
            return False
        return self.callback["type"] != DEFER or self.original is None or not self.original.loading
