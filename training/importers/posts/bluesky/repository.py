"""The repository of an account of the AT Protocol: its owner, and which posts it holds under which keys.

Keys stand in a tree (atproto.com/specs/repository): each node has its entries `e`, of which a key shares its
first `p` bytes with the one before it, and links to the nodes below. A block that the tree does not lead to
is no record any more.
"""

from collections.abc import Iterator
from typing import Any

from bot.errors import UserError
from training.importers.posts.bluesky.car import read_blocks
from training.importers.posts.bluesky.cbor import CborError, Link, decode_cbor
from training.importers.reading.normalise import LONGEST_NAME, clean_text
from training.importers.reading.source import Source

POSTS = "app.bsky.feed.post"
_PROFILE = b"app.bsky.actor.profile"
_NODE, _KEY = b"\xa2ae", 1024  # a map of two, whose first key is "e"; bytes of a record's key
_EQUAL = 16  # posts with the same words and the same time to the millisecond: nobody writes more
_NODES = 1 << 20  # nodes of a tree: a hundred million posts have fewer


class Repository:
    """The facts of a repository: `keys` are those of its posts, by content id, which equal posts share."""

    def __init__(self, source: Source) -> None:
        self.source, self.owner, self.name = source, "", ""
        self.keys: dict[bytes, list[str]] = {}
        self._root = b""
        self._nodes: dict[bytes, tuple[tuple[bytes, ...], tuple[tuple[str, bytes], ...]]] = {}
        for cid, block in read_blocks(source, again=True):
            if block.startswith(_NODE):
                self._add_node(cid, block)
            elif b"cdid" in block[:200]:
                self._add_commit(decode(block, source))
            elif _PROFILE in block:
                self._add_profile(decode(block, source))
        if not self.owner:
            raise UserError(f"{source} is no repository of an account: export it again.")
        for key, cid in self._walk():
            keys = self.keys.setdefault(cid, [])
            if len(keys) < _EQUAL:
                keys.append(key)
        self._nodes = {}

    def _add_commit(self, value: Any) -> None:
        if isinstance(value, dict) and isinstance(value.get("did"), str):
            self.owner = clean_text(value["did"])
            self._root = value["data"].cid if isinstance(value.get("data"), Link) else b""

    def _add_profile(self, value: Any) -> None:
        if isinstance(value, dict) and value.get("$type") == _PROFILE.decode():
            self.name = clean_text(str(value.get("displayName") or ""))[:LONGEST_NAME]

    def _add_node(self, cid: bytes, block: bytes) -> None:
        value = decode(block, self.source)
        if len(self._nodes) >= _NODES:
            raise UserError(f"{self.source} has a tree of more than {_NODES:,} nodes: it is no repository.")
        if not isinstance(value, dict):
            return
        entries = value.get("e")
        below, posts, key = [value.get("l")], list[tuple[str, bytes]](), b""
        for entry in entries if isinstance(entries, list) else []:
            if not isinstance(entry, dict):
                continue
            shared, rest = entry.get("p"), entry.get("k")
            if not isinstance(shared, int) or not isinstance(rest, bytes):
                continue
            key = (key[: max(shared, 0)] + rest)[:_KEY]
            below.append(entry.get("t"))
            collection, _, name = key.decode("utf-8", "replace").partition("/")
            if collection == POSTS and isinstance(entry.get("v"), Link):
                posts.append((name, entry["v"].cid))
        self._nodes[cid] = tuple(each.cid for each in below if isinstance(each, Link)), tuple(posts)

    def _walk(self) -> Iterator[tuple[str, bytes]]:
        """Yield the key and the content id of each post of the tree; a circle is gone round once."""
        waiting, seen = [self._root], {self._root}
        while waiting:
            below, posts = self._nodes.get(waiting.pop(), ((), ()))
            yield from posts
            for cid in below:
                if cid not in seen:
                    seen.add(cid)
                    waiting.append(cid)


def decode(block: bytes, source: Source) -> Any:
    """Return the value of a block. Raises UserError naming the file."""
    try:
        return decode_cbor(block)
    except CborError as error:
        raise UserError(f"{source} has a block that cannot be read ({error}): export it again.") from None
