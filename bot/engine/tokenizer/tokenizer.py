"""A base model's tokenizer with two doors: content, which can never become a control token, and templates."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import pairwise
from typing import Any

from tokenizers import AddedToken
from tokenizers import Tokenizer as Backend

Json = dict[str, Any]
_EMPTY = {"type": "BPE", "vocab": {}, "merges": []}
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


class HFTokenizer:
    """A `bot.prompt.builder.Tokenizer` from the definition (tokenizer.json) of a fast tokenizer.

    Every id has a fixed spelling in bytes, so the text is the same whether ids come at once or one by one.
    """

    def __init__(
        self, definition: str, special: Mapping[str, str], template: str | None, end: Iterable[int]
    ) -> None:
        self._backend = Backend.from_str(definition)
        decoder = _state(self._backend.decoder)
        self._bytes = _has(decoder, "ByteFallback")
        self._alphabet = _byte_alphabet() if _has(decoder, "ByteLevel") else None
        self.special = dict(special)
        self.template = template
        self.end = frozenset(end)
        self.control = self._controls()
        _make_spliceable(self._backend, self._backend)
        self._content_backend = self._without_control()
        self._spellings: dict[int, bytes] = {}

    @property
    def definition(self) -> str:
        """The tokenizer.json that makes this tokenizer again."""
        return self._backend.to_str()

    def encode(self, text: str) -> list[int]:
        """Content to ids, none a control id. Lone surrogates become U+FFFD; what has no id is left out."""
        return list(self._content(_valid(text)))

    def encode_template(self, text: str) -> list[int]:
        """A template's own text to ids; control tokens are recognised and nothing is added."""
        return list(self._backend.encode(_valid(text), add_special_tokens=False).ids)

    def decode(self, ids: list[int]) -> str:
        """Ids to text, control tokens left out; bytes that are not UTF-8 become U+FFFD."""
        return b"".join(map(self.decode_bytes, ids)).decode("utf-8", "replace")

    def decode_bytes(self, token: int) -> bytes:
        """The bytes that an id adds to a text; none for control ids and ids without a token."""
        if token not in self._spellings:
            self._spellings[token] = b"" if token in self.control else self._spelling(token)
        return self._spellings[token]

    def _controls(self) -> frozenset[int]:
        added = self._backend.get_added_tokens_decoder().items()
        named = map(self._backend.token_to_id, self.special.values())
        control = {i for i, token in added if not _is_text(token, self._bytes)}
        return frozenset(control.union(i for i in named if i is not None))

    def _without_control(self) -> Backend:
        """The same model without its added tokens, but for those that are only white space."""
        added = sorted(self._backend.get_added_tokens_decoder().items())
        # added tokens get their ids in order; where they would get others, none is kept
        for kept in (added, []):
            plain = Backend(self._backend.model)
            _make_spliceable(plain, self._backend)
            plain.add_tokens([stand_in for i, token in kept if (stand_in := self._stand_in(i, token))])
            if all(plain.token_to_id(token.content) == i for i, token in kept if _is_white(token)):
                break
        return plain

    def _stand_in(self, i: int, token: AddedToken) -> AddedToken | None:
        """White space itself; for a control token outside the vocabulary, something that keeps its id."""
        if _is_white(token):
            return token
        outside = self._backend.model.token_to_id(token.content) is None
        return AddedToken(f"\uf8ff{i}\uf8ff", normalized=False) if outside else None

    def _content(self, text: str) -> Iterator[int]:
        encoding = self._content_backend.encode(text, add_special_tokens=False)
        spans = [encoding.offsets[place] for place, token in enumerate(encoding.ids) if token in self.control]
        if not spans:
            yield from encoding.ids
        elif len(text) > 1:
            for part in _parts(text, spans):
                yield from self._content(part)
        else:
            yield from (token for token in encoding.ids if token not in self.control)

    def _spelling(self, token: int) -> bytes:
        word = self._backend.id_to_token(token)
        if word is None:
            return b""
        if self._alphabet is not None:
            known = all(character in self._alphabet for character in word)
            return bytes(map(self._alphabet.__getitem__, word)) if known else word.encode()
        if self._bytes and (match := _BYTE.fullmatch(word)):
            return bytes.fromhex(match[1])
        return self._backend.decode([*self._anchor, token], skip_special_tokens=False)[
            self._anchor_length :
        ].encode()

    @cached_property
    def _anchor(self) -> list[int]:
        """Something to stand before a token, since decoders treat the first token in their own way."""
        return self.encode("a")[-1:]

    @cached_property
    def _anchor_length(self) -> int:
        return len(self._backend.decode(self._anchor, skip_special_tokens=False))


def _parts(text: str, spans: list[tuple[int, int]]) -> Iterator[str]:
    """The text cut so that no part but a single character holds a whole span; empty spans cut everywhere."""
    cuts = {0, len(text)}
    for start, end in spans:
        cuts.update(range(start, end + 1) if start < end else range(len(text)))
    if len(cuts) == 2:
        cuts.update(range(len(text)))
    return (text[start:end] for start, end in pairwise(sorted(cuts)))


def _valid(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _is_white(token: AddedToken) -> bool:
    return not token.special and token.content.isspace()


def _is_text(token: AddedToken, has_bytes: bool) -> bool:
    """Whether an added token is only text: white space, or a byte of the byte fallback."""
    return _is_white(token) or (has_bytes and _BYTE.fullmatch(token.content) is not None)


def _make_spliceable(backend: Backend, original: Backend) -> None:
    """Give a backend the original's steps, but for what only the start or the end of a text gets."""
    steps = {
        "normalizer": _unprefixed(_state(original.normalizer)),
        "pre_tokenizer": _unprefixed(_state(original.pre_tokenizer)),
    }
    shell = Backend.from_str(json.dumps({"version": "1.0", "added_tokens": [], "model": _EMPTY} | steps))
    backend.normalizer = shell.normalizer
    backend.pre_tokenizer = shell.pre_tokenizer
    backend.no_truncation()
    backend.no_padding()


def _state(step: Any) -> Json | None:
    """A step of the tokenizer as its definition writes it."""
    return json.loads(step.__getstate__()) if step is not None else None


def _unprefixed(step: Json | None) -> Json | None:
    match step:
        case None | {"type": "Prepend"}:
            return None
        case {"type": "Sequence"}:
            key = "normalizers" if "normalizers" in step else "pretokenizers"
            return step | {key: [inner for inner in map(_unprefixed, step[key]) if inner is not None]}
        case {"type": "ByteLevel"}:
            return step | {"add_prefix_space": False}
        case {"type": "Metaspace"}:
            return step | {"prepend_scheme": "never"}
    return step


def _has(step: Json | None, kind: str) -> bool:
    if step is None:
        return False
    return step["type"] == kind or any(_has(inner, kind) for inner in step.get("decoders", ()))


def _byte_alphabet() -> dict[str, int]:
    """How byte-level tokenizers write each byte as a visible character."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + place): byte for place, byte in enumerate(others)}
