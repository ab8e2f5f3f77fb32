"""Messages with roles (OpenAI, axolotl, Mistral, TRL), and TRL's prompts with a completion or preference."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct, field

from training.importers.reading.dialogue import DialogueTurn, dialogue_messages, read_records, role_of
from training.importers.reading.import_log import ImportLog
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "ChatML messages"


class ContentPart(Struct, gc=False):
    """A part of a content; `train` is axolotl's."""

    text: str | None = ""
    train: bool | None = None


class ChatMlTurn(Struct, gc=False):
    """A turn; `train` and `train_detail` are axolotl's, `weight` is Mistral's (axolotl pull request 1702)."""

    role: str = ""
    content: str | list[ContentPart] | None = ""
    train: bool | None = None
    weight: float | None = None
    train_detail: list[dict[str, Any]] | None = None


ChatMlText = str | list[ChatMlTurn] | None


class ChatMlDialogue(Struct, gc=False):
    """A dialogue; or a prompt with its completion, or with two answers, of which the chosen one is taken.

    `label` (TRL) and `kto_tag` (LLaMA-Factory) are False for a rejected answer.
    """

    messages: list[ChatMlTurn] = field(default_factory=list)
    prompt: ChatMlText = None
    completion: ChatMlText = None
    chosen: ChatMlText = None
    label: bool | None = None
    kto_tag: bool | None = None


def recognises(head: FileHead) -> bool:
    for path in ("[].", ""):
        if head.has(f"{path}messages[].role", f"{path}messages[].content") or head.has(
            f"{path}chosen", f"{path}rejected"
        ):
            return True
        if head.has(f"{path}prompt", f"{path}completion"):
            return True
    return False


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        for dialogue in read_records(source, ChatMlDialogue, log):
            if False in (dialogue.label, dialogue.kto_tag):
                log.skip("answers that were rejected")
            else:
                yield from dialogue_messages("chatml", list(_turns(dialogue, log)), source, log)


def _turns(dialogue: ChatMlDialogue, log: ImportLog) -> Iterator[DialogueTurn]:
    answer = dialogue.chosen if dialogue.chosen is not None else dialogue.completion
    for turn in [*dialogue.messages, *_as_turns(dialogue.prompt, "user"), *_as_turns(answer, "assistant")]:
        if role := role_of(turn.role):
            text, trained = _content(turn, log)
            yield DialogueTurn(role, text, trained)
        else:
            log.skip("turns of an unknown side")


def _as_turns(text: ChatMlText, role: str) -> list[ChatMlTurn]:
    if text is None:
        return []
    return [ChatMlTurn(role, text)] if isinstance(text, str) else text


def _content(turn: ChatMlTurn, log: ImportLog) -> tuple[str, bool]:
    """The text and `trained`. A turn that is trained on in part gives context alone."""
    trained = turn.train is not False and turn.weight != 0
    partly = any(detail.get("train") is False for detail in turn.train_detail or ())
    text = turn.content or ""
    if not isinstance(text, str):
        partly = partly or any(part.train is False for part in text)
        text = "".join(part.text or "" for part in text)
    if partly:
        log.note("Turns that are trained on in part are kept as context and not trained on.")
    return text, trained and not partly
