"""CAR files (ipld.io/specs/transport/car/carv1): blocks of bytes, each behind its length and content id."""

from collections.abc import Iterator

from bot.errors import UserError
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source

_BLOCK = 4 << 20  # bytes of a block; a record of the AT Protocol has at most one million
_NUMBER = 10  # bytes of a number
_HASH_V0 = b"\x12\x20"  # SHA-256 of 32 bytes: a content id of version 0 has nothing before it
_HEADER = b"\xa2eroots"  # a map of two, whose first key is "roots"


def is_car(head: FileHead) -> bool:
    """Return whether a file is a CAR, by its header."""
    return head.raw.find(_HEADER, 0, _NUMBER + len(_HEADER)) >= 0 and b"gversion\x01" in head.raw[:400]


class _Bytes:
    """The bytes of a file, read forwards."""

    def __init__(self, source: Source, again: bool) -> None:
        self._source, self._chunks = source, source.chunks(again)
        self._chunk, self._at = b"", 0

    def take(self, count: int) -> bytes:
        """Return the next bytes, fewer at the end."""
        pieces = list[bytes]()
        while count:
            if self._at == len(self._chunk):
                self._chunk, self._at = next(self._chunks, b""), 0
                if not self._chunk:
                    break
            piece = self._chunk[self._at : self._at + count]
            self._at += len(piece)
            count -= len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    def number(self) -> int | None:
        """Return the next number (a varint: seven bits a byte, the last byte below 128); None at the end."""
        number = 0
        for at in range(_NUMBER):
            if not (byte := self.take(1)):
                if at:
                    break
                return None
            number |= (byte[0] & 0x7F) << 7 * at
            if byte[0] < 0x80:
                return number
        raise UserError(f"{self._source} is damaged: a length in it has no end. Export it again.")


def read_blocks(source: Source, again: bool = False) -> Iterator[tuple[bytes, bytes]]:
    """Yield the content id and the bytes of each block. Raises UserError for a damaged file."""
    file = _Bytes(source, again)
    is_header = True
    while (length := file.number()) is not None:
        if length > _BLOCK:
            raise UserError(f"{source} has a block of more than {_BLOCK >> 20} MB: it is no repository.")
        if len(block := file.take(length)) < length:
            raise UserError(f"{source} ends in the middle: export or copy it again.")
        if not is_header:
            end = _id_end(block)
            yield block[:end], block[end:]
        is_header = False


def _id_end(block: bytes) -> int:
    """Return the length of the content id that a block begins with."""
    if block.startswith(_HASH_V0):
        return 34
    at = 0
    for _ in range(3):  # version, codec and kind of hash
        at = _after_number(block, at)
    return at + 1 + (block[at] if at < len(block) else 0)


def _after_number(block: bytes, at: int) -> int:
    while at < len(block) and block[at] >= 0x80:
        at += 1
    return at + 1
