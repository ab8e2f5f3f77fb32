"""Records of data sets in every usual shape: their sides, their flags, and what is counted."""

import io
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.importers import registry
from training.importers.reading.data_sets.flags import TURN_FLAGS
from training.importers.reading.data_sets.records import read_record
from training.importers.reading.data_sets.turn_lists import UnknownShape
from training.importers.reading.dialogue import read_records
from training.importers.reading.import_log import ImportLog
from training.importers.reading.source import Source

Q, A = "where is the ladder", "behind the shed"
MARKS = {"system": "s", "user": "u", "assistant": "a", "tool": "t", "document": "d"}
PAIR = f"u {Q}|a {A}"


def turns_of(record: Any, log: ImportLog | None = None) -> str:
    """Return the turns with words: the role's letter, capital where the turn is not trained, and the text."""
    turns = [turn for turn in read_record(record, log or ImportLog()) if turn.text.strip()]
    marks = (MARKS[turn.role] if turn.trained else MARKS[turn.role].upper() for turn in turns)
    return "|".join(f"{mark} {turn.text}" for mark, turn in zip(marks, turns, strict=True))


def user_assistant(role: str = "role", content: str = "content") -> list[dict[str, str]]:
    return [{role: "user", content: Q}, {role: "assistant", content: A}]


SHAPES: dict[str, tuple[Any, str]] = {
    "alpaca": ({"instruction": Q, "input": "", "output": A}, PAIR),
    "alpaca with capitals": ({"Instruction": Q, "Output": A}, PAIR),
    "an input below": ({"instruction": Q, "input": "red", "output": A}, f"u {Q}\nred|a {A}"),
    "dolly": ({"instruction": Q, "context": "red", "response": A}, f"u {Q}\nred|a {A}"),
    "alpaca preference": ({"instruction": Q, "chosen": A, "rejected": "no"}, PAIR),
    "a number": ({"question": "1+1", "answer": 2}, "u 1+1|a 2"),
    "ms-swift": (
        {"query": Q, "response": A, "system": "s", "history": [["hi", "yo"]]},
        f"s s|u hi|a yo|{PAIR}",
    ),
    "prompt and response": ({"prompt": Q, "response": A}, PAIR),
    "vicuna chat": ({"input": [Q, "saw"], "output": [A, "hook"]}, f"{PAIR}|u saw|a hook"),
    "fujisaki": ({"context": f"Instruction: {Q}\nAnswer: ", "target": A}, PAIR),
    "a context without frame": ({"context": Q, "target": A}, PAIR),
    "sharegpt": ({"conversations": [{"from": "human", "value": Q}, {"from": "gpt", "value": A}]}, PAIR),
    "roles": ({"conversations": user_assistant()}, PAIR),
    "other names": ({"dialogue": [{"speaker": "Human", "text": Q}, {"speaker": "bot", "text": A}]}, PAIR),
    "firefly": ({"conversation": [{"human": Q, "assistant": A}]}, PAIR),
    "texts in turn": ({"dialog": [Q, A]}, PAIR),
    "UltraChat": ({"id": "1", "data": [Q, A]}, PAIR),
    "an instruction beside": (
        {"instruction": "be short", "messages": user_assistant()},
        f"s be short|{PAIR}",
    ),
    "sharegpt preference": (
        {
            "conversations": [{"from": "human", "value": Q}],
            "chosen": {"from": "gpt", "value": A},
            "rejected": {"from": "gpt", "value": "no"},
        },
        PAIR,
    ),
    "bare": (user_assistant(), PAIR),
    "xtuner": ({"conversation": [{"system": "s", "input": Q, "output": A}]}, f"s s|{PAIR}"),
    "xtuner pretrain": ({"conversation": [{"input": "", "output": A}]}, f"d {A}"),
    "xtuner v1 pretrain": ({"messages": [{"role": "pretrain", "content": A}]}, f"d {A}"),
    "cutegpt": ([{"instruction": Q, "input": "", "output": A}], PAIR),
    "a later turn without input": (
        {"conversation": [{"input": Q, "output": A}, {"input": "", "output": "go"}]},
        f"{PAIR}|a go",
    ),
    "a post": ({"instruction": "", "input": "", "output": A}, f"a {A}"),
    "text": ({"text": A}, f"d {A}"),
    "guanaco": ({"text": f"### Human: {Q}### Assistant: {A}"}, PAIR),
    "dpo of texts": ({"prompt": Q, "chosen": A, "rejected": "no"}, PAIR),
    "dpo of dialogues": ({"chosen": user_assistant(), "rejected": []}, PAIR),
    "dpo with the prompt twice": ({"prompt": Q, "chosen": user_assistant(), "rejected": []}, PAIR),
    "dpo in one text": ({"chosen": f"\n\nHuman: {Q}\n\nAssistant: {A}", "rejected": "x"}, PAIR),
    "orca": ({"system": "s", "question": Q, "chosen": A, "rejected": "no"}, f"s s|{PAIR}"),
    "openai preference": (
        {
            "input": {"messages": [{"role": "user", "content": Q}]},
            "preferred_output": [{"role": "assistant", "content": A}],
            "non_preferred_output": [{"role": "assistant", "content": "no"}],
        },
        PAIR,
    ),
    "swift preference": ({"messages": user_assistant(), "rejected_response": "no"}, PAIR),
    "a prompt of turns": ({"prompt": [{"role": "user", "content": Q}], "completion": A}, PAIR),
    "parts": ({"messages": [{"role": "user", "content": [{"type": "text", "value": Q}]}]}, f"u {Q}"),
    "segments": ({"segments": [{"label": False, "text": Q}, {"label": True, "text": A}]}, PAIR),
    "a dialogue inside": (
        {"instruction": f"User:hi\nAssistant:yo\nUser:{Q}\nAssistant:", "output": A},
        f"u hi|a yo|{PAIR}",
    ),
    "kto, taken": ({"prompt": Q, "completion": A, "label": True}, PAIR),
}


