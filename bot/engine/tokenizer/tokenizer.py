"""A base model's tokenizer: content can never become a control token, a template's own text can."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from itertools import pairwise

from tokenizers import AddedToken, Encoding
from tokenizers import Tokenizer as Backend

from bot.engine.tokenizer.compat import (
    Prefix,
    byte_alphabet,
    component_state,
    has_component,
    make_spliceable,
)
from bot.prompt.splicing import Section, SectionToken, valid_text

_TEMPLATE_TEXTS = 512  # texts of templates whose control tokens are kept
_Forbids = Callable[[int, int, int], bool]  # of an id, and its first and last character, the last excluded
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


class HFTokenizer:
    """A `bot.prompt.builder.Tokenizer` from the definition (tokenizer.json) of a fast tokenizer.

    Two sets of ids are apart: content is never encoded as `control` ids, which are all added tokens but white
    space; `unspelt` ids, the special ones among them, are spelt as nothing, as the library does it with
    `skip_special_tokens`. Every id has fixed bytes, so the text is the same whether ids are decoded at once
    or one by one.
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
        self.unspelt = self._unspelt_ids()
        self._unknown = self._backend.token_to_id(self.special.get("unk_token", ""))
        self._section_backends = self._backends_of_sections()
        self._components = _components_of(self._section_backends[True])
        self.begin = _begin_of(self._backend)
        self._content_backend = self._without_control()
        make_spliceable(self._backend, self._backend)
        self._bytes: dict[int, bytes] = {}
        self.split_control = lru_cache(_TEMPLATE_TEXTS)(self._split_control)

    @property
    def definition(self) -> str:
        """The tokenizer.json that makes this tokenizer again."""
        plain = self._backend.to_str()
        if self._components == _components_of(self._backend):
            return plain
        return json.dumps(json.loads(plain) | self._components, ensure_ascii=False)

    def encode(self, text: str) -> list[int]:
        """Encode content, never as control ids. Lone surrogates become U+FFFD; text without id is dropped."""
        text = valid_text(text)
        ids: list[int] = self._content_backend.encode(text, add_special_tokens=False).ids
        return (
            ids
            if self.control.isdisjoint(ids)
            else [i for i, _, _ in self._split_tokens(text, self._is_control)]
        )

    def _is_control(self, i: int, start: int, end: int) -> bool:
        return i in self.control

    def encode_template(self, text: str) -> list[int]:
        """Encode a template's own text: control tokens are recognised, and none is added."""
        return list(self._backend.encode(valid_text(text), add_special_tokens=False).ids)

    def encode_section(self, section: Section) -> list[SectionToken]:
        """Encode text between two control tokens as the model's own tokenizer does.

        Content gives no control id; the template's own text may hold characters that have no token.
        """
        text, content = section.text, section.content

        def forbids(i: int, start: int, end: int) -> bool:
            if i != self._unknown:
                return i in self.control
            return any(start < last and first < end for first, last in content)

        encoding = self._section_backends[section.is_first].encode(text, add_special_tokens=False)
        if self.control.isdisjoint(encoding.ids):
            return _tokens_of(encoding)
        tokens = _tokens_of(encoding)
        return list(self._split_tokens(text, forbids)) if any(forbids(*each) for each in tokens) else tokens

    def _split_control(self, template: str) -> tuple[str | int, ...]:
        """Split a template's own text into control ids and the sections of text between them.

        Blanks that a control token takes from the text beside it belong to that token.
        """
        encoding = self._backend.encode(template, add_special_tokens=False)
        pieces, at, unknown = list[str | int](), 0, self.special.get("unk_token")
        for i, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
            if i in self.control and (i != self._unknown or template[start:end].strip() == unknown):
                pieces += [template[at:start], i]
                at = end
        return tuple(piece for piece in (*pieces, template[at:]) if piece != "")

    def decode(self, ids: list[int]) -> str:
        """Decode ids as the library does without special tokens; bytes that are not UTF-8 become U+FFFD."""
        return b"".join(map(self.decode_bytes, ids)).decode("utf-8", "replace")

    def spell(self, ids: Iterable[int]) -> str:
        """Return ids as text with the control tokens that `decode` leaves out."""
        return b"".join(map(self._bytes_of, ids)).decode("utf-8", "replace")

    def decode_bytes(self, token: int) -> bytes:
        """Return the bytes that an id adds to a text; none for special ids and ids without a token."""
        if token not in self._bytes:
            self._bytes[token] = b"" if token in self.unspelt else self._bytes_of(token)
        return self._bytes[token]

    def _control_ids(self) -> frozenset[int]:
        added = self._backend.get_added_tokens_decoder().items()
        named = map(self._backend.token_to_id, self.special.values())
        control = {i for i, token in added if not _is_text(token, self._has_byte_fallback)}
        return frozenset(control.union(i for i in named if i is not None))

    def _unspelt_ids(self) -> frozenset[int]:
        added = self._backend.get_added_tokens_decoder().items()
        named = map(self._backend.token_to_id, self.special.values())
        return self.control & {i for i, token in added if token.special}.union(
            i for i in named if i is not None
        )

    def _backends_of_sections(self) -> dict[bool, Backend]:
        """Return the backends by whether a section begins the text; most tokenizers have one for both."""
        whole, later = self._without_control(frozenset()), self._without_control(frozenset({Prefix.TEXT}))
        return {True: whole, False: whole if _components_of(whole) == _components_of(later) else later}

    def _without_control(self, without: frozenset[Prefix] = frozenset(Prefix)) -> Backend:
        """Return the same model without its added tokens, but for those that are only white space.

        It writes no prefix of those `without`.
        """
        added = sorted(self._backend.get_added_tokens_decoder().items())
        # added tokens get their ids in order; where they would get others, none is kept
        for kept in (added, []):
            backend = Backend(self._backend.model)
            make_spliceable(backend, self._backend, without)
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

    def _split_tokens(self, text: str, forbids: _Forbids, at: int = 0) -> Iterator[SectionToken]:
        """Yield tokens of a text that begins at this place, without those that `forbids` names.

        The text of a forbidden token is split until it is encoded otherwise, or dropped.
        """
        tokens = _tokens_of(self._content_backend.encode(text, add_special_tokens=False))
        bad = [(start, end) for i, start, end in tokens if forbids(i, at + start, at + end)]
        if bad and len(text) > 1:
            for start, part in _split_spans(text, bad):
                yield from self._split_tokens(part, forbids, at + start)
        elif not bad:
            yield from ((i, at + start, at + end) for i, start, end in tokens)
        else:
            yield from ((i, at, at + 1) for i, _, _ in tokens if not forbids(i, at, at + 1))

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


