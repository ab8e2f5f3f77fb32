"""Messages with roles, as OpenAI, axolotl, Mistral and TRL write them; also TRL's prompts with an answer."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct, field

from training.importers.reading.dialogue import DialogueTurn, conversation, records, role_of
from training.importers.reading.import_log import ImportLog
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "ChatML messages"


class Part(Struct, gc=False):
    """A piece of a text; axolotl says for each whether it is trained on."""

    text: str | None = ""
    train: bool | None = None


class Line(Struct, gc=False):
    """A turn; `train` and `train_detail` are axolotl's, `weight` is Mistral's."""

    role: str = ""
    content: str | list[Part] | None = ""
    train: bool | None = None
    weight: float | None = None
    train_detail: list[dict[str, Any]] | None = None


Text = str | list[Line] | None


class Dialogue(Struct, gc=False):
    """A conversation; or a prompt with what followed, of which only the preferred is taken."""

    messages: list[Line] = field(default_factory=list)
    prompt: Text = None
    completion: Text = None
    chosen: Text = None
    label: bool | None = None
    kto_tag: bool | None = None


def recognises(head: FileHead) -> bool:
    for way in ("[].", ""):
        if head.has(f"{way}messages[].role", f"{way}messages[].content") or head.has(
            f"{way}chosen", f"{way}rejected"
        ):
            return True
        if head.has(f"{way}prompt", f"{way}completion"):
            return True
    return False


def read(sources: Sequence[Source], tally: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        for dialogue in records(source, Dialogue, tally):
            if False in (dialogue.label, dialogue.kto_tag):
                tally.skip("answers that were rejected")
            else:
                yield from conversation("chatml", list(_turns(dialogue, tally)), source, tally)


def _turns(dialogue: Dialogue, tally: ImportLog) -> Iterator[DialogueTurn]:
    answer = dialogue.chosen if dialogue.chosen is not None else dialogue.completion
    for line in [*dialogue.messages, *_lines(dialogue.prompt, "user"), *_lines(answer, "assistant")]:
        if role := role_of(line.role):
            text, trained = _content(line, tally)
            yield DialogueTurn(role, text, trained)
        else:
            tally.skip("turns of an unknown side")


def _lines(text: Text, role: str) -> list[Line]:
    if text is None:
        return []
    return [Line(role, text)] if isinstance(text, str) else text


def _content(line: Line, tally: ImportLog) -> tuple[str, bool]:
    """The text, and whether it is learned from. A turn that is only partly trained on gives context alone."""
    trained = line.train is not False and line.weight != 0
    partly = any(detail.get("train") is False for detail in line.train_detail or ())
    text = line.content or ""
    if not isinstance(text, str):
        partly = partly or any(part.train is False for part in text)
        text = "".join(part.text or "" for part in text)
    if partly:
        tally.note("Turns that are trained on in part are kept as context and not trained on.")
    return text, trained and not partly
