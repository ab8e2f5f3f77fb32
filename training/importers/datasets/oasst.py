"""OASST1: trees of answers, nested (.trees.jsonl) or flat (.messages.jsonl).

The importer takes one path from the root to a leaf: of several answers, the one of the best rank.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct, field

from training.importers.reading.data_sets.flags import TURN_FLAGS, denies
from training.importers.reading.decoding import read_json_lines
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.normalise import LONGEST_TEXT, clean_text
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "OASST1"
GUIDE = Guide(
    steps=(
        "Download OASST1 or OASST2 from the hub as .trees.jsonl or .messages.jsonl, or write a tree of "
        "messages a line."
    ),
    reads=(
        "It reads one path from the root to a leaf of each tree: of several answers, the one of the best "
        "rank."
    ),
    leaves_out="Other answers than the best, and deleted messages, are left out.",
    marks=("message_id", "role", "text"),
    example=(
        '{"message_tree_id": "1", "prompt": {"message_id": "1", "role": "prompter", "text": "Where is the '
        'boat?", "replies": [{"message_id": "2", "role": "assistant", "text": "At the quay."}]}}'
    ),
)
_WORST_RANK = 1 << 30


class Flags(Struct, gc=False, kw_only=True):
    """The flags of `reading.data_sets.flags`, in a typed record."""

    loss: Any = None
    train: Any = None
    weight: Any = None
    loss_weight: Any = None
    loss_scale: Any = None
    output_with_loss: Any = None
    kto_tag: Any = None


class OasstMessage(Flags, gc=False, kw_only=True):
    """A message with its answers; rank 0 is the best."""

    message_id: str
    parent_id: str | None = None
    message_tree_id: str | None = None
    role: str = ""
    text: str = ""
    lang: str = ""
    rank: int | None = None
    deleted: bool | None = None
    replies: list["OasstMessage"] = field(default_factory=list)


class OasstTree(Struct, gc=False):
    message_tree_id: str
    prompt: OasstMessage


def recognises(head: FileHead) -> bool:
    return head.has("message_tree_id", "prompt.role", "prompt.text") or head.has(
        "message_id", "role", "text", "lang"
    )


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        yield from _trees(source, log) if b'"prompt"' in source.head() else _flat(source, log)


def _trees(source: Source, log: ImportLog) -> Iterator[ExportedMessage]:
    for tree in read_json_lines(source, OasstTree):
        node: OasstMessage | None = tree.prompt
        parent = None
        while node:
            if len(node.text) > LONGEST_TEXT:  # what follows answers it
                log.skip(f"dialogues with a turn of more than {LONGEST_TEXT:,} characters, from there on")
                break
            yield _convert(node, tree.message_tree_id, parent, source)
            log.skip("answers that were not the best", max(0, len(node.replies) - 1))
            parent, node = node.message_id, min(node.replies, key=_rank, default=None)


def _flat(source: Source, log: ImportLog) -> Iterator[ExportedMessage]:
    """Read the file twice: the best answer of each message is known when all answers were read."""
    best, parents = dict[str, tuple[int, str]](), dict[str, str | None]()
    for node in read_json_lines(source, OasstMessage):
        parents[node.message_id] = node.parent_id
        if node.parent_id:
            rank = _rank(node), node.message_id
            best[node.parent_id] = min(best.get(node.parent_id, rank), rank)
    chosen = _best_path(parents, best)
    for node in read_json_lines(source, OasstMessage):
        if node.message_id in chosen:
            yield _convert(node, node.message_tree_id or node.message_id, node.parent_id, source)
        else:
            log.skip("answers that were not the best")


def _best_path(parents: dict[str, str | None], best: dict[str, tuple[int, str]]) -> set[str]:
    """Return the messages that, like all above them, are best answers, from the roots down.

    The answer to a message that is missing begins a path too. No root leads to parents in a circle.
    """
    roots = [message_id for message_id, parent in parents.items() if not parent]
    roots += [best[parent][1] for parent in best if parent not in parents]
    chosen: set[str] = set()
    for root in roots:
        message_id: str | None = root
        while message_id and message_id not in chosen:
            chosen.add(message_id)
            message_id = best.get(message_id, (0, None))[1]
    return chosen


def _rank(node: OasstMessage) -> int:
    return _WORST_RANK if node.rank is None or node.deleted else node.rank


def _convert(node: OasstMessage, tree: str, parent: str | None, source: Source) -> ExportedMessage:
    role = "assistant" if node.role == "assistant" else "user"
    return ExportedMessage(
        platform="oasst1",
        chat=tree,
        id=node.message_id,
        author=role,
        author_name=role,
        time=0,
        source=source.label,
        text=clean_text(node.text),
        is_self=role == "assistant",
        reply_to=parent,
        precision="none",
        lang=node.lang,
        trained=not any(denies(getattr(node, name)) for name in TURN_FLAGS),
    )
