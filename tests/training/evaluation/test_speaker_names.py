"""An adapter is evaluated with speakers' names where its training had them, whatever the persona says now."""

from pathlib import Path

import pytest

from tests.fakes import tiny
from tests.fixtures.adapter_workspace import make_workspace
from tests.fixtures.pinned_adapters import pin
from tests.fixtures.training_messages import said
from training.commands.build import build_data
from training.dataset.workspace import Workspace
from training.evaluation.run import EvaluationOptions, EvaluationRun
from training.store.messages import to_lines

WORDS = "fog lamp tide rope kettle gull boat storm harbour letter engine oil cat stairs winter song".split()


class Unseen:
    """A progress display that shows nothing."""

    def begin(self, steps: int) -> None: ...
    def advance(self, steps: int) -> None: ...


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("house")
    made = make_workspace(root, tiny.save_model(root / "base", max_position_embeddings=512))
    lines = [
        message
        for number in range(40)
        for word, then in [(WORDS[number % 16], WORDS[number // 3])]
        for message in (
            said(2 * number, "Ana", f"Where is the {word} of the {then}?", time=6000.0 * number),
            said(2 * number + 1, "Mara", f"By the {then}, {word} and {number}.", time=6000.0 * number + 30),
        )
    ]
    (made.work / "messages.jsonl").write_bytes(to_lines(lines))
    build_data(made, 256)
    return made


@pytest.mark.parametrize(
    ("manifest", "named"),
    [({"names": "groups"}, False), ({"speakers": [["user", "Ana: 1"]]}, True), ({}, True)],
    ids=["names in groups", "an earlier version", "nothing said"],
)
def test_prompts_have_the_names_of_the_adapters_training(
    workspace: Workspace, manifest: dict[str, object], named: bool, tmp_path: Path
) -> None:
    options = EvaluationOptions(pin(tmp_path / "adapter", **manifest), None, 10, 0, 0.0)
    validation = EvaluationRun(workspace, options, Unseen()).eval_data.validation
    prompts = [workspace.model.tokenizer.spell(each.prompt.ids) for each in validation]
    asked = [prompt.split("<|im_start|>user\n")[-1].split("Where is the ")[0] for prompt in prompts]
    assert {name.endswith(": ") for name in asked} == {named}  # a surrogate stands for Ana
    assert all(asked) is named
