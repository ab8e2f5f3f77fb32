"""The tokens that are told with an answer's text, each with the piece in which its characters end."""

import codecs
from collections import deque
from dataclasses import dataclass, field, replace

from bot.engine.interface import TokenLogprob


@dataclass(slots=True)
class _Token:
    """A token, the count of its bytes that are neither released nor dropped, and the released ones."""

    told: TokenLogprob
    left: int
    released: bytearray = field(default_factory=bytearray)


_Character = list[tuple[_Token, int]]  # its bytes, each with the token that it is of


class ToldTokens:
    """Follows the bytes of tokens until their characters are released as text of the answer, or dropped.

    A token is told when all its bytes are, with those that were released: bytes of a thought, and blanks
    behind one, are dropped. A token of which a byte is never decided is not told.
    """

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._half: _Character = []  # bytes of a character that is not whole
        self._text = ""  # of which nothing is decided
        self._characters: list[_Character] = []  # of that text
        self._answer = deque[_Character]()  # that were not released
        self._told: list[TokenLogprob] = []

    def decode(self, token: TokenLogprob) -> str:
        """Add the bytes of a token; return the characters that are whole now."""
        owner, text = _Token(token, len(token.text)), ""
        for byte in token.text:
            self._half.append((owner, byte))
            text += self._add(self._utf8.decode(bytes((byte,))))
        return text

    def add_mark(self, token: TokenLogprob, text: str) -> None:
        """Add a token whose text is told apart from the bytes before it."""
        owner = _Token(token, len(text.encode()))
        self._text += text
        self._characters += [[(owner, byte) for byte in sign.encode()] for sign in text]

    def settle(self, shown: str, kept: str) -> None:
        """Decide which characters belong to the answer: those `shown`; of the last ones, `kept`, none is.

        Of the others, the blanks before a mark are shown, or those behind it, or both.
        """
        settled = len(self._text) - len(kept)
        last = _common_end(self._text[:settled], shown)
        first = len(shown) - last
        for character in self._characters[first : settled - last]:
            for owner, _ in character:
                self._decide(owner)
        self._answer += self._characters[:first]
        self._answer += self._characters[settled - last : settled]
        self._text, self._characters = kept, self._characters[settled:]

    def release(self, count: int) -> None:
        """Release the next characters of the answer."""
        for _ in range(count):
            for owner, byte in self._answer.popleft():
                owner.released.append(byte)
                self._decide(owner)

    def take(self) -> tuple[TokenLogprob, ...]:
        """Return the tokens that were told since the last call."""
        told, self._told = tuple(self._told), []
        return told

    def _decide(self, owner: _Token) -> None:
        """Note that one more byte was released or dropped; behind the last one, tell the token."""
        owner.left -= 1
        if not owner.left and owner.released:
            self._told.append(replace(owner.told, text=bytes(owner.released)))

    def _add(self, text: str) -> str:
        """Add characters that the bytes before them gave; each but the first is of one byte."""
        if text:
            waiting = len(self._utf8.getstate()[0])
            whole = len(self._half) - waiting
            first = whole - len(text) + 1
            self._characters.append(self._half[:first])
            self._characters += [[each] for each in self._half[first:whole]]
            self._text, self._half = self._text + text, self._half[whole:]
        return text


def _common_end(one: str, other: str) -> int:
    """Return the number of last characters that are the same."""
    pairs = zip(reversed(one), reversed(other), strict=False)
    return next(
        (count for count, (mine, yours) in enumerate(pairs) if mine != yours), min(len(one), len(other))
    )
