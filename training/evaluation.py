"""An adapter against the base model, the person and somebody else: drawn, measured and put into a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Protocol

from bot.engine import model
from bot.engine.engine import Request
from training import canaries, copying, forgetting, likelihood, pairs, privacy, style, verification
from training.build import Desk, settings_of
from training.canaries import Extracted
from training.copying import Answered, Copies
from training.dataset import HELD, TRAIN
from training.encode import Encoder, closing
from training.excerpts import Serving
from training.likelihood import Judged, Losses
from training.limits import exceeded
from training.lineage import hash_file
from training.material import Held, gather
from training.pairs import Spoken
from training.reading import open_reader
from training.report import ADAPTER, BASE, GENERATED, OTHER, PERSON, SHOTS, Example, Report
from training.samples import common, request, speak
from training.scoring import Judge

SHOWN = 12  # examples of what all said


class Bar(Protocol):
    """Shows how far it is: `begin` says of how many steps."""

    def begin(self, steps: int) -> None: ...
    def advance(self, steps: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is compared: an adapter's folder, another persona's work folder or None, answers of each, a seed.

    `copied` is the share of copied runs that is always allowed.
    """

    adapter: Path
    other: Path | None
    samples: int
    seed: int
    copied: float


class Evaluation:
    """One adapter, and all that it takes to try it."""

    def __init__(self, desk: Desk, wishes: Wishes, bar: Bar) -> None:
        self._desk, self._wishes, self._bar = desk, wishes, bar
        self._serving = desk.serving(settings_of(desk.work).window)
        wide = desk.serving(desk.model.context)
        self._material = gather(desk.work, self._serving, wide, wishes.other, wishes.samples, wishes.seed)
        self._planted = canaries.recorded(desk.work)

    def run(self) -> Report:
        """Speak, judge and measure. Raises `UserError` where model or adapter cannot be loaded."""
        questions = forgetting.questions()
        steps = 3 * self._wishes.samples + 2 * len(questions) + 3 * len(self._held) + len(self._planted)
        self._bar.begin(steps)
        said = self._speak(questions)
        judged, extracted = self._judge()
        asked = forgetting.compare(
            questions, said.pop("questions"), said.pop("adapter's questions"), self._seed
        )
        copies = self._copies(said)
        private = privacy.scan(self._desk.work, self._desk.persona, said[ADAPTER])
        return Report(
            **self._facts(),
            loss=judged,
            verification=self._verify(said),
            style=style.manners(self._material.learned, self._sets(said)),
            copying=copies,
            canaries=extracted,
            privacy=private,
            forgetting=asked,
            examples=self._examples(said),
            pairs=pairs.draw(self._spoken(said), self._seed),
            exceeded=exceeded(copies[ADAPTER], copies[PERSON], private, extracted, self._wishes.copied),
        )

    @property
    def _seed(self) -> int:
        return self._wishes.seed

    @property
    def _held(self) -> tuple[Held, ...]:
        return self._material.held

    def _drawn(self) -> list[Held]:
        """The examples that are asked for, again and again where there are fewer than answers are wanted."""
        return [self._held[number % len(self._held)] for number in range(self._wishes.samples)]

    def _speak(self, questions: Sequence[forgetting.Question]) -> dict[str, list[str]]:
        persona, desk = self._desk.persona, self._desk
        requests = {
            **self._requests(),
            "questions": self._asked(questions, None),
            "adapter's questions": self._asked(questions, persona.strength),
        }
        return speak(desk.settings, self._wishes.adapter, requests, self._bar.advance, persona.name)

    def _requests(self) -> dict[str, list[Request]]:
        drawn, persona = self._drawn(), self._desk.persona
        shared = common([each.with_shots for each in drawn])
        seeds = [Random(f"answer {self._seed} {number}").getrandbits(31) for number in range(len(drawn))]
        asked = list(zip(drawn, seeds, strict=True))
        return {
            BASE: [request(each.prompt, persona.sampling, seed) for each, seed in asked],
            SHOTS: [request(each.with_shots, persona.sampling, seed, shared=shared) for each, seed in asked],
            ADAPTER: [request(each.prompt, persona.sampling, seed, persona.strength) for each, seed in asked],
        }

    def _asked(self, questions: Sequence[forgetting.Question], strength: float | None) -> list[Request]:
        """General questions, in the persona's own template but without its card."""
        desk = self._desk
        asked = replace(forgetting.ASSISTANT, template=desk.persona.template)
        reader = open_reader(asked, desk.model, desk.settings.model, desk.model.context)
        serving = Serving(asked, reader, desk.settings.chat.system_prompt)
        prompts = [serving.prompt([each.message()], {}, False, None) for each in questions]
        return [request(prompt, forgetting.GREEDY, 0, strength) for prompt in prompts]

    def _judge(self) -> tuple[Losses, tuple[Extracted, ...]]:
        """What base model and adapter think of what was said, and of what was planted."""
        settings, persona = self._desk.settings, self._desk.persona
        found = model.plan(settings.model, settings.data, lambda stage: None)
        judge = Judge(found, settings.model, self._wishes.adapter, persona.strength)
        judged = {name: list[Judged]() for name in GENERATED}
        shared = common([each.with_shots for each in self._held])
        for held in self._held:
            ids = self._spell(held.answer)[: max(1, self._desk.model.context - len(held.with_shots.ids))]
            judged[BASE] += judge.judge(held.prompt.ids, [ids], False)
            judged[ADAPTER] += judge.judge(held.prompt.ids, [ids], True)
            judged[SHOTS] += judge.judge(held.with_shots.ids, [ids], False, shared)
            self._bar.advance(3)
        extracted = tuple(self._extract(judge, canary) for canary in self._planted)
        return likelihood.losses(judged, BASE, ADAPTER, self._seed), extracted

    def _extract(self, judge: Judge, canary: canaries.Canary) -> Extracted:
        bare = self._serving.prompt([], {}, False, None)
        found = canaries.extract(
            canary,
            lambda text: self._spell([text]),
            lambda before, ends: judge.judge((*bare.ids, *before), ends, True, len(bare.ids)),
            self._seed,
        )
        self._bar.advance(1)
        return found

    def _spell(self, texts: Sequence[str]) -> tuple[int, ...]:
        """An answer as it is trained: its words and its end."""
        encoder = Encoder(self._serving, self._desk.model.context)
        return (*encoder.answer(texts), *closing(self._serving.reader))

    def _sets(self, said: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
        return {PERSON: [each.text for each in self._held], **said, OTHER: self._material.other}

    def _verify(self, said: Mapping[str, Sequence[str]]) -> verification.Verification | None:
        halves = {name: _halves(texts, len(self._held)) for name, texts in self._sets(said).items()}
        return verification.verify(self._material.learned, halves, (BASE, OTHER), PERSON, BASE, self._seed)

    def _copies(self, said: Mapping[str, Sequence[str]]) -> dict[str, Copies]:
        drawn, decode = self._drawn(), self._serving.reader.tokenizer.decode
        shown = {
            id(prompt): decode(list(prompt.ids))
            for each in self._held
            for prompt in (each.prompt, each.with_shots)
        }
        sets = {PERSON: [Answered(each.text, shown[id(each.prompt)]) for each in self._held]}
        for name, texts in said.items():
            prompts = [each.with_shots if name == SHOTS else each.prompt for each in drawn]
            sets[name] = [
                Answered(text, shown[id(prompt)]) for text, prompt in zip(texts, prompts, strict=True)
            ]
        held = [each.text for each in self._held]
        return copying.copies(sets, self._material.learned, held, self._seed)

    def _spoken(self, said: Mapping[str, Sequence[str]]) -> list[Spoken]:
        pairs_ = zip(self._held, said[ADAPTER], strict=False)
        return [Spoken(each.before, each.text, text) for each, text in pairs_]

    def _examples(self, said: Mapping[str, Sequence[str]]) -> tuple[Example, ...]:
        return tuple(
            Example(each.before, {PERSON: each.text, **{name: said[name][number] for name in GENERATED}})
            for number, each in enumerate(self._held[:SHOWN])
        )

    def _facts(self) -> dict[str, Any]:
        desk, wishes, material = self._desk, self._wishes, self._material
        folder = wishes.adapter
        return {
            "persona": desk.persona.name,
            "model": desk.model.name,
            "adapter": folder.name,
            "adapter_sha256": hash_file(folder / "adapter_model.safetensors"),
            "strength": desk.persona.strength,
            "data": {name: hash_file(desk.work / name) for name in (TRAIN, HELD)},
            "seed": wishes.seed,
            "samples": wishes.samples,
            "held": len(material.held),
            "learned": len(material.learned),
            "shots": material.shots,
            "other": material.whose,
        }


def _halves(texts: Sequence[str], prompts: int) -> tuple[list[str], list[str]]:
    """Answers in two halves, where the prompt with number n of so many is always in the same one."""
    sides = ([text for number, text in enumerate(texts) if number % prompts % 2 == side] for side in (0, 1))
    return next(sides), next(sides)
