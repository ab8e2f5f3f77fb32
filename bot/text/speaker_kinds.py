"""The kind of speaker that a label tells: the text's own, the model's role, another one, or perhaps one."""

from collections.abc import Iterable
from typing import Literal

from bot.text.line_labels import LineLabel
from bot.text.name_index import NameIndex
from bot.text.person_names import is_acronym, is_certain, is_unmistakable

# "own", and "role", a name of the role that answers; "other" for certain; "recent": a name without a sign of
# a person, of somebody who spoke a moment ago; "perhaps": any word; "none": a word, written as no label is
SpeakerKind = Literal["own", "role", "other", "recent", "perhaps", "none"]

_ROLES = {"Assistant": ("Assistant", "assistant", "ASSISTANT"), "AI": ("AI",)}
_PARTNERS = ("User", "Human")  # the roles that ask; ordinary words as names


class Speakers:
    """The speakers whom labels may name. `recent` are those of the others who spoke last; None for all."""

    def __init__(self, names: Iterable[str], others: Iterable[str], recent: Iterable[str] | None) -> None:
        own, others = [*names], [*others]
        taken = {name.casefold() for name in (*own, *others)}
        self._own = frozenset(own)
        self._roles = {role: forms for role, forms in _ROLES.items() if role.casefold() not in taken}
        self._recent = None if recent is None else frozenset(recent)
        self.index = NameIndex([*own, *others, *_ROLES, *_PARTNERS])

    def kind_of(self, label: LineLabel) -> SpeakerKind:
        if label.name in self._own:
            return "own"
        if label.name in self._roles:
            return "role" if label.written in self._roles[label.name] else "none"
        is_person = is_unmistakable(label.name) and not label.is_quoted and not is_acronym(label.written)
        if is_person and is_certain(label.name):
            return "other"
        if is_person and (self._recent is None or label.name in self._recent):
            return "recent"
        return "perhaps" if label.written == label.name and label.is_separate else "none"

    def may_be_bare(self, label: LineLabel) -> bool:
        """Return whether the label may stand alone in its line, without any dress."""
        return label.name in self._own or (label.name == "Assistant" and label.name in self._roles)

    def settles(self, label: LineLabel) -> bool:
        """Return whether a role answers wherever its label stands: any text may have a line "AI: …"."""
        return label.name == "Assistant"
