"""Invented messages, and the data made of them, for the tests of the trainer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.config import ChatSettings
from bot.persona.persona import Persona
from bot.prompt.builder import Reader
from bot.prompt.chat_template import open_template
from tests.conftest import MARA
from tests.fakes.model import CHATML, ByteTokenizer
from training.dataset import splits
from training.dataset.documents import pieces
from training.dataset.excerpts import Example, Excerpt, Serving, examples
from training.dataset.selection import Limits
from training.dataset.splits import Built
from training.store.chat_index import Chats
from training.store.lineage import opt_outs
from training.store.messages import Said, to_lines

SYSTEM_PROMPT = ChatSettings().system_prompt


def said(number: int, name: str, text: str, **more: Any) -> Said:
    """A message; "Mara" is the persona. Its id is the number, its time a minute later for each."""
    known: dict[str, Any] = {
        "platform": "test",
        "chat": "room",
        "id": str(number),
        "author": name.casefold(),
        "author_name": name,
        "time": 60.0 * number,
        "source": "export.json",
        "text": text,
        "is_self": name == "Mara",
    }
    return Said(**known | more)


def serving(budget: int = 4000, source: str = CHATML, persona: Persona = MARA) -> Serving:
    """Prompts in bytes."""
    tokenizer = ByteTokenizer()
    reader = Reader(tokenizer, open_template(source, tokenizer.special, persona.name), budget)
    return Serving(persona, reader, SYSTEM_PROMPT)


def build(
    folder: Path, messages: Sequence[Said], made_for: Serving | None = None, limits: Limits | None = None
) -> Built:
    """Write messages.jsonl, train.jsonl and held.jsonl into a folder "work"."""
    work, made_for = folder / "work", made_for or serving()
    work.mkdir(parents=True, exist_ok=True)
    (work / "messages.jsonl").write_bytes(to_lines(list(messages)))
    opted_out = opt_outs(work)
    with Chats(work / "messages.jsonl") as chats:
        selection = splits.choose(chats, opted_out, len, limits or Limits())
        facts = pieces(folder / "documents", selection.left_out, str)
        return splits.write(work, chats, opted_out, made_for, selection, facts)


def excerpts(folder: Path, name: str = splits.TRAIN) -> list[Excerpt]:
    return list(splits.read(folder / "work" / name))


def made(folder: Path, made_for: Serving | None = None) -> list[Example]:
    """All examples, learned and held out."""
    return [
        example
        for name in (splits.TRAIN, splits.HELD)
        for excerpt in excerpts(folder, name)
        for example in examples(excerpt, made_for or serving())
    ]