@pytest.mark.parametrize(("record", "turns"), SHAPES.values(), ids=SHAPES)
def test_a_record_gives_its_sides(record: Any, turns: str) -> None:
    assert turns_of(record) == turns


@pytest.mark.parametrize("name", SHAPES)
def test_a_record_is_known_as_one_object_in_an_array_and_one_a_line(name: str, tmp_path: Path) -> None:
    record, turns = SHAPES[name]
    once, twice = json.dumps(record, indent=1), json.dumps(record)
    files = {"one": once, "array": json.dumps([record, record], indent=1), "lines": f"{twice}\n{twice}\n"}
    for label, text in files.items():
        (tmp_path / label).write_text(text)
        (export,) = registry.find_exports(tmp_path / label)
        found = [message.text for message in export.read(ImportLog())]
        wanted = [turn[2:] for turn in turns.split("|")] * (1 if label == "one" else 2)
        if name == "cutegpt" and label == "one":
            continue  # an array of pairs is Alpaca's
        assert found == wanted, label


@pytest.mark.parametrize("indent", [None, 1])
def test_records_are_found_in_the_arrays_of_an_object(indent: int | None, tmp_path: Path) -> None:
    path = tmp_path / "lmflow.json"
    one, other = {"input": Q, "output": A}, {"messages": user_assistant()}
    for inside in ({"type": "text2text", "instances": [one, one]}, {"train": [other], "test": [other]}):
        path.write_text(json.dumps(inside, indent=indent))
        assert [message.text for message in registry.read_exports(path)] == [Q, A, Q, A]


