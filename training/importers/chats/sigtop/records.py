"""A message of sigtop, as its three formats have it, and the kinds of Signal Desktop's messages."""

from typing import NamedTuple

from training.importers.reading.normalise import clean_text
from training.importers.reading.record_kinds import RecordKind
from training.store.messages import Precision

OWN, NAMED_OWN = "me", "You"
GROUP = "group"  # what stands in brackets behind a group's name
# Signal Desktop's types (MessageType in ts/model-types.d.ts)
TYPES: dict[str, RecordKind] = {
    **dict.fromkeys(("incoming", "outgoing"), "words"),
    "call-history": "call",
    "story": "share",
    **dict.fromkeys(
        "change-number-notification chat-session-refreshed contact-removed-notification "
        "conversation-merge delivery-issue group group-v1-migration group-v2-change "
        "joined-signal-notification keychange message-request-response-event phone-number-discovery "
        "pinned-message-notification poll-terminate profile-change timer-notification "
        "title-transition-notification universal-timer-notification verified-change".split(),
        "notice",
    ),
}


class SigtopMessage(NamedTuple):
    """A message: `sender` is `NAMED_OWN`, a name with a number in brackets, an account id, or ""."""

    sender: str
    type: str
    time: float
    words: str
    precision: Precision
    id: str = ""
    reply_to: str | None = None
    files: tuple[str, ...] = ()
    is_edited: bool = False
    local: bool = False
    record: RecordKind | None = None  # where the content tells more than the type


class SigtopName(NamedTuple):
    """A name with its detail: a phone number, a user name, an account id, or `GROUP`."""

    name: str
    detail: str

    @property
    def id(self) -> str:
        return self.name if self.detail in ("", GROUP) else self.detail


def split_name(label: str) -> SigtopName:
    """Split "Ana Reed (+15550100)" into the name and the number."""
    label = clean_text(label).strip()
    name, bracket, detail = label.removesuffix(")").rpartition(" (")
    return SigtopName(name, detail) if bracket and label.endswith(")") else SigtopName(label, "")
