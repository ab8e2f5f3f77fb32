"""A base model's tokenizer: content can never become a control token, a template's own text can."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import pairwise

from tokenizers import AddedToken
from tokenizers import Tokenizer as Backend

from bot.engine.tokenizer.compat import byte_alphabet, component_state, has_component, make_spliceable

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


class HFTokenizer:
    """A `bot.prompt.builder.Tokenizer` from the definition (tokenizer.json) of a fast tokenizer.

    Every id has fixed bytes, so the text is the same whether ids are decoded at once or one by one.
    """

    def __init__(
        self, definition: str, special: Mapping[str, str], template: str | None, end: Iterable[int]
    ) -> None:
        """`special` maps names like "eos_token" to tokens; `end` are ids that end a text."""
        self._backend = Backend.from_str(definition)
        decoder = component_state(self._backend.decoder)
        self._has_byte_fallback = has_component(decoder, "ByteFallback")
        self._alphabet = byte_alphabet() if has_component(decoder, "ByteLevel") else None
        self.special = dict(special)
        self.template = template
        self.end = frozenset(end)
        self.control = self._control_ids()
        make_spliceable(self._backend, self._backend)
        self._content_backend = self._without_control()
        self._bytes: dict[int, bytes] = {}

    @property
    def definition(self) -> str:
        """The tokenizer.json that makes this tokenizer again."""
        return self._backend.to_str()

    def encode(self, text: str) -> list[int]:
        """Encode content, never as control ids. Lone surrogates become U+FFFD; text without id is dropped."""
        return list(self._content_ids(_valid(text)))

    def encode_template(self, text: str) -> list[int]:
        """Encode a template's own text: control tokens are recognised, and none is added."""
        return list(self._backend.encode(_valid(text), add_special_tokens=False).ids)

    def decode(self, ids: list[int]) -> str:
        """Decode ids without control tokens; bytes that are not UTF-8 become U+FFFD."""
        return b"".join(map(self.decode_bytes, ids)).decode("utf-8", "replace")

    def decode_bytes(self, token: int) -> bytes:
        """Return the bytes that an id adds to a text; none for control ids and ids without a token."""
        if token not in self._bytes:
            self._bytes[token] = b"" if token in self.control else self._bytes_of(token)
        return self._bytes[token]

    def _control_ids(self) -> frozenset[int]:
        added = self._backend.get_added_tokens_decoder().items()
        named = map(self._backend.token_to_id, self.special.values())
        control = {i for i, token in added if not _is_text(token, self._has_byte_fallback)}
        return frozenset(control.union(i for i in named if i is not None))

    def _without_control(self) -> Backend:
        """Return the same model without its added tokens, but for those that are only white space."""
        added = sorted(self._backend.get_added_tokens_decoder().items())
        # added tokens get their ids in order; where they would get others, none is kept
        for kept in (added, []):
            backend = Backend(self._backend.model)
            make_spliceable(backend, self._backend)
            backend.add_tokens([stand_in for i, token in kept if (stand_in := self._stand_in(i, token))])
            if all(backend.token_to_id(token.content) == i for i, token in kept if _is_white_space(token)):
                break
        return backend

    def _stand_in(self, i: int, token: AddedToken) -> AddedToken | None:
        """Return white space itself; for a control token outside the vocabulary, one that keeps its id."""
        if _is_white_space(token):
            return token
        outside = self._backend.model.token_to_id(token.content) is None
        return AddedToken(f"\uf8ff{i}\uf8ff", normalized=False) if outside else None

    def _content_ids(self, text: str) -> Iterator[int]:
        """Yield ids; text that would become a control token is split until it is encoded as text."""
        encoding = self._content_backend.encode(text, add_special_tokens=False)
        ids = encoding.ids
        places = [place for place, token in enumerate(ids) if token in self.control]
        if not places:
            yield from ids
        elif len(text) > 1:
            offsets = encoding.offsets
            for part in _split_spans(text, [offsets[place] for place in places]):
                yield from self._content_ids(part)
        else:
            yield from (token for token in ids if token not in self.control)

    def _bytes_of(self, token: int) -> bytes:
        word = self._backend.id_to_token(token)
        if word is None:
            return b""
        if self._alphabet is not None:
            byte_level = all(character in self._alphabet for character in word)
            return bytes(map(self._alphabet.__getitem__, word)) if byte_level else word.encode()
        if self._has_byte_fallback and (match := _BYTE.fullmatch(word)):
            return bytes.fromhex(match[1])
        text = self._backend.decode([*self._anchor, token], skip_special_tokens=False)
        return text[self._anchor_length :].encode()

    @cached_property
    def _anchor(self) -> list[int]:
        """An id to decode before another, since decoders treat the first token in their own way."""
        return self.encode("a")[-1:]

    @cached_property
    def _anchor_length(self) -> int:
        return len(self._backend.decode(self._anchor, skip_special_tokens=False))


def _split_spans(text: str, spans: list[tuple[int, int]]) -> Iterator[str]:
    """Split the text so that no part but a single character holds a whole span; empty spans split all."""
    cuts = {0, len(text)}
    for start, end in spans:
        cuts.update(range(start, end + 1) if start < end else range(len(text)))
    if len(cuts) == 2:
        cuts.update(range(len(text)))
    return (text[start:end] for start, end in pairwise(sorted(cuts)))


def _valid(text: str) -> str:
    """Replace lone surrogates by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _is_white_space(token: AddedToken) -> bool:
    return not token.special and token.content.isspace()


def _is_text(token: AddedToken, has_byte_fallback: bool) -> bool:
    """Return whether an added token is only text: white space, or a byte of the byte fallback."""
    return _is_white_space(token) or (has_byte_fallback and _BYTE.fullmatch(token.content) is not None)
