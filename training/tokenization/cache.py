"""A cache of training examples on disk, by the hash of data, model, card and window."""

import hashlib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import msgspec

from bot.errors import UserError
from bot.files import hash_file, open_draft
from bot.persona.persona import Persona
from bot.prompt.chat_template import Role, Template
from bot.prompt.renderer import PromptFormat, PromptPart, Turn, render_turns
from training.dataset import splits
from training.dataset.base_tokenizer import BaseTokenizer
from training.dataset.serving_prompts import ServingPrompts
from training.dataset.staleness import read_current_build
from training.store.message_store import work_lock
from training.tokenization.encode import Encoder, TrainingExample

ENCODED = "encoded"
CARD_FORM = 2  # grows when a new version makes another prompt of the same card
FORM = 1  # grows when a new version encodes the same input in another way; 2: as one text
_LATER = ("opens", "needs_user", "thinking", "today")
_ROLES: tuple[Role, ...] = ("user", "assistant", "user")
_ENCODER, _DECODER = msgspec.json.Encoder(), msgspec.json.Decoder(TrainingExample)


def open_encoded(
    work: Path,
    name: str,
    serving: ServingPrompts,
    model: BaseTokenizer,
    window: int,
    scratch: Path | None = None,
) -> Path:
    """Return the file of `encode_split`, for a command that does not hold the lock of the work folder.

    A command that only reads gives a folder, `scratch`, for a file that is not there yet. Raises `UserError`
    where the examples must be encoded anew and the data are stale.
    """
    path = _encoded_path(work, name, serving, model, window)
    if path.exists():
        return path
    if scratch is not None:
        read_current_build(work)
        _encode(work / name, scratch / path.name, serving, window)
        return scratch / path.name
    with work_lock(work):
        read_current_build(work)
        return encode_split(work, name, serving, model, window)


def encode_split(work: Path, name: str, serving: ServingPrompts, model: BaseTokenizer, window: int) -> Path:
    """Return the file with the training examples of a split, one a line; encode them if anything changed.

    Needs the lock of the work folder: `forget` must not erase the source while it is encoded.
    """
    path = _encoded_path(work, name, serving, model, window)
    if not path.exists():
        _encode(work / name, path, serving, window)
        for old in path.parent.glob(f"{_stem(name)}-*.jsonl"):
            if old != path:
                old.unlink()
    return path


def _encode(split: Path, path: Path, serving: ServingPrompts, window: int) -> None:
    encoder = Encoder(serving, window)
    with open_draft(path) as file:
        for example in encoder.encode_excerpts(splits.read_excerpts(split)):
            file.write(_ENCODER.encode(example) + b"\n")


def read_encoded(path: Path) -> Iterator[TrainingExample]:
    """Yield the training examples of a file that `encode_split` returned. Raises `UserError` for damage."""
    try:
        with path.open("rb") as file:
            yield from map(_DECODER.decode, file)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): delete it and build the data again.") from None


def hash_in_name(path: Path) -> str:
    """Return the hash of all that the examples of a file depend on."""
    return path.stem.rpartition("-")[2]


def _encoded_path(work: Path, name: str, serving: ServingPrompts, model: BaseTokenizer, window: int) -> Path:
    hashed = _hash(work / name, serving, model, window)
    return work / ENCODED / f"{_stem(name)}-{hashed}.jsonl"


def _stem(name: str) -> str:
    return name.partition(".")[0]


def _hash(path: Path, serving: ServingPrompts, model: BaseTokenizer, window: int) -> str:
    """Return a hash of everything that the training examples depend on."""
    persona, prompt_format = serving.persona, serving.reader
    template, budget = _template_text(prompt_format.template), prompt_format.budget
    form = FORM if _encodes_apart(prompt_format) else FORM + 1
    parts = (
        hash_file(path, missing_ok=True),
        model.definition,
        f"({form!r}, {template}, {budget!r}, {window!r}, {serving.system_prompt!r})",
        repr((persona.key, persona.card, persona.names)),
        *_parts_of_prompts(persona),
        *(() if persona.speaker_names == "always" else (persona.speaker_names,)),
    )
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _parts_of_prompts(persona: Persona) -> tuple[str, ...]:
    """Return the parts of a persona's prompts that its card's fields do not tell; none for a plain card.

    Earlier versions read macros and example dialogues in another way, and no lorebook.
    """
    card = persona.card
    if "{{" not in repr(card) and not (card.mes_example or card.depth_prompt or persona.lore):
        return ()
    return (repr((CARD_FORM, card.depth_prompt, persona.lore)),)


def _encodes_apart(prompt_format: PromptFormat) -> bool:
    """Return whether words and template give the ids of the first form, which encoded them apart."""
    tokenizer, words = prompt_format.tokenizer, ("Hello there.", "I am fine.", "Why?")
    turns = [Turn(role, (PromptPart("message", text),)) for role, text in zip(_ROLES, words, strict=True)]
    apart = [
        tokenizer.encode_template(prompt_format.template.named(piece))
        if isinstance(piece, str)
        else tokenizer.encode(words[piece])
        for piece in prompt_format.template.segments(_ROLES, answer=True)
    ]
    return [id for piece in apart for id in piece] == list(render_turns(turns, prompt_format)[0])


def _template_text(template: Template) -> str:
    """Return the fields of a template as all versions hash them, whatever its class is called.

    A field that came later stands there where it has another value than versions before had.
    """
    values = (
        f"{field.name}={getattr(template, field.name)!r}"
        for field in fields(template)
        if field.name not in _LATER or getattr(template, field.name) != field.default
    )
    return f"Template({', '.join(values)})"
