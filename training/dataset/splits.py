"""The two splits of the data: train.jsonl and, for validation, held.jsonl."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import msgspec

from bot.errors import UserError
from bot.files import open_draft
from bot.json_fault import line_fault
from training.dataset.chat_excerpts import ChatExcerpts
from training.dataset.excerpts import Excerpt
from training.dataset.selection import Limits, Selection, Split, select_targets
from training.dataset.serving_prompts import ServingPrompts
from training.dataset.targets import CountTokens, find_targets
from training.store.chat_index import ChatIndex
from training.store.lineage import OptOuts

TRAIN, VALIDATION = "train.jsonl", "held.jsonl"
_ENCODER, _DECODER = msgspec.json.Encoder(), msgspec.json.Decoder(Excerpt)


@dataclass(slots=True)
class SplitCounts:
    """The targets of each split by task, the messages left out by reason, and the pieces of documents."""

    train: Counter[str] = field(default_factory=Counter)
    validation: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    facts: int = 0

    def count_excerpt(self, split: Split, excerpt: Excerpt) -> None:
        counts = self.train if split == "train" else self.validation
        counts.update(target.task for target in excerpt.aims)


def choose_targets(
    chats: ChatIndex, opted_out: OptOuts, count_tokens: CountTokens, limits: Limits, explain: bool = False
) -> Selection:
    """Choose the targets of all chats. Raises `UserError` where there are none."""
    if not chats.places:
        raise UserError("The messages hold texts for the stage of facts alone: import a dialogue as well.")
    if not chats.knows_self:
        raise UserError("Nobody in the messages is the persona: import them again with --me NAME_OR_ID.")
    selection = select_targets(find_targets(chats, opted_out, count_tokens), chats, limits, explain)
    if not any(selection.chosen):
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in selection.left_out.most_common(5))
        raise UserError(
            f"Nothing is left to learn from ({reasons}): import more, or take somebody off the opt-outs."
        )
    return selection


def write_splits(
    work: Path,
    chats: ChatIndex,
    opted_out: OptOuts,
    serving: ServingPrompts,
    selection: Selection,
    facts: Iterable[Excerpt] = (),
) -> SplitCounts:
    """Write both files, in the order of chats, with the facts first: both new and whole, or neither."""
    counts, excerpts = SplitCounts(left_out=selection.left_out), ChatExcerpts(chats, opted_out, serving)
    with open_draft(work / TRAIN) as train, open_draft(work / VALIDATION) as validation:
        files: dict[Split, BinaryIO] = {"train": train, "validation": validation}
        for piece in facts:
            train.write(_ENCODER.encode(piece) + b"\n")
            counts.facts += 1
        for place, chosen in zip(chats.places, selection.chosen, strict=True):
            for split, excerpt in excerpts.build(place, selection.transcripts.get(place), chosen):
                files[split].write(_ENCODER.encode(excerpt) + b"\n")
                counts.count_excerpt(split, excerpt)
    counts.left_out.update(excerpts.left_out)
    return counts


def read_excerpts(path: Path) -> Iterator[Excerpt]:
    """Yield the excerpts of a split. Raises `UserError` for a missing or damaged file."""
    number, line = 0, b""
    try:
        with path.open("rb") as file:
            for line in file:
                number += 1
                yield _DECODER.decode(line)
    except FileNotFoundError:
        raise UserError(f"There is no {path}: `python -m training build` makes it.") from None
    except (OSError, ValueError) as error:
        where = f"{path}, line {number:,}," if isinstance(error, ValueError) else str(path)
        reason = line_fault(line, error)
        raise UserError(f"{where} cannot be read ({reason}): build the data again.") from None
