"""An adapter is tried: it speaks as it would in the bot, and is asked what it thinks of real words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Protocol

from bot.engine.interface import Request
from bot.engine.model_loader import loader
from training.dataset.base_tokenizer import open_training_format
from training.dataset.serving_prompts import ServingPrompts
from training.dataset.workspace import Workspace, read_build_record
from training.evaluation.data import Held, gather_eval_data
from training.evaluation.engine_samples import common, request, speak
from training.evaluation.forced_scoring import ForcedScorer
from training.evaluation.report import ADAPTER, BASE, GENERATED, SHOTS
from training.metrics import canaries, likelihood
from training.metrics.canaries import Extracted
from training.metrics.likelihood import Judged, Losses
from training.metrics.retention import ASSISTANT, GREEDY, Question
from training.runs import canary_guard
from training.tokenization.encode import Encoder

ASKED, ASKED_ADAPTER = "questions", "adapter's questions"


class Bar(Protocol):
    """Shows how far it is: `begin` says of how many steps."""

    def begin(self, steps: int) -> None: ...
    def advance(self, steps: int) -> None: ...


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """What is compared: an adapter's folder, another persona's work folder or None, answers of each, a seed.

    `copied` is the share of copied runs that is always allowed.
    """

    adapter: Path
    other: Path | None
    samples: int
    seed: int
    copied: float


class EvaluationRun:
    """One adapter and its base model, with what they are asked."""

    def __init__(self, desk: Workspace, wishes: EvaluationOptions, bar: Bar) -> None:
        """Raises `UserError` where the data are missing or nothing is held out."""
        self.desk, self.wishes, self._bar = desk, wishes, bar
        self.serving = desk.serving(read_build_record(desk.work).window)
        wide = desk.serving(desk.model.context)
        self.material = gather_eval_data(
            desk.work, self.serving, wide, wishes.other, wishes.samples, wishes.seed
        )
        self._planted = canary_guard.learned(wishes.adapter, desk)

    def begin(self, questions: int) -> None:
        """Say how much there is to do."""
        held, planted = len(self.material.held), len(self._planted)
        self._bar.begin(3 * self.wishes.samples + 2 * questions + 3 * held + planted)

    @property
    def drawn(self) -> list[Held]:
        """The examples that are asked for, again and again where there are fewer than answers are wanted."""
        held = self.material.held
        return [held[number % len(held)] for number in range(self.wishes.samples)]

    def speak(self, questions: Sequence[Question]) -> dict[str, list[str]]:
        """Answers to the held-out examples in each way, and to general questions.

        Raises `UserError` where model or adapter cannot be loaded.
        """
        persona = self.desk.persona
        requests = {
            **self._requests(),
            ASKED: self._asked(questions, None),
            ASKED_ADAPTER: self._asked(questions, persona.strength),
        }
        return speak(self.desk.settings, self.wishes.adapter, requests, self._bar.advance, persona.name)

    def judge(self) -> tuple[Losses, tuple[Extracted, ...]]:
        """What base model and adapter think of what was really said, and of what was planted."""
        settings, strength = self.desk.settings, self.desk.persona.strength
        found = loader.plan(settings.model, settings.data, lambda stage: None)
        judge = ForcedScorer(found, settings.model, self.wishes.adapter, strength)
        judged = {name: list[Judged]() for name in GENERATED}
        shared = common([each.with_shots for each in self.material.held])
        for held in self.material.held:
            ids = self._spell(held.answer)[: max(1, self.desk.model.context - len(held.with_shots.ids))]
            judged[BASE] += judge.judge(held.prompt.ids, [ids], False)
            judged[ADAPTER] += judge.judge(held.prompt.ids, [ids], True)
            judged[SHOTS] += judge.judge(held.with_shots.ids, [ids], False, shared)
            self._bar.advance(3)
        extracted = tuple(self._extract(judge, canary) for canary in self._planted)
        return likelihood.losses(judged, BASE, ADAPTER, self.wishes.seed), extracted

    def _requests(self) -> dict[str, list[Request]]:
        """The same prompts and the same dice in each way."""
        drawn, persona = self.drawn, self.desk.persona
        shared = common([each.with_shots for each in drawn])
        seeds = (
            Random(f"answer {self.wishes.seed} {number}").getrandbits(31) for number in range(len(drawn))
        )
        asked = list(zip(drawn, seeds, strict=True))
        return {
            BASE: [request(each.prompt, persona.sampling, seed) for each, seed in asked],
            SHOTS: [request(each.with_shots, persona.sampling, seed, shared=shared) for each, seed in asked],
            ADAPTER: [request(each.prompt, persona.sampling, seed, persona.strength) for each, seed in asked],
        }

    def _asked(self, questions: Sequence[Question], strength: float | None) -> list[Request]:
        """General questions, in the persona's own template but without its card."""
        desk = self.desk
        asked = replace(ASSISTANT, template=desk.persona.template)
        reader = open_training_format(asked, desk.model, desk.settings.model, desk.model.context)
        serving = ServingPrompts(asked, reader, desk.settings.chat.system_prompt)
        prompts = [serving.prompt([each.message()], {}, False, None) for each in questions]
        return [request(prompt, GREEDY, 0, strength) for prompt in prompts]

    def _extract(self, judge: ForcedScorer, canary: canaries.Canary) -> Extracted:
        bare = self.serving.prompt([], {}, False, None).ids
        found = canaries.extract(
            canary,
            lambda text: self._spell([text]),
            lambda before, ends: judge.judge((*bare, *before), ends, True, len(bare)),
            self.wishes.seed,
        )
        self._bar.advance(1)
        return found

    def _spell(self, texts: Sequence[str]) -> tuple[int, ...]:
        """An answer as it is trained: its words and its end."""
        return Encoder(self.serving, self.desk.model.context).encode_answer(texts)
