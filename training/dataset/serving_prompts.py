"""Training examples from excerpts: each target with the prompt that the bot would have made before it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.message import Message
from bot.persona.card import Card
from bot.persona.lorebook import Lorebook
from bot.persona.persona import Persona
from bot.prompt.builder import Prompt, PromptFormat, build_prompt
from bot.prompt.truncation import MAX_CHARACTERS_PER_TOKEN, MAX_HISTORY_MESSAGES
from bot.prompt.turns import missing_parents
from training.dataset.excerpts import Excerpt
from training.dataset.targets import Task


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt, and the persona's real answer, message by message in a row.

    `ids` are those of the answer's messages, `sources` of all messages that the prompt was made from, and of
    the answer.
    """

    prompt: Prompt
    answer: tuple[str, ...]
    ids: tuple[str, ...]
    task: Task
    weight: float
    excerpt: Excerpt

    @property
    def sources(self) -> tuple[str, ...]:
        read = (span.source for span in self.prompt.spans if span.source)
        return (*dict.fromkeys(read), *self.ids)


@dataclass(frozen=True, slots=True)
class ServingPrompts:
    """Prompts as the bot makes them."""

    persona: Persona
    reader: PromptFormat
    system_prompt: str
    _bare: Persona = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_bare", _without_card(self.persona))

    def prompt(
        self,
        history: Sequence[Message],
        known: Mapping[str, Message],
        cut: bool,
        reply_to: str | None,
        own_system: str = "",
    ) -> Prompt:
        """Return the prompt before an answer; `known` are messages by id that these may reply to.

        `own_system` is the text of a data set that stands in place of everything that the card says.
        Where clocks were wrong, a message may reply to a later one, which nobody could have read yet. Raises
        `UserError` where the last message does not fit into the budget.
        """
        history = self._readable(history)
        now = history[-1].time if history else math.inf
        wanted = missing_parents(history, reply_to)
        parents = {id: known[id] for id in wanted if id in known and known[id].time <= now}
        return build_prompt(
            self._bare if own_system else self.persona,
            history,
            self.reader,
            system_prompt=self.system_prompt,
            cut=cut,
            parents=parents,
            reply_to=reply_to,
            own_system=own_system,
        )

    def _readable(self, history: Sequence[Message]) -> Sequence[Message]:
        """Return the newest messages, as many as serving asks its memory for."""
        history, characters = history[-MAX_HISTORY_MESSAGES:], self.reader.budget * MAX_CHARACTERS_PER_TOKEN
        for place in range(len(history) - 1, -1, -1):
            characters -= len(history[place].text)
            if characters < 0:
                return history[place + 1 :]
        return history


def _without_card(persona: Persona) -> Persona:
    """Return a persona of the same names whose card says nothing."""
    card = Card(name=persona.card.name, nickname=persona.card.nickname)
    return replace(persona, card=card, lorebook=Lorebook())


def read_examples(excerpt: Excerpt, serving: ServingPrompts) -> Iterator[Example]:
    """Yield each target of an excerpt, with the prompt that the bot would have made before it."""
    messages = [message.to_message(serving.persona.key) for message in excerpt.messages]
    known = {message.id: message.to_message(serving.persona.key) for message in excerpt.parents}
    for target in excerpt.aims:
        history, answer = messages[: target.start], messages[target.start : target.end]
        prompt = serving.prompt(history, known, excerpt.cut, answer[0].reply_to, excerpt.own_system)
        texts, ids = tuple(message.text for message in answer), tuple(message.id for message in answer)
        yield Example(prompt, texts, ids, target.task, target.weight, excerpt)
