"""Who talks where in what was imported: counts and dates, and who of them the persona is."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.errors import UserError
from training.store.messages import ExportedMessage

_SHOWN = 8  # candidates in a sentence
_LONGEST = 60  # characters of a name in it


@dataclass(slots=True)
class MessageCount:
    """A chat or an author: how many messages, and when the first and the last (Unix seconds)."""

    platform: str
    id: str
    name: str
    kind: str = ""
    messages: int = 0
    first: float = float("inf")
    last: float = 0.0

    @property
    def label(self) -> str:
        """The name with the id, fit to be printed."""
        return printable(f"{self.name} ({self.id})" if self.name not in ("", self.id) else self.id)

    def add(self, time: float) -> None:
        self.messages += 1
        if time < self.first:
            self.first = time
        if time > self.last:
            self.last = time


@dataclass(slots=True)
class Participants:
    """Every chat and every author met, and the kinds of messages that have no words.

    `me` are names and ids that a person gave, `earlier` the ids by platform under which the persona is known.
    """

    me: tuple[str, ...] = ()
    earlier_ids: dict[str, set[str]] = field(default_factory=dict)
    chats: dict[tuple[str, str], MessageCount] = field(default_factory=dict)
    authors: dict[tuple[str, str], MessageCount] = field(default_factory=dict)
    export_ids: dict[str, set[str]] = field(default_factory=dict)
    named_ids: dict[str, set[str]] = field(default_factory=dict)
    wordless: dict[str, int] = field(default_factory=dict)
    _known: dict[tuple[str, str, str], tuple[MessageCount, bool]] = field(default_factory=dict)

    def count_message(self, said: ExportedMessage) -> bool | None:
        """Count a message; give whether the persona said it, or None as long as nobody knows."""
        platform, author = said.platform, said.author
        chat = self.chats.get((platform, said.chat))
        if chat is None:
            chat = self.chats[platform, said.chat] = MessageCount(
                platform, said.chat, said.chat_name, said.chat_kind
            )
        chat.add(said.time)
        if not said.text:
            self.wordless[said.kind] = self.wordless.get(said.kind, 0) + 1
        if said.kind in ("notice", "system") or not author:
            return False
        known = self._known.get((platform, author, said.author_name))
        person, is_named = known or self._meet_first(platform, author, said.author_name)
        person.add(said.time)
        if said.is_self and author not in self.export_ids.get(platform, ()):
            self.export_ids.setdefault(platform, set()).add(author)
        if is_named or said.is_self is not None:
            return is_named or said.is_self
        return None if not self.me and platform not in self.earlier_ids else False

    def _meet_first(self, platform: str, author: str, name: str) -> tuple[MessageCount, bool]:
        """Somebody new, or under a new name: their count, and whether they are the persona."""
        person = self.authors.setdefault((platform, author), MessageCount(platform, author, name))
        person.name = name or person.name
        wanted = {each.casefold().removeprefix("@") for each in self.me}
        named = bool(wanted & {author.casefold(), name.casefold()}) or author in self.earlier_ids.get(
            platform, ()
        )
        if named:
            self.named_ids.setdefault(platform, set()).add(author)
        self._known[platform, author, name] = person, named
        return person, named

    def platforms(self) -> list[str]:
        """Where anybody said anything."""
        return list(dict.fromkeys(platform for platform, _ in self.authors))

    def persona_ids(self, platform: str) -> set[str]:
        """Under which ids the persona speaks there: as a person said, as the export says, as it was before.

        Raise `UserError` for the archive of somebody else.
        """
        named, told = self.named_ids.get(platform, set()), self.export_ids.get(platform, set())
        earlier = self.earlier_ids.get(platform, set())
        if named:
            return named
        if told and earlier:
            raise UserError(
                f"This export belongs to {self.describe_authors(platform, told)}, but so far the persona's {platform} "
                f"messages are by {self.describe_authors(platform, earlier)}: import it for another persona, or say "
                f"--me {min(told)} if both are the same person."
            )
        return told

    def describe_authors(self, platform: str, ids: Iterable[str]) -> str:
        """People by name and id."""
        counts = [
            self.authors.get((platform, each)) or MessageCount(platform, each, each) for each in sorted(ids)
        ]
        return " and ".join(count.label for count in counts)

    def candidates(self, platform: str) -> list[MessageCount]:
        """Who might be the persona: those who say most come first."""
        people = [count for count in self.authors.values() if count.platform == platform]
        return sorted(people, key=lambda count: -count.messages)[:_SHOWN]

    def check_names(self) -> None:
        """Raise `UserError` if a name that a person gave is nobody's."""
        ids = {author.casefold() for _, author in self.authors}
        names = {name.casefold() for _, _, name in self._known}
        for each in self.me:
            if each.casefold().removeprefix("@") not in ids | names:
                people = [count for platform in self.platforms() for count in self.candidates(platform)]
                raise UserError(f"Nobody in these exports is {each!r}: {describe_candidates(people)}.")


def printable(name: str) -> str:
    """A name from an export without what could move a terminal's cursor, and not too long."""
    return "".join(character if character.isprintable() else " " for character in name)[:_LONGEST]


def describe_candidates(people: list[MessageCount]) -> str:
    """A list to choose from, in a sentence."""
    shown = ", ".join(count.label for count in people[:_SHOWN])
    return f"there are {shown}" if shown else "nobody speaks there"
