"""Adapters come from the hub and go there: a hub on this machine, and one process that runs all commands."""

import json
from pathlib import Path

import pytest

from tests.fixtures.foreign_adapters import CONFIG, WEIGHTS
from tests.fixtures.hub_day import TOKEN, Day, files_of, run_day

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def day(base: Path, plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Day:
    return run_day(tmp_path_factory.mktemp("day"), base, plain)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("adopt", "someone/lora"),
        ("adopt a pickle", "someone/old"),
        ("adopt a private one with a token", "someone/private"),
    ],
)
def test_an_adapter_of_the_hub_is_adopted(label: str, name: str, day: Day) -> None:
    code, out, err = day.told[label]
    stages = ("loading torch", "reading the tokenizer", "checking and writing")  # where they take seconds
    told = [line for line in err.splitlines() if not line.startswith(stages)]
    assert (code, told) == (0, [f"fetching {name} from the hub"])
    assert out.splitlines()[0] == f"mara has the adapter of {name} in {day.adapter('first')}"


def test_of_a_repository_only_the_adapters_files_are_fetched(day: Day) -> None:
    fetched = day.root / "cache/hub/models--someone--lora/snapshots"
    assert {path.name for path in fetched.glob("*/*")} == {CONFIG, WEIGHTS}


UNKNOWN = (
    "There is no folder or file {0} here, and the hub has no {0}, or keeps it private: spell the name as on "
    "its page; for a private one run `hf auth login` or set HF_TOKEN to a token that may read."
)


@pytest.mark.parametrize(
    ("label", "sentence"),
    [
        ("adopt nothing", UNKNOWN.format("someone/nothing")),
        ("adopt a private one", UNKNOWN.format("someone/private")),
        (
            "adopt a gated one",
            "The hub gives someone/gated only to people who accepted its terms: accept them on its page, run "
            "`hf auth login` or set HF_TOKEN to a token that may read, and run the same command again.",
        ),
        (
            "adopt a base model",
            "someone/base on the hub holds no LoRA adapter (adapter_model.safetensors or adapter_model.bin), "
            "but config.json, model.safetensors: spell the name as on its page, and set [model] name for a "
            "base model.",
        ),
        (
            "push without a yes",
            "An adapter can give out words and facts of the people whose messages it learned, and its "
            "manifest holds the card of Mara: look at `evaluate`, ask them, and say --yes to put it on the "
            "hub (private; --public is for everybody).",
        ),
        (
            "push without a token",
            "The hub takes no files without a token: run `hf auth login`, or set HF_TOKEN in the "
            "environment.",
        ),
        (
            "push where all can read",
            "Everybody can read someone/public on the hub: make it private there, or say --public as well.",
        ),
        ("push a path", "'./mara' is no name of a repository: write OWNER/NAME."),
        (
            "pull under another card",
            'The adapter "mara" was not loaded: it was trained with another card or system text; put the '
            "card and chat.system_prompt back as they were, train it again, or accept the change with "
            "`python -m training adopt`.",
        ),
        (
            "pull what push did not write",
            "someone/lora was not put on the hub by `push` (manifest.json is missing): `python -m training "
            "adopt someone/lora --persona mara` takes it.",
        ),
        (
            "pull a path",
            "'mara' is no name of a repository: write OWNER/NAME; `adopt` takes folders and files.",
        ),
    ],
)
def test_what_is_refused_is_told_in_a_sentence(label: str, sentence: str, day: Day) -> None:
    assert day.refused(label) == sentence


def test_an_adapter_goes_to_the_hub_with_four_files_and_private(day: Day) -> None:
    address = f"{day.hub.address}/someone/mara"
    told = f"the adapter of mara is at {address} (private: you alone can read it)\n"
    size = sum(map(len, day.hub.repositories["someone/mara"].values()))
    assert day.told["push"] == (0, told, f"sending {size / 1e6:,.1f} MB to someone/mara\n")
    assert day.hub.private == {"someone/private", "someone/mara"}
    there = day.hub.repositories["someone/mara"]
    assert sorted(there) == ["README.md", CONFIG, WEIGHTS, "manifest.json"]
    assert there[WEIGHTS] == day.installed[WEIGHTS]
    assert there["README.md"].decode() == CARD.format(base=day.base)


def test_without_a_yes_or_a_token_nothing_is_sent(day: Day) -> None:
    model = "api/models/someone/mara"
    assert day.hub.calls == [
        "POST api/repos/create",
        "POST api/validate-yaml",
        f"POST {model}/preupload/main",
        "POST someone/mara.git/info/lfs/objects/batch",
        f"POST {model}/commit/main",
    ]
    assert not day.hub.repositories["someone/public"]


def test_no_word_of_the_data_no_folder_and_no_token_leaves_the_machine(day: Day) -> None:
    sent = b"".join(day.hub.repositories["someone/mara"].values())
    assert b"words of a person" not in sent
    assert str(day.root).encode() not in sent
    assert TOKEN.encode() not in sent
    assert TOKEN not in json.dumps([*day.told.values()])


def test_an_adapter_comes_back_with_its_contract(day: Day) -> None:
    code, out, _ = day.told["pull"]
    home = day.adapter("puller")
    assert code == 0
    assert out.splitlines() == [
        f"mara has the adapter of someone/mara in {home}",
        "Next: python -m bot chat --persona mara, or /persona reload where the bot is running",
    ]
    back = files_of(home)
    assert back.keys() == day.installed.keys()
    assert back[WEIGHTS] == day.installed[WEIGHTS]
    told, before = (json.loads(files["manifest.json"]) for files in (back, day.installed))
    assert told == before | {"base_model": day.base}
    assert not day.adapter("changed").exists()


CARD = """---
library_name: peft
pipeline_tag: text-generation
tags:
- lora
- alterego
---

# Mara

A LoRA adapter that lets {base} speak like one persona. It was trained on messages of a person with
alterego, whose prompts `manifest.json` describes.

| | |
|---|---|
| base model | {base} |
| rank, alpha | 4, 16 |
| layers | down_proj, q_proj, v_proj |
| training steps | 7 |
| learned tokens | 120 |

## Use

In alterego: `python -m training pull someone/mara --persona NAME`. With PEFT:

```python
from peft import PeftModel
from transformers import AutoModelForCausalLM

model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("{base}"), "someone/mara")
```

## Limits

An adapter can repeat words of its training data. What it says is invented by a model: nobody said it. Use it
only in ways that the person whose messages it learned has agreed to.
"""