def _components_of(backend: Backend) -> dict[str, object]:
    return {name: component_state(getattr(backend, name)) for name in ("normalizer", "pre_tokenizer")}


def _begin_of(backend: Backend) -> tuple[int, ...]:
    """Return the ids that a tokenizer puts before every text."""
    own, whole = (backend.encode("a", add_special_tokens=adds).ids for adds in (False, True))
    starts = (at for at in range(len(whole)) if whole[at : at + len(own)] == own)
    return tuple(whole[: next(starts, 0)])


def _tokens_of(encoding: Encoding) -> list[SectionToken]:
    return [(i, start, end) for i, (start, end) in zip(encoding.ids, encoding.offsets, strict=True)]


def _split_spans(text: str, spans: list[tuple[int, int]]) -> Iterator[tuple[int, str]]:
    """Yield parts of the text with their places, of which none but a single character holds a whole span.

    Empty spans split all.
    """
    cuts = {0, len(text)}
    for start, end in spans:
        cuts.update(range(start, end + 1) if start < end else range(len(text)))
    if len(cuts) == 2:
        cuts.update(range(len(text)))
    return ((start, text[start:end]) for start, end in pairwise(sorted(cuts)))


def _is_white_space(token: AddedToken) -> bool:
    """Return whether an added token is white space, which tokenizers of SentencePiece write as U+2581."""
    return not token.special and token.content.replace("\u2581", " ").isspace()


def _is_text(token: AddedToken, has_byte_fallback: bool) -> bool:
    """Return whether an added token is only text: white space, or a byte of the byte fallback."""
    return _is_white_space(token) or (has_byte_fallback and _BYTE.fullmatch(token.content) is not None)
