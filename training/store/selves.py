"""selves.json, beside messages.jsonl: the author ids under which the persona speaks, by platform."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bot.errors import UserError
from bot.files import create_private
from bot.json_fault import json_fault
from bot.system import replacing
from training.store.indented_json import encode_indented
from training.store.messages import MESSAGES, NO_SPEECH, ExportedMessage

SELVES = "selves.json"


@dataclass(frozen=True, slots=True)
class Selves:
    """The persona's author ids by platform.

    `is_self` in a line of messages.jsonl is the answer that was known when the line was imported. It counts
    only for platforms that are missing here: selves.json did not exist in folders of version 0.1.0.
    """

    ids: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def is_self(self, platform: str, author: str, kind: str, in_line: bool | None) -> bool | None:
        """Return whether the persona wrote a message, or None if nobody has said yet who the persona is."""
        ids = self.ids.get(platform)
        return in_line if ids is None else author in ids and kind not in NO_SPEECH

    def resolve(self, message: ExportedMessage) -> ExportedMessage:
        """Return the message with `is_self` set according to these ids."""
        if message.platform not in self.ids:
            return message
        is_self = self.is_self(message.platform, message.author, message.kind, message.is_self)
        return message if is_self is message.is_self else msgspec.structs.replace(message, is_self=is_self)


def read_selves(work: Path) -> Selves:
    """Read work/selves.json; no file means no ids. Raises `UserError` for a damaged file."""
    path = _draft(work / SELVES) if _is_committed(work) else work / SELVES
    content = b""
    try:
        content = path.read_bytes()
        ids = msgspec.json.decode(content, type=dict[str, frozenset[str]])
    except FileNotFoundError:
        return Selves()
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read ({json_fault(content, error)}): write a list of ids for each platform, "
            'such as {"telegram": ["user123"]}, or delete it and import again with --me.'
        ) from None
    return Selves(ids)


def draft_selves(work: Path, ids: Mapping[str, Iterable[str]]) -> None:
    """Write the next selves.json beside the draft of messages.jsonl, to be put in place with it.

    An import replaces two files. The rename of messages.jsonl is the moment at which both count: a draft of
    selves.json whose messages.jsonl.new is gone belongs to messages.jsonl, also after a kill in between.
    """
    text = encode_indented({platform: sorted(ids[platform]) for platform in sorted(ids)})
    path = _draft(work / SELVES)
    replacing.delete(path)
    with create_private(path) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def settle_selves(work: Path) -> None:
    """Put a draft of selves.json in place if its messages are in place, and delete it otherwise.

    Only the process that holds the lock of messages.jsonl may call this.
    """
    if _is_committed(work):
        replacing.replace(_draft(work / SELVES), work / SELVES)
    replacing.delete(_draft(work / SELVES))


def _is_committed(work: Path) -> bool:
    return _draft(work / SELVES).exists() and not _draft(work / MESSAGES).exists()


def _draft(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")