def flagged(flag: dict[str, Any]) -> dict[str, Any]:
    """Return for each place of a flag a record with an answer that it keeps from training."""
    answer = {"role": "assistant", "content": A, **flag}
    return {
        "a turn": {"messages": [{"role": "user", "content": Q}, answer]},
        "a bare turn": [{"role": "user", "content": Q}, answer],
        "a turn of ShareGPT": {
            "conversations": [{"from": "human", "value": Q}, {"from": "gpt", "value": A, **flag}]
        },
        "an exchange of xtuner": {"conversation": [{"input": Q, "output": A, **flag}]},
        "an exchange of CuteGPT": [{"instruction": Q, "input": "", "output": A, **flag}],
        "a part": {
            "messages": [{"role": "user", "content": Q}, {**answer, "content": [{"text": A, **flag}]}]
        },
        "a chosen turn": {"prompt": Q, "chosen": [answer]},
    }


@pytest.mark.parametrize("name", TURN_FLAGS)
@pytest.mark.parametrize("value", [False, 0, 0.0, "False", "false", "0"])
def test_a_flag_keeps_an_answer_from_training_in_every_format(name: str, value: Any) -> None:
    for place, record in flagged({name: value}).items():
        assert turns_of(record).endswith(f"|A {A}"), place
    whole = {"instruction": Q, "output": A, name: value}
    assert turns_of(whole) == ("" if name == "kto_tag" else f"U {Q}|A {A}")


@pytest.mark.parametrize("name", TURN_FLAGS)
@pytest.mark.parametrize("value", [True, 1, 0.5, "true", None])
def test_a_flag_that_trains_keeps_nothing_back(name: str, value: Any) -> None:
    for place, record in flagged({name: value}).items():
        assert turns_of(record) == PAIR, place


@pytest.mark.parametrize("label", [{"kto_tag": False}, {"kto_tag": 0}, {"label": False}, {"label": "False"}])
def test_a_rejected_answer_is_counted_and_left_out_in_every_format(label: dict[str, Any]) -> None:
    for name, (record, _) in SHAPES.items():
        if isinstance(record, dict) and "label" not in record:
            log = ImportLog()
            assert turns_of({**record, **label}, log) == "", name
            assert log.skipped == {"answers that were rejected": 1}, name


def test_a_class_of_a_number_rejects_nothing() -> None:
    assert turns_of({"question": Q, "answer": A, "label": 0}) == PAIR


def test_rejected_halves_are_counted() -> None:
    log = ImportLog()
    turns_of({"prompt": Q, "chosen": A, "rejected": "no"}, log)
    turns_of({"messages": user_assistant(), "rejected_messages": user_assistant()}, log)
    assert log.skipped == {"answers that were rejected": 2}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=3), each, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    "messages conversations input output role content chosen rejected label text history".split()
)


@given(st.lists(st.dictionaries(KEYS, VALUES | st.lists(st.dictionaries(KEYS, VALUES, max_size=3)))) | VALUES)
def test_any_record_is_read_or_of_an_unknown_shape(record: Any) -> None:
    for each in [record, *(record if isinstance(record, list) else [])]:
        try:
            turns = read_record(each, ImportLog())
        except UnknownShape:
            continue
        assert all(isinstance(turn.text, str) for turn in turns)


def test_a_record_of_an_unknown_shape_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text('{"question": "a", "answer": "b"}\n{"question": "a", "answer": {"c": 1}}\n')
    log = ImportLog()
    assert [message.text for message in registry.read_exports(path, log)] == ["a", "b"]
    assert log.skipped == {"unreadable": 1}


def test_a_chat_in_which_others_may_speak_is_no_text_of_a_data_set(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_text('{"text": "hi", "author": "Ana", "time": 1}\n')
    with pytest.raises(Exception, match="holds no export that is known"):
        registry.find_exports(path)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.sampled_from(["one", "array", "lines"]))
def test_records_are_read_from_every_layout(numbers: list[int], layout: str) -> None:
    records = [{"question": str(number), "answer": "x"} for number in numbers]
    texts = {
        "one": json.dumps(records[0], indent=2),
        "array": json.dumps(records),
        "lines": "\n\n".join(map(json.dumps, records)),
    }
    data = texts[layout].encode()
    source = Source("x", "", len(data), lambda: io.BytesIO(data))
    expected = list(itertools.islice(records, 1 if layout == "one" else None))
    assert list(read_records(source, ImportLog())) == expected
