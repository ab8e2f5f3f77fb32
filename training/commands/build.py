"""The command `build`: make training examples of messages and documents, for the base model."""

import shlex
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path

import msgspec
import numpy as np

from bot.errors import UserError
from bot.files import write_private
from bot.text.one_line import one_line
from training.dataset import splits
from training.dataset.base_tokenizer import answer_room
from training.dataset.documents import read_data_set_texts, read_documents
from training.dataset.excerpts import Excerpt
from training.dataset.repetition import JudgedPair
from training.dataset.selection import DEFAULT_LIMITS, Limits, Selection
from training.dataset.serving_prompts import ServingPrompts
from training.dataset.splits import TRAIN, VALIDATION, SplitCounts
from training.dataset.staleness import source_hashes, split_hashes
from training.dataset.targets import Target
from training.dataset.workspace import BUILD_RECORD, BuildRecord, Workspace
from training.progress.display import SILENT, ProgressDisplay
from training.scrub.scrubber import Scrubber
from training.store.chat_index import ChatIndex
from training.store.indented_json import encode_indented
from training.store.lineage import read_opt_outs
from training.store.message_store import work_lock
from training.store.scrubbing import scrub_messages
from training.tokenization import cache

WINDOWS = (256, 512, 1024, 2048, 4096, 8192)
WHOLE_SHARE = 0.95  # of answers, for which the window holds the whole conversation
FRAME_FACTOR = 1.3  # names and template around messages, as a factor on the messages' own tokens
_SHOWN = 80  # characters of an answer in an explanation
_FEW = 20  # examples: fewer teach an adapter sentences, and no manner
QUANTILES = (0.5, 0.9, 0.95, 0.99, 1.0)


def build_data(
    workspace: Workspace,
    window: int = 0,
    limits: Limits = DEFAULT_LIMITS,
    explain: Callable[[str], None] | None = None,
    display: ProgressDisplay = SILENT,
) -> BuildRecord:
    """Build the data anew. `window` is in tokens; 0 chooses one.

    `explain` is told a line for each pair of examples that was compared for repetition. Raises `UserError`
    where there is nothing to learn from, or another command writes the messages.
    """
    with work_lock(workspace.work):
        return _build(workspace, window, limits, explain, display)


def _build(
    workspace: Workspace,
    window: int,
    limits: Limits,
    explain: Callable[[str], None] | None,
    display: ProgressDisplay,
) -> BuildRecord:
    with display.stage("replacing private details", unit="messages") as stage:
        sources = source_hashes(workspace.work)
        scrubbed, scrubber = scrub_messages(workspace.work, workspace.persona, stage.advance)
    with display.stage("choosing what is learned"):
        record = _write_data(workspace, scrubbed, scrubber, window, limits, explain, display)
    record = msgspec.structs.replace(record, hashes=sources | split_hashes(workspace.work))
    write_private(workspace.work / BUILD_RECORD, [encode_indented(record)])
    return record


def _write_data(
    workspace: Workspace,
    scrubbed: Path,
    scrubber: Scrubber,
    window: int,
    limits: Limits,
    explain: Callable[[str], None] | None,
    display: ProgressDisplay,
) -> BuildRecord:
    """Write and encode both splits, and return their record, still without hashes."""
    opted_out = read_opt_outs(workspace.work)
    with ChatIndex(scrubbed) as chats:
        widest = workspace.serving(workspace.model.context)
        encode = widest.reader.tokenizer.encode
        selection = splits.choose_targets(
            chats, opted_out, lambda text: len(encode(text)), limits, explain is not None
        )
        if explain:
            for pair in selection.judged:
                explain(describe_pair(pair, chats))
        window = _check_window(window, workspace) if window else _choose_window(selection, widest, workspace)
        serving = workspace.serving(window)
        documents = read_documents(
            workspace.folder / "documents", selection.left_out, lambda text: scrubber.scrub(text).text
        )
        facts = chain(documents, read_data_set_texts(chats, selection.left_out))
        with display.stage("writing the examples"):
            counts = splits.write_splits(workspace.work, chats, opted_out, serving, selection, facts)
    with display.stage("encoding the examples"):
        return _make_record(workspace, counts, serving, window, limits)


def _check_window(window: int, workspace: Workspace) -> int:
    if not WINDOWS[0] <= window <= workspace.model.context:
        raise UserError(
            f"A window of {window:,} is not possible: {workspace.model.name} reads "
            f"{workspace.model.context:,} tokens; choose one from {WINDOWS[0]} to that."
        )
    return window


def _choose_window(selection: Selection, serving: ServingPrompts, workspace: Workspace) -> int:
    """Return the smallest window that holds nearly all conversations as far as their answers, in tokens."""
    frame = len(serving.prompt([], {}, False, None).ids)
    tokens = [each.target.tokens for chosen in selection.chosen for each in chosen]
    wanted = frame + FRAME_FACTOR * float(np.quantile(tokens, WHOLE_SHARE))
    for window in WINDOWS:
        if window - answer_room(workspace.persona, window) >= wanted and window <= workspace.model.context:
            return window
    return workspace.model.context


