"""The command `evaluate` with a tiny model and a random adapter."""

import io
import json
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.fakes import tiny
from tests.fixtures.training_messages import said
from training.__main__ import main
from training.evaluation.report import Report, report_json
from training.metrics import canaries
from training.store.messages import ExportedMessage, to_lines

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

WORDS = "fog lamp tide rope kettle gull boat storm harbour letter engine oil cat stairs winter song".split()
SAMPLES = "20"


class Done(NamedTuple):
    code: int
    out: str
    err: str


class EvaluatedPersona:
    """A folder with settings, a tiny model, and a persona with data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.persona_folder = folder / "personas" / "mara"
        self.work = self.persona_folder / "work"

    def run(self, *arguments: str) -> Done:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(["--config", str(self.folder / "config.toml"), *arguments])
        return Done(code, out.getvalue(), err.getvalue())

    def evaluate(self, *more: str) -> Done:
        return self.run("evaluate", "--persona", "mara", "--samples", SAMPLES, *more)

    def report(self) -> Report:
        return msgspec.json.decode((self.work / "report.json").read_bytes(), type=Report)


def dialogue(count: int) -> list[ExportedMessage]:
    """Return questions of Ana and answers of Mara in random words, a pair every 100 minutes."""
    rng = Random(4)
    messages = []
    for number in range(count):
        asked, answer = (" ".join(rng.choices(WORDS, k=12)) for _ in range(2))
        time = 6000.0 * number
        messages.append(said(2 * number, "Ana", f"What of the {asked}?", time=time))
        messages.append(said(2 * number + 1, "Mara", f"Aye, {answer}.", time=time + 30))
    return messages


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> EvaluatedPersona:
    folder = tmp_path_factory.mktemp("house")
    base = tiny.save_model(folder / "base", max_position_embeddings=8192)
    settings = (
        f'[model]\nname = "{base}"\nprecision = "fp32"\nthreads = 1\ncontext = 8192\ntemplate = "chatml"\n'
    )
    (folder / "config.toml").write_text(f'{settings}[paths]\ndata = "{folder / "data"}"\n')
    persona = EvaluatedPersona(folder)
    persona.work.mkdir(parents=True)
    (persona.persona_folder / "card.json").write_text(
        json.dumps({"name": "Mara", "description": "Keeps a light."})
    )
    (persona.persona_folder / "persona.toml").write_text("[sampling]\nmax_tokens = 24\n")
    (persona.work / "messages.jsonl").write_bytes(to_lines(dialogue(150)))
    assert persona.run("build", "--persona", "mara").code == 0
    tiny.save_adapter(persona.persona_folder / "adapter", base, r=2)
    return persona


@pytest.fixture(scope="module")
def done(built: EvaluatedPersona) -> Done:
    """The output of the command for the adapter; its report stays."""
    return built.evaluate()


@pytest.fixture
def persona(built: EvaluatedPersona, done: Done, tmp_path: Path) -> EvaluatedPersona:
    """A copy with the report of its adapter, for tests that change it."""
    shutil.copytree(built.persona_folder, tmp_path / "personas" / "mara")
    (tmp_path / "config.toml").write_bytes((built.folder / "config.toml").read_bytes())
    return EvaluatedPersona(tmp_path)


def test_an_adapter_is_measured_and_reported(built: EvaluatedPersona, done: Done) -> None:
    assert done.code == 0, done.err
    report = built.report()
    assert (report.persona, report.held, report.learned, report.shots) == ("Mara", 15, 135, 20)
    assert report.other == "another author of the same chats"
    assert set(report.loss.sets) == {"base model", "base + examples", "adapter"}
    assert set(report.style) == {"the person", "base model", "base + examples", "adapter", "another person"}
    assert report.verification is not None
    assert set(report.verification.sets) == {*report.style, "late half"}
    assert report.forgetting.questions == 52
    assert report.exceeded == ()
    assert len(report.pairs) == 10
    assert done.out.splitlines()[-2:] == [
        f"The whole report: {built.work / 'report.html'}",
        "Next: python -m bot chat --persona mara",
    ]
    assert "Mara" in (built.work / "report.html").read_text("utf-8")


def test_the_same_seed_gives_the_same_report(persona: EvaluatedPersona) -> None:
    first = persona.report()
    again = persona.evaluate("--json")
    assert persona.report() == first
    assert json.loads(again.out) == json.loads(report_json(first))


def test_an_adapter_without_effect_is_the_base_model(persona: EvaluatedPersona) -> None:
    weights = persona.persona_folder / "adapter" / "adapter_model.safetensors"
    save_file({name: torch.zeros_like(each) for name, each in load_file(weights).items()}, weights)
    assert persona.evaluate().code == 0
    report = persona.report()
    assert report.loss.sets["adapter"] == report.loss.sets["base model"]
    assert report.style["adapter"] == report.style["base model"]
    assert (report.forgetting.change.value, report.loss.gain.value) == (0.0, 0.0)
    assert all(each.answers["adapter"] == each.answers["base model"] for each in report.examples)


def test_canaries_are_extracted_and_another_persona_can_be_the_other_person(
    persona: EvaluatedPersona,
) -> None:
    canaries.record_canaries(persona.work, canaries.draw_canaries(1))
    shutil.copytree(persona.persona_folder, persona.persona_folder.with_name("ozzo"))
    elsewhere = shutil.copytree(persona.persona_folder / "adapter", persona.folder / "planted")
    assert persona.evaluate("--other", "ozzo", "--adapter", str(elsewhere)).code == 0
    assert persona.report().other == "the persona ozzo"
    found = persona.report().canaries
    assert [each.repeats for each in found] == list(canaries.REPEATS)
    assert all(0.0 <= each.exposure <= 8.0 and not each.said for each in found)


def test_an_exceeded_limit_fails_the_command_and_the_report_is_written(persona: EvaluatedPersona) -> None:
    """The adapter's answers are put into the training part, so that they count as copies."""
    (persona.work / "report.html").unlink()
    report = persona.report()
    speech = [each.answers["adapter"].replace("\n", " ") for each in report.examples]
    path = persona.work / "train.jsonl"
    lines = path.read_text("utf-8").splitlines()
    for place, text in enumerate(speech):
        line = json.loads(lines[place])
        line["messages"][line["aims"][0][0]][3] = text
        lines[place] = json.dumps(line)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    done = persona.evaluate()
    assert done.code == 1
    told = done.err.splitlines()[-1].removeprefix("training: ")
    assert told.startswith("The adapter says by heart ")
    assert told.endswith("train it for fewer epochs, or on more words.")
    assert persona.report().exceeded == (told,)
    assert "This adapter goes over a limit." in (persona.work / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("spoil", "arguments", "complaint"),
    [
        ("adapter", (), "mara has no adapter for "),
        ("", ("--adapter", "nowhere"), "There is no adapter in nowhere: `python -m training train --persona"),
        ("other base", (), "; set [model] name for those that wait (adapter/ for "),
        ("held", (), "Nothing is held out in "),
        ("build", (), "There are no data in "),
        ("", ("--other", "nobody"), "There is no persona 'nobody' in "),
        ("", ("--samples", "3"), "3 answers say nothing: draw at least 10 with --samples."),
        ("", ("--copied", "2"), "A share of 2.0 is not possible: --copied is from 0 to 1."),
        ("canaries", ("--adapter", "{folder}/planted"), "canaries.json cannot be read "),
    ],
)
def test_bad_input_is_one_sentence(
    persona: EvaluatedPersona, spoil: str, arguments: tuple[str, ...], complaint: str
) -> None:
    if spoil == "adapter":
        shutil.rmtree(persona.persona_folder / "adapter")
    if spoil == "other base":
        other = tiny.save_model(persona.folder / "other", hidden_size=32)
        tiny.save_adapter(persona.persona_folder / "adapter", other)
    if spoil == "held":
        (persona.work / "held.jsonl").write_text("")
    if spoil == "build":
        (persona.work / "data.json").unlink()
    if spoil == "canaries":
        (persona.work / "canaries.json").write_text("{")
        shutil.copytree(persona.persona_folder / "adapter", persona.folder / "planted")
    for name in ("report.html", "report.json"):
        (persona.work / name).unlink()
    done = persona.evaluate(*(each.format(folder=persona.folder) for each in arguments))
    assert (done.code, done.out) == (2, "")
    told = done.err.splitlines()[-1]
    assert told.startswith("training: ")
    assert complaint in told
    assert "Traceback" not in done.err
    assert not (persona.work / "report.html").exists()
    assert not (persona.work / "report.json").exists()
