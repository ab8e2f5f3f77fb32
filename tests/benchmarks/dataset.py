"""Time and memory of scrubbing and building the data of a large archive.

`python -m tests.benchmarks.dataset [--messages 100000] [--window 1024]`
"""

import argparse
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot import config
from tests.benchmarks.invented import archive
from training.dataset import splits
from training.dataset.selection import Limits
from training.dataset.workspace import open_workspace
from training.store.chat_index import ChatIndex
from training.store.lineage import read_opt_outs
from training.store.scrubbing import scrub_messages
from training.tokenization import cache

ROOT = Path(__file__).parents[2]


@contextmanager
def timed(step: str) -> Iterator[None]:
    """Print a line: seconds of wall-clock time and of one core, and the peak memory so far."""
    began, used = time.perf_counter(), time.process_time()
    yield
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds, processor = time.perf_counter() - began, time.process_time() - used
    print(f"{step:<28}{seconds:8.1f} s{processor:8.1f} s of one core{memory:8.0f} MB")


def measure(root: Path, count: int, window: int) -> None:
    (root / "config.toml").touch()
    folder = root / "personas/mara"
    shutil.copytree(ROOT / "personas/mara", folder)
    messages = archive(folder / "work/messages.jsonl", count)
    print(f"{messages:,} messages, {(folder / 'work/messages.jsonl').stat().st_size / 1e6:.0f} MB")
    with timed("tokenizer (once a model)"):
        workspace = open_workspace(config.load_config(root / "config.toml", {}), folder)
    serving = workspace.serving(window)
    with timed("scrub"):
        path, _ = scrub_messages(workspace.work, workspace.persona)
    with ChatIndex(path) as chats:
        opted_out, encode = read_opt_outs(workspace.work), serving.reader.tokenizer.encode
        with timed("choose what is learned"):
            selection = splits.choose_targets(chats, opted_out, lambda text: len(encode(text)), Limits(0))
        with timed("windows, as in serving"):
            built = splits.write_splits(workspace.work, chats, opted_out, serving, selection)
    with timed("encode"):
        made = cache.encode_split(workspace.work, splits.TRAIN, serving, workspace.model, window)
    sizes = [(len(each.ids), sum(s.end - s.start for s in each.trained)) for each in cache.read_encoded(made)]
    ids, trained = (sum(column) for column in zip(*sizes, strict=True))
    print(
        f"{sum(built.train.values()):,} examples in {len(sizes):,} sequences of at most {window:,} ids; "
        f"{trained:,} of {ids:,} ids are trained"
    )


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--messages", type=int, default=100_000)
    options.add_argument("--window", type=int, default=1024)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, timed("all"):
        measure(Path(folder), chosen.messages, chosen.window)
