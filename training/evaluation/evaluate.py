"""An adapter against the base model, the person and somebody else: what was said in a trial, measured."""

from collections.abc import Mapping, Sequence
from typing import Any

from training.dataset.splits import TRAIN, VALIDATION
from training.evaluation.limits import exceeded
from training.evaluation.report import ADAPTER, BASE, GENERATED, OTHER, PERSON, SHOTS, Report, ReportExample
from training.evaluation.run import ASKED, ASKED_ADAPTER, EvaluationRun
from training.metrics import authorship, blind_pairs, memorization, privacy, retention, style
from training.metrics.authorship import Verification
from training.metrics.blind_pairs import Spoken
from training.metrics.memorization import Answered, Copies
from training.store.lineage import hash_file

SHOWN = 12  # examples of what all said

Said = Mapping[str, Sequence[str]]  # answers, by how they were drawn


def evaluate(trial: EvaluationRun) -> Report:
    """Let all speak, and measure. Raises `UserError` where model or adapter cannot be loaded."""
    questions, seed = retention.questions(), trial.wishes.seed
    trial.begin(len(questions))
    said = trial.speak(questions)
    asked = retention.compare(questions, said.pop(ASKED), said.pop(ASKED_ADAPTER), seed)
    loss, extracted = trial.judge()
    copies = _copies(trial, said)
    private = privacy.scan(trial.desk.work, trial.desk.persona, said[ADAPTER])
    return Report(
        **_facts(trial),
        loss=loss,
        verification=_verify(trial, said),
        style=style.manners(trial.material.learned, _sets(trial, said)),
        copying=copies,
        canaries=extracted,
        privacy=private,
        forgetting=asked,
        examples=_examples(trial, said),
        pairs=blind_pairs.draw_pairs(_spoken(trial, said), seed),
        exceeded=exceeded(copies[ADAPTER], copies[PERSON], private, extracted, trial.wishes.copied),
    )


def _sets(trial: EvaluationRun, said: Said) -> dict[str, Sequence[str]]:
    """All that is compared: the person's own held-out answers, what was drawn, and somebody else's."""
    return {PERSON: [each.text for each in trial.material.held], **said, OTHER: trial.material.other}


def _verify(trial: EvaluationRun, said: Said) -> Verification | None:
    prompts = len(trial.material.held)
    halves = {name: _halves(texts, prompts) for name, texts in _sets(trial, said).items()}
    learned, seed = trial.material.learned, trial.wishes.seed
    return authorship.verify(learned, halves, (BASE, OTHER), PERSON, BASE, seed)


def _halves(texts: Sequence[str], prompts: int) -> tuple[list[str], list[str]]:
    """Answers in two halves, where the prompt with number n of so many is always in the same one."""
    sides = ([text for number, text in enumerate(texts) if number % prompts % 2 == side] for side in (0, 1))
    return next(sides), next(sides)


def _copies(trial: EvaluationRun, said: Said) -> dict[str, Copies]:
    held, decode = trial.material.held, trial.serving.reader.tokenizer.decode
    shown = [decode(list(each.prompt.ids)) for each in held]
    with_shots = [decode(list(each.with_shots.ids)) for each in held]
    own = [each.text for each in held]
    sets = {PERSON: [Answered(text, read) for text, read in zip(own, shown, strict=True)]}
    for name, texts in said.items():
        read = with_shots if name == SHOTS else shown
        sets[name] = [Answered(text, read[number % len(read)]) for number, text in enumerate(texts)]
    return memorization.copies(sets, trial.material.learned, own, trial.wishes.seed)


def _spoken(trial: EvaluationRun, said: Said) -> list[Spoken]:
    both = zip(trial.material.held, said[ADAPTER], strict=False)
    return [Spoken(each.before, each.text, text) for each, text in both]


def _examples(trial: EvaluationRun, said: Said) -> tuple[ReportExample, ...]:
    return tuple(
        ReportExample(each.before, {PERSON: each.text, **{name: said[name][number] for name in GENERATED}})
        for number, each in enumerate(trial.material.held[:SHOWN])
    )


def _facts(trial: EvaluationRun) -> dict[str, Any]:
    desk, wishes, material = trial.desk, trial.wishes, trial.material
    return {
        "persona": desk.persona.name,
        "model": desk.model.name,
        "adapter": wishes.adapter.name,
        "adapter_sha256": hash_file(wishes.adapter / "adapter_model.safetensors"),
        "strength": desk.persona.strength,
        "data": {name: hash_file(desk.work / name) for name in (TRAIN, VALIDATION)},
        "seed": wishes.seed,
        "samples": wishes.samples,
        "held": len(material.held),
        "learned": len(material.learned),
        "shots": material.shots,
        "other": material.whose,
    }