def _make_record(
    workspace: Workspace, counts: SplitCounts, serving: ServingPrompts, window: int, limits: Limits
) -> BuildRecord:
    """Encode both splits and return their record, still without hashes."""
    lengths, trained = dict[str, tuple[int, ...]](), dict[str, int]()
    for name in (TRAIN, VALIDATION):
        path = cache.encode_split(workspace.work, name, serving, workspace.model, window)
        lengths[name], trained[name] = _count_tokens(path)
    style = _AnswerStyle(splits.read_excerpts(workspace.work / TRAIN))
    return BuildRecord(
        window=window,
        per_chat=limits.per_chat,
        near_duplicates=limits.near_duplicates,
        repeats=limits.repeats,
        test_size=limits.test_size,
        model=workspace.model.name,
        hashes={},
        train=dict(counts.train),
        held=dict(counts.validation),
        facts=counts.facts,
        left_out=dict(counts.left_out.most_common()),
        lengths=lengths,
        trained=trained,
        bursts=dict(sorted(style.bursts.items())),
        line_is_message=style.between > style.inside,
        authors=tuple(sorted(style.authors)),
    )


def _count_tokens(path: Path) -> tuple[tuple[int, ...], int]:
    """Return the quantiles of the training examples' lengths in tokens, and the count of trained tokens."""
    lengths, trained = list[int](), 0
    for example in cache.read_encoded(path):
        lengths.append(len(example.ids))
        trained += sum(span.end - span.start for span in example.trained)
    return tuple(int(length) for length in np.quantile(lengths or [0], QUANTILES)), trained


class _AnswerStyle:
    """The bursts and line breaks of the persona's answers, and the authors of the excerpts."""

    def __init__(self, excerpts: Iterable[Excerpt]) -> None:
        self.bursts, self.authors = Counter[int](), set[str]()
        self.between = self.inside = 0  # line breaks between messages of one answer, and within them
        for excerpt in excerpts:
            self.authors.update(excerpt.authors)
            for target in excerpt.aims:
                self.bursts[target.end - target.start] += 1
                self.between += target.end - target.start - 1
                self.inside += sum(
                    message.text.count("\n") for message in excerpt.messages[target.start : target.end]
                )


def describe_build(record: BuildRecord, persona: str) -> str:
    """Return the counts of a build, the reasons for what was left out, and the next command."""
    lines = [
        f"{name:<12}{_describe_tasks(counts)}"
        for name, counts in (("to learn", record.train), ("held out", record.held))
    ]
    if record.facts:
        lines.append(f"{'facts':<12}{record.facts:,} pieces of documents and texts")
    lines += [f"left out    {count:,} {reason}" for reason, count in record.left_out.items()]
    lines.append(f"bursts      {_describe_bursts(record)}")
    lines.append(describe_lengths(record))
    lines.append(
        f"window       {record.window:,} tokens for {record.model}; "
        f"{record.trained[TRAIN]:,} tokens are trained"
    )
    if (learned := sum(record.train.values())) < _FEW:
        lines.append(
            f"too few      {learned:,} examples to learn are too few for a likeness: import more of what "
            "they wrote"
        )
    name = shlex.quote(persona)
    return "\n".join(
        [*lines, f"Next: python -m training preview --persona {name}, then train --persona {name}"]
    )


def describe_pair(pair: JudgedPair, chats: ChatIndex) -> str:
    """Return a line with the verdict about two examples, what their answers share, and both answers."""
    earlier, later = (_answer(target, chats) for target in (pair.earlier, pair.later))
    return f"{pair.verdict} ({pair.share:.2f}): {earlier} | {later}"


def _answer(target: Target, chats: ChatIndex) -> str:
    place = chats.places[target.place]
    found = (chats.find(place, id) for id in target.ids)
    return one_line("\n".join(message.text for message in found if message), _SHOWN)


def describe_lengths(record: BuildRecord) -> str:
    """Return a table of the quantiles of the training examples' lengths, in tokens."""
    lines = ["tokens, of   " + "".join(f"{f'{quantile:.0%}':>8}" for quantile in QUANTILES)]
    for name, found in record.lengths.items():
        lines.append(f"{name:<13}" + "".join(f"{length:>8,}" for length in found))
    return "\n".join(lines)


def _describe_tasks(counts: dict[str, int]) -> str:
    tasks = ", ".join(f"{count:,} {task}" for task, count in sorted(counts.items()))
    return f"{sum(counts.values()):,} ({tasks})" if counts else "nothing"


def _describe_bursts(record: BuildRecord) -> str:
    shown = ", ".join(f"{size}: {count:,}" for size, count in list(record.bursts.items())[:6])
    parts = (
        "part messages: `bursts = true` in persona.toml sends them one by one"
        if record.line_is_message
        else "stand inside messages"
    )
    return f"answers by number of messages {shown}; most line breaks {parts}"
