"""The command `build`: messages and documents become examples, encoded for the base model."""

from collections import Counter
from collections.abc import Iterable

import msgspec
import numpy as np

from bot.errors import UserError
from training.dataset import splits
from training.dataset.base_tokenizer import answer_room
from training.dataset.documents import read_documents
from training.dataset.excerpts import Excerpt
from training.dataset.selection import Limits, Selection
from training.dataset.serving_prompts import ServingPrompts
from training.dataset.splits import TRAIN, VALIDATION, SplitCounts
from training.dataset.workspace import BUILD_RECORD, BuildRecord, Workspace
from training.store.atomic import write_private
from training.store.chat_index import ChatIndex
from training.store.lineage import hash_file, read_opt_outs
from training.store.scrubbing import scrub_messages
from training.tokenization import cache

WINDOWS = (256, 512, 1024, 2048, 4096, 8192)
HOLDS = 0.95  # the share of answers before which the window holds the whole conversation
AROUND = 1.3  # names, and what the template puts around messages, as a factor on their own tokens
QUANTILES = (0.5, 0.9, 0.95, 0.99, 1.0)


def build_data(desk: Workspace, window: int = 0, per_chat: int = Limits().per_chat) -> BuildRecord:
    """Make the data anew; `window` 0 chooses one. Raises `UserError` where there is nothing to learn from."""
    messages, scrubber = scrub_messages(desk.work, desk.persona)
    opted_out = read_opt_outs(desk.work)
    with ChatIndex(messages) as chats:
        widest = desk.serving(desk.model.context)
        encode = widest.reader.tokenizer.encode
        selection = splits.choose_targets(chats, opted_out, lambda text: len(encode(text)), Limits(per_chat))
        window = _checked(window, desk) if window else _window(selection, widest, desk)
        serving = desk.serving(window)
        facts = read_documents(
            desk.folder / "documents", selection.left_out, lambda text: scrubber.scrub(text).text
        )
        built = splits.write_splits(desk.work, chats, opted_out, serving, selection, facts)
    return _summary(desk, built, serving, window, per_chat)


def _checked(window: int, desk: Workspace) -> int:
    if not WINDOWS[0] <= window <= desk.model.context:
        raise UserError(
            f"A window of {window:,} is not possible: {desk.model.name} reads {desk.model.context:,} tokens; "
            f"choose one from {WINDOWS[0]} to that."
        )
    return window


def _window(selection: Selection, serving: ServingPrompts, desk: Workspace) -> int:
    """The smallest window that holds nearly all conversations as far as their answers."""
    frame = len(serving.prompt([], {}, False, None).ids)
    tokens = [each.target.tokens for chosen in selection.chosen for each in chosen]
    wanted = frame + AROUND * float(np.quantile(tokens, HOLDS))
    for window in WINDOWS:
        if window - answer_room(desk.persona, window) >= wanted and window <= desk.model.context:
            return window
    return desk.model.context


def _summary(
    desk: Workspace, built: SplitCounts, serving: ServingPrompts, window: int, per_chat: int
) -> BuildRecord:
    lengths, trained = dict[str, tuple[int, ...]](), dict[str, int]()
    for name in (TRAIN, VALIDATION):
        path = cache.encode_split(desk.work, name, serving, desk.model, window)
        sizes = [
            (len(each.ids), sum(s.end - s.start for s in each.trained)) for each in cache.read_encoded(path)
        ]
        lengths[name] = tuple(int(size) for size in np.quantile([s for s, _ in sizes] or [0], QUANTILES))
        trained[name] = sum(count for _, count in sizes)
    style = _Style(splits.read_excerpts(desk.work / TRAIN))
    made = BuildRecord(
        window=window,
        per_chat=per_chat,
        model=desk.model.name,
        hashes={name: hash_file(desk.work / name) for name in ("messages.jsonl", TRAIN, VALIDATION)},
        train=dict(built.train),
        held=dict(built.validation),
        facts=built.facts,
        left_out=dict(built.left_out.most_common()),
        lengths=lengths,
        trained=trained,
        bursts=dict(sorted(style.bursts.items())),
        line_is_message=style.parting > style.inside,
        authors=tuple(sorted(style.authors)),
    )
    write_private(desk.work / BUILD_RECORD, [msgspec.json.format(msgspec.json.encode(made), indent=1), b"\n"])
    return made


class _Style:
    """How the persona sends what it says, and whose words are in the data."""

    def __init__(self, excerpts: Iterable[Excerpt]) -> None:
        self.bursts, self.authors = Counter[int](), set[str]()
        self.parting = self.inside = 0  # line breaks between messages of one answer, and within them
        for excerpt in excerpts:
            self.authors.update(excerpt.authors)
            for aim in excerpt.aims:
                self.bursts[aim.end - aim.start] += 1
                self.parting += aim.end - aim.start - 1
                self.inside += sum(line.text.count("\n") for line in excerpt.messages[aim.start : aim.end])


def describe_build(made: BuildRecord, persona: str) -> str:
    """What was built, what was left out and why, and what comes next."""
    lines = [
        f"{name:<12}{_counts(counts)}" for name, counts in (("to learn", made.train), ("held out", made.held))
    ]
    if made.facts:
        lines.append(f"{'facts':<12}{made.facts:,} pieces of documents")
    lines += [f"left out    {count:,} {reason}" for reason, count in made.left_out.items()]
    lines.append(f"bursts      {_bursts(made)}")
    lines.append(describe_lengths(made))
    lines.append(
        f"window       {made.window:,} tokens for {made.model}; {made.trained[TRAIN]:,} tokens are trained"
    )
    return "\n".join(
        [*lines, f"Next: python -m training preview --persona {persona}, then train --persona {persona}"]
    )


def describe_lengths(made: BuildRecord) -> str:
    """The quantiles of the lessons' lengths, in tokens."""
    lines = ["tokens, of   " + "".join(f"{f'{quantile:.0%}':>8}" for quantile in QUANTILES)]
    for name, found in made.lengths.items():
        lines.append(f"{name:<13}" + "".join(f"{length:>8,}" for length in found))
    return "\n".join(lines)


def _counts(counts: dict[str, int]) -> str:
    tasks = ", ".join(f"{count:,} {task}" for task, count in sorted(counts.items()))
    return f"{sum(counts.values()):,} ({tasks})" if counts else "nothing"


def _bursts(made: BuildRecord) -> str:
    shown = ", ".join(f"{size}: {count:,}" for size, count in list(made.bursts.items())[:6])
    parts = (
        "part messages: `bursts = true` in persona.toml sends them one by one"
        if made.line_is_message
        else "stand inside messages"
    )
    return f"answers by number of messages {shown}; most line breaks {parts}"
