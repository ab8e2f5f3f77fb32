"""The chats and authors of an import, with message counts and dates, and which of them the persona is."""

from collections.abc import Iterable, Sized
from dataclasses import dataclass, field

from bot.errors import UserError
from training.store.messages import ExportedMessage
from training.store.roles import DATA_SETS

_MAX_CANDIDATES = 8  # in a sentence
MOST = 1_000_000  # chats, and authors with their names, of one import
_MAX_NAME = 60  # characters of a name in it
_MOST_SPEAKERS = 8  # of a chat that are kept, to tell whether all of them would be the persona
_ASKERS = ("system", "tool", "user")  # of a data set: whoever learns from it never speaks like these


@dataclass(slots=True)
class MessageCount:
    """The message count of a chat or an author, and the times of the first and the last (Unix seconds).

    `speakers` are ids of the authors of a chat, the first few.
    """

    platform: str
    id: str
    name: str
    kind: str = ""
    messages: int = 0
    first: float = float("inf")
    last: float = 0.0
    speakers: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name with the id, safe to print."""
        return printable(f"{self.name} ({self.id})" if self.name not in ("", self.id) else self.id)

    def add(self, time: float) -> None:
        self.messages += 1
        if time < self.first:
            self.first = time
        if time > self.last:
            self.last = time


@dataclass(slots=True)
class Participants:
    """All chats and authors of an import, and the persona's author ids by platform.

    `me` are names and ids from the command line; `anew` puts them in the place of `earlier_ids`, the
    persona's ids before this import. `export_ids` are those that an export gives itself, `said_ids` those
    that `me` matches, and `named_ids` those that `me` or `earlier_ids` match. `wordless` counts messages
    without words by kind.
    """

    me: tuple[str, ...] = ()
    anew: bool = field(default=False, kw_only=True)
    earlier_ids: dict[str, set[str]] = field(default_factory=dict)
    chats: dict[tuple[str, str], MessageCount] = field(default_factory=dict)
    authors: dict[tuple[str, str], MessageCount] = field(default_factory=dict)
    export_ids: dict[str, set[str]] = field(default_factory=dict)
    said_ids: dict[str, set[str]] = field(default_factory=dict)
    named_ids: dict[str, set[str]] = field(default_factory=dict)
    wordless: dict[str, int] = field(default_factory=dict)
    _known: dict[tuple[str, str, str], tuple[MessageCount, bool]] = field(default_factory=dict)

    def count_message(self, message: ExportedMessage) -> bool | None:
        """Count a message; return whether the persona wrote it, or None if that is not known yet."""
        platform, author = message.platform, message.author
        chat = self.chats.get((platform, message.chat))
        if chat is None:
            _refuse_many("chats", self.chats)
            chat = MessageCount(platform, message.chat, message.chat_name, message.chat_kind)
            self.chats[platform, message.chat] = chat
        chat.add(message.time)
        if not message.text:
            self.wordless[message.kind] = self.wordless.get(message.kind, 0) + 1
        if message.kind in ("notice", "system") or not author:
            return False
        known = self._known.get((platform, author, message.author_name))
        count, is_named = known or self._add_author(platform, author, message.author_name)
        count.add(message.time)
        if author not in chat.speakers and len(chat.speakers) < _MOST_SPEAKERS:
            chat.speakers += (author,)
        if message.is_self and author not in self.export_ids.get(platform, ()):
            self.export_ids.setdefault(platform, set()).add(author)
        if is_named or message.is_self is not None:
            return is_named or message.is_self
        return None if not self.me and platform not in self.earlier_ids else False

    def _add_author(self, platform: str, author: str, name: str) -> tuple[MessageCount, bool]:
        """Add an author under a new name; return the author's count, and whether this is the persona."""
        _refuse_many("names of authors", self._known)
        count = self.authors.setdefault((platform, author), MessageCount(platform, author, name))
        count.name = name or count.name
        wanted = {each.casefold().removeprefix("@") for each in self.me}
        is_said = bool(wanted & {author.casefold(), name.casefold()})
        if is_said:
            self.said_ids.setdefault(platform, set()).add(author)
        is_named = is_said or author in self.earlier_ids.get(platform, ())
        if is_named:
            self.named_ids.setdefault(platform, set()).add(author)
        self._known[platform, author, name] = count, is_named
        return count, is_named

    def platforms(self) -> list[str]:
        """Return the platforms on which any author wrote."""
        return list(dict.fromkeys(platform for platform, _ in self.authors))

    def persona_ids(self, platform: str) -> set[str]:
        """Return the persona's author ids on a platform: the named ones, or else those of the export.

        Raises `UserError` for an export that belongs to somebody else, and for a name in `me` by which both
        sides of a chat would be the persona.
        """
        if self.replaces(platform):
            return self.said_ids[platform]
        self._check_sides(platform)
        named, exported = self.named_ids.get(platform, set()), self.export_ids.get(platform, set())
        earlier = self.earlier_ids.get(platform, set())
        if named:
            return named
        if exported and earlier:
            owners, persona = (self.describe_authors(platform, ids) for ids in (exported, earlier))
            raise UserError(
                f"This export belongs to {owners}, but so far the persona's {platform} messages are by "
                f"{persona}: import it for another persona, or say --me {min(exported)} if both are the same "
                "person."
            )
        return exported

    def replaces(self, platform: str) -> bool:
        """Return whether `me` takes the place of the persona's earlier ids on a platform."""
        return self.anew and bool(self.said_ids.get(platform))

    def is_owner_only(self, platform: str) -> bool:
        """Return whether nothing but the export tells who the persona is on a platform."""
        return bool(self.export_ids.get(platform)) and not self.named_ids.get(platform)

    def overruled(self) -> str:
        """Return a platform on which `me` is somebody else than the owner of the export, or ""."""
        for platform, owners in self.export_ids.items():
            if self.said_ids.get(platform) and not owners & self.named_ids[platform]:
                return platform
        return ""

    def authors_called(self, platform: str, names: Iterable[str]) -> list[MessageCount]:
        """Return the authors on a platform who have one of these names."""
        wanted = {name.casefold() for name in names}
        authors = (count for (where, _), count in self.authors.items() if where == platform)
        return [each for each in authors if each.name.casefold() in wanted and not _asks(each)]

    def _check_sides(self, platform: str) -> None:
        """Raise `UserError` where a new name in `me` makes every author of a direct chat the persona."""
        said, earlier = self.said_ids.get(platform, set()), self.earlier_ids.get(platform, set())
        if not earlier or not said - earlier:
            return
        for chat in self.chats.values():
            sides = set(chat.speakers)
            is_joined = chat.kind in ("direct", "") and len(sides) > 1 and sides <= said | earlier
            if chat.platform == platform and is_joined and sides & (said - earlier) and not sides <= said:
                now, new = (self.describe_authors(platform, ids) for ids in (earlier, said - earlier))
                raise UserError(
                    f"So far the persona on {platform} is {now} (work/selves.json), and with {new} both "
                    f'sides of the chat "{printable(chat.name or chat.id)}" would be: import with '
                    f"--me-anew to put {new} in that place, edit work/selves.json, or say --me for both if "
                    "they are the same person."
                )

    def describe_authors(self, platform: str, ids: Iterable[str]) -> str:
        """Return authors by name and id, joined by "and"."""
        counts = (self.authors.get((platform, id)) or MessageCount(platform, id, id) for id in sorted(ids))
        return " and ".join(count.label for count in counts)

    def candidates(self, platform: str) -> list[MessageCount]:
        """Return the authors with the most messages, one of whom may be the persona."""
        authors = [
            count for count in self.authors.values() if count.platform == platform and not _asks(count)
        ]
        return sorted(authors, key=lambda count: -count.messages)[:_MAX_CANDIDATES]

    def check_names(self) -> None:
        """Raise `UserError` if no author has a name or id that `me` gives."""
        ids = {author.casefold() for _, author in self.authors}
        names = {name.casefold() for _, _, name in self._known}
        for each in self.me:
            if each.casefold().removeprefix("@") not in ids | names:
                found = [count for platform in self.platforms() for count in self.candidates(platform)]
                raise UserError(f"Nobody in these exports is {each!r}: {describe_candidates(found)}.")


def _asks(author: MessageCount) -> bool:
    """Return True for a side of a data set that nobody learns to speak like."""
    return author.platform in DATA_SETS and author.id in _ASKERS


def _refuse_many(name: str, found: Sized) -> None:
    """Raise `UserError` where the summary of an import would hold too much."""
    if len(found) >= MOST:
        raise UserError(f"These exports hold more than {MOST:,} {name}: import them in parts.")


def printable(name: str) -> str:
    """Return the start of a name, without characters that could move a terminal's cursor."""
    return "".join(character if character.isprintable() else " " for character in name)[:_MAX_NAME]


def describe_candidates(authors: list[MessageCount]) -> str:
    """Return a list to choose from, as part of a sentence."""
    shown = ", ".join(count.label for count in authors[:_MAX_CANDIDATES])
    return f"there are {shown}" if shown else "nobody speaks there"
