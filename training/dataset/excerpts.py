"""A line of the data: a stretch of one chat as serving would have it in memory, and what is learned of it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from bot.message import Author, Message, Place
from bot.persona.persona import Persona
from bot.prompt.builder import Prompt, PromptFormat, build_prompt
from bot.prompt.turns import missing_parents
from training.dataset.targets import Task

Stage = Literal["facts", "dialogue"]
LIMIT, CHARACTERS = 2000, 16  # messages, and characters a token, that serving takes from memory at most
_NOWHERE = Place("", "", "")


class ExcerptMessage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One message; the author is a pseudonym."""

    id: str
    author: str
    name: str
    text: str
    time: float
    own: bool = False
    reply_to: str | None = None

    def message(self, persona: str) -> Message:
        """The same for a prompt, where chats have no names."""
        author = Author(self.author, self.name)
        own = persona if self.own else None
        return Message(_NOWHERE, self.id, author, self.text, self.time, reply_to=self.reply_to, persona=own)


class TargetSpan(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Messages [start:end) of an excerpt are said by the persona as one, and learned with this weight."""

    start: int
    end: int
    task: Task
    weight: float
    session: int


class Excerpt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Messages of one chat, or (stage "facts") a piece of a document, and where they come from.

    `parents` are messages of the chat that some of these reply to. If it is `cut`, the window had dropped
    what went before. `sources` are the files, by name or hash, and `authors` the pseudonyms of all whose
    words these are; ids of messages are unique within `chat`.
    """

    chat: str
    stage: Stage = "dialogue"
    messages: tuple[ExcerptMessage, ...] = ()
    parents: tuple[ExcerptMessage, ...] = ()
    aims: tuple[TargetSpan, ...] = ()
    cut: bool = False
    text: str = ""
    sources: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt, and what the persona really said: message by message, as it came in a row.

    `sources` are the ids of its messages: of all that the prompt was made from, and of the answer.
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

    def prompt(
        self, history: Sequence[Message], known: Mapping[str, Message], cut: bool, reply_to: str | None
    ) -> Prompt:
        """What the model reads before an answer; `known` are messages that these may reply to.

        Where clocks were wrong, a message may reply to a later one, which nobody could have read yet.
        """
        history = self._readable(history)
        now = history[-1].time if history else math.inf
        wanted = missing_parents(history, reply_to)
        parents = {id: known[id] for id in wanted if id in known and known[id].time <= now}
        return build_prompt(
            self.persona,
            history,
            self.reader,
            system_prompt=self.system_prompt,
            cut=cut,
            parents=parents,
            reply_to=reply_to,
        )

    def _readable(self, history: Sequence[Message]) -> Sequence[Message]:
        """The newest messages, as many as serving asks its memory for."""
        history, characters = history[-LIMIT:], self.reader.budget * CHARACTERS
        for place in range(len(history) - 1, -1, -1):
            characters -= len(history[place].text)
            if characters < 0:
                return history[place + 1 :]
        return history


def examples(excerpt: Excerpt, serving: ServingPrompts) -> Iterator[Example]:
    """Each thing to be learned from an excerpt, with the prompt that the bot would have made."""
    said = [line.message(serving.persona.key) for line in excerpt.messages]
    known = {line.id: line.message(serving.persona.key) for line in excerpt.parents}
    for aim in excerpt.aims:
        history, answer = said[: aim.start], said[aim.start : aim.end]
        prompt = serving.prompt(history, known, excerpt.cut, answer[0].reply_to)
        texts, ids = tuple(message.text for message in answer), tuple(message.id for message in answer)
        yield Example(prompt, texts, ids, aim.task, aim.weight, excerpt)
