"""The rule for speakers' names that serves a new persona best in direct chats: likeness and use of context.

`python -m tests.benchmarks.names [ozzo mara] [--rules always groups] [--cap N] [--epochs N] [--held N]
[--samples N]`: for each persona and rule the invented export is built and an adapter trained with every
default, but for `--cap` examples of a chat and `--epochs`. Real answers that were held out of chats with one
person are then scored: their loss, and how much higher it is behind the words before another answer, which
is the use of context. With `--samples` answers are drawn too, and an author verifier judges them. Rules are
compared by the first one, answer by answer. Twenty minutes of two cores for a persona and rule in full.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot import config
from bot.engine.model_loader import load_plan
from tests.benchmarks.author import run
from tests.benchmarks.commands import ROOT
from training.dataset import splits
from training.dataset.excerpts import Excerpt
from training.dataset.leakage import shows_messages
from training.dataset.serving_prompts import Example, read_examples
from training.dataset.workspace import Workspace, open_workspace, read_build_record
from training.evaluation.forced_scoring import ForcedScorer
from training.metrics.bootstrap import Numbers, ratio_estimate
from training.tokenization.encode import Encoder

OWN = {"ozzo": ("--me", "ozzo")}  # for exports that do not name their owner
RULES = ("always", "groups", "never")


@dataclass(frozen=True, slots=True)
class Scores:
    """Of each held-out answer: its tokens, their loss in nats, and that behind another answer's prompt.

    `likeness` is the verifier's score of drawn answers, None where none were drawn.
    """

    tokens: Numbers
    loss: Numbers
    swapped: Numbers
    likeness: dict[str, float] | None


def begin(root: Path, persona: str) -> Path:
    """Copy a persona without its adapter, and import its export; return its folder."""
    (root / "config.toml").touch()
    folder = root / "personas" / persona
    shutil.copytree(ROOT / "personas" / persona, folder, ignore=shutil.ignore_patterns("adapter", "report.*"))
    run(root, "import", str(folder / "export"), "--persona", persona, *OWN.get(persona, ()))
    return folder


def train(root: Path, folder: Path, rule: str, options: argparse.Namespace) -> None:
    """Build the data and train an adapter with a rule; the window is that of the first rule."""
    own = (ROOT / "personas" / folder.name / "persona.toml").read_text("utf-8")
    epochs = f"[training]\nepochs = {options.epochs}\n" if options.epochs else "[training]\n"
    (folder / "persona.toml").write_text(
        f'speaker_names = "{rule}"\n{own.replace("[training]", epochs, 1)}', "utf-8"
    )
    window: tuple[str, ...] = ()
    if (folder / "work" / "data.json").exists():
        window = ("--window", str(read_build_record(folder / "work").window))
    capped = ("--cap", str(options.cap)) if options.cap else ()
    run(root, "build", "--persona", folder.name, *window, *capped)
    run(root, "train", "--persona", folder.name)


def direct_examples(workspace: Workspace, most: int) -> list[Example]:
    """Return the held-out examples of chats with one person, spread evenly over all of them."""
    serving = workspace.serving(read_build_record(workspace.work).window)
    held = filter(is_direct, splits.read_excerpts(workspace.work / splits.VALIDATION))
    found = [each for excerpt in held for each in read_examples(excerpt, serving)]
    return [found[place * len(found) // most] for place in range(most)] if len(found) > most else found


def is_direct(excerpt: Excerpt) -> bool:
    return len({message.author for message in excerpt.messages if not message.own}) == 1


def score(root: Path, folder: Path, options: argparse.Namespace) -> Scores:
    """Score the held-out answers with the newest adapter."""
    settings = config.load_config(root / "config.toml")
    workspace = open_workspace(settings, folder)
    examples = direct_examples(workspace, options.held)
    plan = load_plan.plan_load(settings.model, settings.data, lambda stage: None)
    scorer = ForcedScorer(plan, settings.model, folder / "adapter")
    encoder = Encoder(workspace.serving(workspace.model.context), workspace.model.context)
    others = [_other(examples, at) for at in range(len(examples))]
    rows = [
        [each for prompt in (example.prompt, other.prompt) for each in scorer.score(prompt.ids, [ids], True)]
        for example, other in zip(examples, others, strict=True)
        for ids in [encoder.encode_answer(example.answer)]
    ]
    loss, swapped = (np.array([row[at].losses.sum() for row in rows]) for at in (0, 1))
    tokens = np.array([len(row[0].losses) for row in rows], float)
    return Scores(tokens, loss, swapped, likeness(root, folder, options.samples))


def _other(examples: Sequence[Example], at: int) -> Example:
    """Return the example half a round away, or the next one behind it that does not show this answer."""
    turned = [examples[(at + len(examples) // 2 + step) % len(examples)] for step in range(len(examples))]
    return next(each for each in turned if not shows_messages(each.prompt, examples[at].ids))


def likeness(root: Path, folder: Path, samples: int) -> dict[str, float] | None:
    """Draw answers and return the verifier's score of them."""
    if not samples:
        return None
    with suppress(SystemExit):  # over a limit; the report is written before
        run(root, "evaluate", "--persona", folder.name, "--samples", str(samples))
    report = json.loads((folder / "work" / "report.json").read_text("utf-8"))
    found: dict[str, float] = report["verification"]["sets"]["adapter"]["score"]
    return found


def report_lines(persona: str, scored: dict[str, Scores]) -> Iterator[str]:
    """Yield a line for each rule, and for each but the first its difference from that, in nats per token."""
    first = next(iter(scored.values()))
    for rule, each in scored.items():
        loss = ratio_estimate(each.loss, each.tokens, 0)
        context = ratio_estimate(each.swapped - each.loss, each.tokens, 0)
        liked = f"; likeness {each.likeness}" if each.likeness else ""
        yield f"{persona} {rule:<7} {len(each.tokens)} answers: loss {loss}; use of context {context}{liked}"
        if each is not first:
            lower = ratio_estimate(each.loss - first.loss, each.tokens, 0)
            more = (each.swapped - each.loss) - (first.swapped - first.loss)
            yield f"{persona} {rule:<7} less the first: {lower}; {ratio_estimate(more, each.tokens, 0)}"


def main(words: Sequence[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("personas", nargs="*", metavar="PERSONA")
    options.add_argument("--rules", nargs="+", choices=RULES, default=["always", "groups"])
    for name, standard in (("cap", 0), ("epochs", 0), ("held", 200), ("samples", 0)):
        options.add_argument(f"--{name}", type=int, default=standard, metavar="N")
    chosen = options.parse_args(words)
    for persona in chosen.personas or ("ozzo", "mara"):
        with tempfile.TemporaryDirectory() as place:
            root, scored = Path(place), dict[str, Scores]()
            folder = begin(root, persona)
            for rule in chosen.rules:
                train(root, folder, rule, chosen)
                scored[rule] = score(root, folder, chosen)
            print(*report_lines(persona, scored), sep="\n", flush=True)


if __name__ == "__main__":
    main()
