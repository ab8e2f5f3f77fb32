"""The evaluation of an adapter against the base model, the person and another person."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.adapter.files import WEIGHTS
from bot.files import hash_file
from training.dataset.splits import TRAIN, VALIDATION
from training.evaluation.limits import exceeded_limits
from training.evaluation.report import ADAPTER, BASE, GENERATED, OTHER, PERSON, SHOTS, Report, ReportExample
from training.evaluation.run import ADAPTER_QUESTIONS, QUESTIONS, EvaluationRun
from training.metrics import authorship, blind_pairs, memorization, privacy, retention, style
from training.metrics.authorship import Verification
from training.metrics.blind_pairs import AnswerPair
from training.metrics.canaries import Extracted
from training.metrics.likelihood import Losses
from training.metrics.memorization import Copies, PromptedAnswer
from training.metrics.retention import Question

SHOWN = 12  # examples with the answers of all

Answers = Mapping[str, Sequence[str]]  # by the way in which they were drawn


def evaluate(run: EvaluationRun) -> Report:
    """Draw all answers and measure them; raises `UserError` where model or adapter cannot be loaded."""
    questions = retention.read_questions()
    answers = run.sample(questions)
    base, adapter = answers.pop(QUESTIONS), answers.pop(ADAPTER_QUESTIONS)
    loss, extracted = run.score()
    with run.display.stage("comparing the answers"):
        return _report(run, questions, answers, (base, adapter), loss, extracted)


def _report(
    run: EvaluationRun,
    questions: Sequence[Question],
    answers: Answers,
    asked: tuple[Sequence[str], Sequence[str]],
    loss: Losses,
    extracted: tuple[Extracted, ...],
) -> Report:
    """Measure all answers; `asked` are those to general questions, of base model and adapter."""
    seed = run.options.seed
    copies = _copies(run, answers)
    private = privacy.scan_answers(run.workspace.work, run.workspace.persona, answers[ADAPTER])
    return Report(
        **_facts(run),
        loss=loss,
        verification=_verify(run, answers),
        style=style.style_profiles(run.eval_data.learned, _sets(run, answers)),
        copying=copies,
        canaries=extracted,
        privacy=private,
        forgetting=retention.compare_retention(questions, *asked, seed),
        examples=_examples(run, answers),
        pairs=blind_pairs.draw_blind_pairs(_answer_pairs(run, answers), seed),
        exceeded=exceeded_limits(copies[ADAPTER], copies[PERSON], private, extracted, run.options.copied),
    )


def _sets(run: EvaluationRun, answers: Answers) -> dict[str, Sequence[str]]:
    """Return all sets: the person's held-out answers, the drawn ones, and another person's."""
    own = [each.text for each in run.eval_data.validation]
    return {PERSON: own, **answers, OTHER: run.eval_data.other}


def _verify(run: EvaluationRun, answers: Answers) -> Verification | None:
    prompts = len(run.eval_data.validation)
    halves = {name: _halves(texts, prompts) for name, texts in _sets(run, answers).items()}
    learned, seed = run.eval_data.learned, run.options.seed
    return authorship.verify_authorship(learned, halves, (BASE, OTHER), PERSON, BASE, seed)


def _halves(texts: Sequence[str], prompts: int) -> tuple[list[str], list[str]]:
    """Return answers in two halves, with no prompt in both; answer n belongs to prompt n modulo `prompts`."""
    sides = ([text for number, text in enumerate(texts) if number % prompts % 2 == side] for side in (0, 1))
    return next(sides), next(sides)


def _copies(run: EvaluationRun, answers: Answers) -> dict[str, Copies]:
    validation, decode = run.eval_data.validation, run.serving.reader.tokenizer.decode
    plain = [decode(list(each.prompt.ids)) for each in validation]
    with_shots = [decode(list(each.with_shots.ids)) for each in validation]
    own = [each.text for each in validation]
    sets = {PERSON: [PromptedAnswer(text, shown) for text, shown in zip(own, plain, strict=True)]}
    for name, texts in answers.items():
        shown = with_shots if name == SHOTS else plain
        sets[name] = [PromptedAnswer(text, shown[number % len(shown)]) for number, text in enumerate(texts)]
    return memorization.measure_copies(sets, run.eval_data.learned, own, run.options.seed)


def _answer_pairs(run: EvaluationRun, answers: Answers) -> list[AnswerPair]:
    both = zip(run.eval_data.validation, answers[ADAPTER], strict=False)
    return [AnswerPair(each.before, each.text, text) for each, text in both]


def _examples(run: EvaluationRun, answers: Answers) -> tuple[ReportExample, ...]:
    return tuple(
        ReportExample(each.before, {PERSON: each.text, **{name: answers[name][number] for name in GENERATED}})
        for number, each in enumerate(run.eval_data.validation[:SHOWN])
    )


def _shown_adapter(adapter: Path, persona: Path) -> str:
    """Return an adapter's folder as seen from the persona's, and only its name elsewhere."""
    inside = adapter.resolve().is_relative_to(persona.resolve())
    return f"{adapter.resolve().relative_to(persona.resolve()) if inside else adapter.name}/"


def _facts(run: EvaluationRun) -> dict[str, Any]:
    """Return the fields of the report that tell what was compared."""
    workspace, options, data = run.workspace, run.options, run.eval_data
    return {
        "persona": workspace.persona.name,
        "model": workspace.model.name,
        "adapter": _shown_adapter(options.adapter, workspace.work.parent),
        "adapter_sha256": hash_file(options.adapter / WEIGHTS),
        "strength": workspace.persona.strength,
        "data": {name: hash_file(workspace.work / name) for name in (TRAIN, VALIDATION)},
        "seed": options.seed,
        "samples": options.samples,
        "held": len(data.validation),
        "learned": len(data.learned),
        "shots": data.shots,
        "other": data.other_name,
    }
