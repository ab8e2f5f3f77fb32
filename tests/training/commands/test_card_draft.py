"""A card's three sentences, drafted from messages, or typed."""

from pathlib import Path

import pytest

from tests.fixtures.training_messages import said
from training.commands.card_draft import card_name, draft_card, read_writing, split_sentences
from training.store.messages import ExportedMessage, to_lines


def drafted(work: Path, messages: list[ExportedMessage]) -> tuple[str, dict[str, str]]:
    work.mkdir(parents=True)
    (work / "messages.jsonl").write_bytes(to_lines(messages))
    writing = read_writing(work)
    return card_name(writing, "folder"), draft_card(work, writing, "folder")


def chat(own: str, other: str, count: int = 12) -> list[ExportedMessage]:
    return [
        said(number, "Mara" if number % 2 else "Ana", own if number % 2 else other, time=1e9 + number)
        for number in range(count)
    ]


def test_a_draft_tells_places_typical_words_and_manners(tmp_path: Path) -> None:
    messages = chat("aye, esteemed gulls and kettle! *nods*", "what about the boats today")
    assert drafted(tmp_path / "work", messages) == (
        "Mara",
        {
            "description": '{{char}} writes on Test, and often says "esteemed", "gulls" and "kettle".',
            "personality": "{{char}} writes short messages, of about 6 words, in small letters, with "
            "exclamation marks and with *gestures* between stars.",
            "scenario": "Whoever speaks writes to {{char}} on Test.",
        },
    )


def test_names_of_others_addresses_and_numbers_are_in_no_draft(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work/words.txt").write_text("perpetua\n")
    messages = chat("ana perpetua kettle write mara@lamp.example or www.lamp.example", "boats", 24)
    (tmp_path / "work/messages.jsonl").write_bytes(to_lines(messages))
    writing = read_writing(tmp_path / "work")
    text = " ".join(draft_card(tmp_path / "work", writing, "folder").values()).casefold()
    assert '"kettle"' in text
    assert not any(word in text for word in ("ana", "perpetua", "lamp", "example"))


def test_somebody_who_writes_chinese_gets_a_chinese_card(tmp_path: Path) -> None:
    _, draft = drafted(tmp_path / "work", chat("今天的海风很大，记得关窗！", "好的"))
    assert draft == {
        "description": "{{char}}常在Test上聊天。",
        "personality": "{{char}}的消息每条大约13个字，常用感叹号。",
        "scenario": "对方正在Test上给{{char}}发消息。",
    }


DRAFT = {"description": "D", "personality": "P", "scenario": "S"}


@pytest.mark.parametrize(
    ("typed", "card"),
    [
        ("", DRAFT),
        ("A keeper.", {**DRAFT, "description": "A keeper."}),
        (
            "A keeper. Speaks low. On the pier.",
            {"description": "A keeper.", "personality": "Speaks low.", "scenario": "On the pier."},
        ),
        (
            "A keeper! Speaks low? Here. And there.",
            {"description": "A keeper!", "personality": "Speaks low?", "scenario": "Here. And there."},
        ),
        ("守灯人。说话很轻。", {**DRAFT, "description": "守灯人。", "personality": "说话很轻。"}),
    ],
)
def test_typed_sentences_replace_those_of_the_draft(typed: str, card: dict[str, str]) -> None:
    assert split_sentences(typed, DRAFT) == card
