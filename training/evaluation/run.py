"""Runs of an adapter for its evaluation: answers by the bot's engine, and losses of real answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from bot.adapter.manifest import read_manifest, trained_names
from bot.engine.interface import Request
from bot.engine.model_loader import load_plan
from bot.errors import UserError
from bot.untrusted import RefusedFile
from training.dataset.base_tokenizer import open_training_format
from training.dataset.serving_prompts import ServingPrompts
from training.dataset.staleness import read_current_build
from training.dataset.workspace import Workspace
from training.evaluation.data import ValidationExample, gather_eval_data
from training.evaluation.engine_samples import common, sample_answers, sample_request
from training.evaluation.forced_scoring import ForcedScorer
from training.evaluation.report import ADAPTER, BASE, GENERATED, SHOTS
from training.metrics import canaries, likelihood
from training.metrics.canaries import Extracted
from training.metrics.likelihood import Losses, TokenLosses
from training.metrics.retention import ASSISTANT, GREEDY, Question
from training.progress.display import SILENT, ProgressDisplay
from training.runs import canary_guard
from training.tokenization.encode import Encoder

QUESTIONS, ADAPTER_QUESTIONS = "questions", "adapter's questions"


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """An adapter's folder, another persona's work folder or None, answers of each set, and the seed.

    `copied` is the share of copied 8-grams that is always allowed.
    """

    adapter: Path
    other: Path | None
    samples: int
    seed: int
    copied: float


class EvaluationRun:
    """One adapter and its base model, with the data that they answer."""

    def __init__(
        self, workspace: Workspace, options: EvaluationOptions, display: ProgressDisplay = SILENT
    ) -> None:
        """Raises `UserError` where the data are missing or nothing is held out."""
        workspace = _as_trained(workspace, options.adapter)
        self.workspace, self.options, self.display = workspace, options, display
        self.build = read_current_build(workspace.work)
        self.serving = workspace.serving(self.build.window)
        wide = workspace.serving(workspace.model.context)
        self.eval_data = gather_eval_data(
            workspace.work, self.serving, wide, options.other, options.samples, options.seed
        )
        self._canaries = canary_guard.learned_canaries(options.adapter, workspace)

    def sample(self, questions: Sequence[Question]) -> dict[str, list[str]]:
        """Draw answers to the held-out examples in each way, and to general questions.

        Raises `UserError` where model or adapter cannot be loaded.
        """
        persona = self.workspace.persona
        requests = {
            **self._sample_requests(),
            QUESTIONS: self._question_requests(questions, None),
            ADAPTER_QUESTIONS: self._question_requests(questions, persona.strength),
        }
        prompted = self._prompted()
        others = {name: [each.prompt.speakers for each in prompted] for name in (BASE, ADAPTER)}
        others[SHOTS] = [each.with_shots.speakers for each in prompted]
        names = (persona.name, persona.card.name, *persona.names)
        total = sum(map(len, requests.values()))
        with self.display.stage("drawing answers", total, "answers") as stage:
            return sample_answers(
                self.workspace.settings,
                self.options.adapter,
                requests,
                stage.advance,
                *names,
                others=others,
                report=stage.describe,
            )

    def score(self) -> tuple[Losses, tuple[Extracted, ...]]:
        """Score the real answers with base model and adapter, and extract canaries from the adapter."""
        settings, strength = self.workspace.settings, self.workspace.persona.strength
        with self.display.stage("loading the base model for the losses of real answers") as stage:
            plan = load_plan.plan_load(settings.model, settings.data, stage.describe)
            scorer = ForcedScorer(plan, settings.model, self.options.adapter, strength)
        total = len(self.eval_data.validation) + len(self._canaries)
        with self.display.stage("computing losses of real answers", total, "answers") as stage:
            return self._score(scorer, lambda: stage.advance(1))

    def _score(
        self, scorer: ForcedScorer, advance: Callable[[], None]
    ) -> tuple[Losses, tuple[Extracted, ...]]:
        scored = {name: list[TokenLosses]() for name in GENERATED}
        shared = common([each.with_shots for each in self.eval_data.validation])
        for each in self.eval_data.validation:
            room = max(1, self.workspace.model.context - len(each.with_shots.ids))
            ids = self._encode(each.answer)[:room]
            scored[BASE] += scorer.score(each.prompt.ids, [ids], False)
            scored[ADAPTER] += scorer.score(each.prompt.ids, [ids], True)
            scored[SHOTS] += scorer.score(each.with_shots.ids, [ids], False, shared)
            advance()
        extracted = tuple(self._extract(scorer, canary, advance) for canary in self._canaries)
        return likelihood.summarise_losses(scored, BASE, ADAPTER, self.options.seed), extracted

    def _prompted(self) -> list[ValidationExample]:
        """Return a held-out example for each answer; they come again where they are fewer."""
        validation, count = self.eval_data.validation, self.options.samples
        return [validation[number % len(validation)] for number in range(count)]

    def _sample_requests(self) -> dict[str, list[Request]]:
        """Return requests with the same prompts and seeds in each way."""
        prompted, count, persona = self._prompted(), self.options.samples, self.workspace.persona
        shared = common([each.with_shots for each in prompted])
        seeds = (Random(f"answer {self.options.seed} {number}").getrandbits(31) for number in range(count))
        seeded = list(zip(prompted, seeds, strict=True))
        sampling, strength = persona.sampling, persona.strength
        return {
            BASE: [sample_request(each.prompt, sampling, seed) for each, seed in seeded],
            SHOTS: [sample_request(each.with_shots, sampling, seed, shared=shared) for each, seed in seeded],
            ADAPTER: [sample_request(each.prompt, sampling, seed, strength) for each, seed in seeded],
        }

    def _question_requests(self, questions: Sequence[Question], strength: float | None) -> list[Request]:
        """Return requests for general questions, in the persona's template but without its card."""
        workspace = self.workspace
        persona = workspace.persona
        assistant = replace(ASSISTANT, template=persona.template, speaker_names=persona.speaker_names)
        reader = open_training_format(
            assistant, workspace.model, workspace.settings.model, workspace.model.context
        )
        serving = ServingPrompts(assistant, reader, workspace.settings.chat.system_prompt)
        prompts = [serving.prompt([each.message()], {}, False, None) for each in questions]
        return [sample_request(prompt, GREEDY, 0, strength) for prompt in prompts]

    def _extract(
        self, scorer: ForcedScorer, canary: canaries.Canary, advance: Callable[[], None]
    ) -> Extracted:
        empty = self.serving.prompt([], {}, False, None).ids
        extracted = canaries.extract_canary(
            canary,
            lambda text: self._encode([text]),
            lambda before, ends: scorer.score((*empty, *before), ends, True, len(empty)),
            self.options.seed,
        )
        advance()
        return extracted

    def _encode(self, texts: Sequence[str]) -> tuple[int, ...]:
        """Return the ids of an answer as it is trained: its messages and its end."""
        return Encoder(self.serving, self.workspace.model.context).encode_answer(texts)


def _as_trained(workspace: Workspace, adapter: Path) -> Workspace:
    """Return the workspace with the rule for speakers' names that an adapter was trained with.

    Raises `UserError` for a manifest that is refused.
    """
    try:
        names = trained_names(read_manifest(adapter))
    except RefusedFile as refused:
        raise UserError(f"The adapter in {adapter} is refused: {refused.reason}; {refused.remedy}.") from None
    persona = workspace.persona
    return replace(workspace, persona=replace(persona, speaker_names=names or persona.speaker_names))
