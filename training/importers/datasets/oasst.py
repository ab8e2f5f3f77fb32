"""OASST1: trees of answers, nested or flat; of several answers the best is taken, from the root to a leaf."""

from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from training.importers.reading.decoding import lines
from training.importers.reading.import_log import ImportLog
from training.importers.reading.normalise import clean
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "OASST1"
_WORST = 1 << 30


class Node(Struct, gc=False):
    """A message with its answers; rank 0 is the best."""

    message_id: str
    parent_id: str | None = None
    message_tree_id: str | None = None
    role: str = ""
    text: str = ""
    lang: str = ""
    rank: int | None = None
    deleted: bool | None = None
    replies: list["Node"] = field(default_factory=list)


class Tree(Struct, gc=False):
    message_tree_id: str
    prompt: Node


def recognises(head: FileHead) -> bool:
    return head.has("message_tree_id", "prompt.role", "prompt.text") or head.has(
        "message_id", "role", "text", "lang"
    )


def read(sources: Sequence[Source], tally: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        yield from _trees(source, tally) if b'"prompt"' in source.head() else _flat(source, tally)


def _trees(source: Source, tally: ImportLog) -> Iterator[ExportedMessage]:
    for tree in lines(source, Tree):
        node: Node | None = tree.prompt
        parent = None
        while node:
            yield _said(node, tree.message_tree_id, parent, source)
            tally.skip("answers that were not the best", max(0, len(node.replies) - 1))
            parent, node = node.message_id, min(node.replies, key=_rank, default=None)


def _flat(source: Source, tally: ImportLog) -> Iterator[ExportedMessage]:
    """Read twice: which answer of a message is the best, and whether its parents are, is known at the end."""
    best, parents = dict[str, tuple[int, str]](), dict[str, str | None]()
    for node in lines(source, Node):
        parents[node.message_id] = node.parent_id
        if node.parent_id:
            rank = _rank(node), node.message_id
            best[node.parent_id] = min(best.get(node.parent_id, rank), rank)
    for node in lines(source, Node):
        if _is_best(node.message_id, parents, best):
            yield _said(node, node.message_tree_id or node.message_id, node.parent_id, source)
        else:
            tally.skip("answers that were not the best")


def _is_best(number: str, parents: dict[str, str | None], best: dict[str, tuple[int, str]]) -> bool:
    """Whether this message and all above it are the best answers; no message may be above itself."""
    for _ in range(len(parents) + 1):
        parent = parents.get(number)
        if not parent:
            return True
        if best[parent][1] != number:
            return False
        number = parent
    return False


def _rank(node: Node) -> int:
    return _WORST if node.rank is None or node.deleted else node.rank


def _said(node: Node, tree: str, parent: str | None, source: Source) -> ExportedMessage:
    side = "assistant" if node.role == "assistant" else "user"
    return ExportedMessage(
        platform="oasst1",
        chat=tree,
        id=node.message_id,
        author=side,
        author_name=side,
        time=0,
        source=source.label,
        text=clean(node.text),
        is_self=side == "assistant",
        reply_to=parent,
        precision="none",
        lang=node.lang,
    )
