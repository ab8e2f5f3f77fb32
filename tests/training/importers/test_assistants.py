"""Talks with assistants: who said what, what was shown, and what of it the person wrote."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from bot.errors import UserError
from tests.fixtures.import_command import PersonaFolder
from tests.paths import EXPORTS
from tests.training.importers.fixtures import FIXTURES, fixture_texts, read_fixture
from training.dataset.utterances import serving_message
from training.importers import registry
from training.importers.assistants.chatgpt.messages import read_turn as chatgpt_turn
from training.importers.assistants.claude import read_turn as claude_turn
from training.importers.assistants.gemini.activity import own_prompt
from training.importers.reading.archive import list_sources
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.sniff import sniff_head
from training.importers.reading.source import Meter
from training.store.roles import ASSISTANTS, USER_NAME

TITLES = ("ChatGPT", "Claude", "Gemini (Google Takeout)")
TALKS = [name for title in TITLES for name in FIXTURES[title]]
OURS = {*TITLES, "SillyTavern", "Chats with characters", "LinkedIn messages", "LinkedIn posts"}


@pytest.mark.parametrize("name", TALKS)
def test_the_person_is_the_user_and_nothing_of_the_assistant_is_learned(name: str) -> None:
    messages = read_fixture(name)
    assert {message.author for message in messages} == {"user", "assistant"}
    for message in messages:
        assert message.is_self is (message.author == "user")
        assert message.is_self or not message.trained


@pytest.mark.parametrize(
    ("name", "platform"), [("chatgpt/whole", "chatgpt"), ("claude/old", "claude"), ("gemini", "gemini")]
)
def test_an_import_knows_who_the_person_is(name: str, platform: str, persona: PersonaFolder) -> None:
    assert persona.json(EXPORTS / name)["me"] == {platform: ["user"]}
    assert platform in ASSISTANTS
    assert persona.json(EXPORTS / name)["added"] == 0


@pytest.mark.parametrize(
    ("title", "name"), [(title, name) for title, names in FIXTURES.items() for name in names]
)
def test_no_file_is_known_to_two_of_these_readers_and_another_one(title: str, name: str) -> None:
    for source in list_sources(EXPORTS / name, Meter()):
        head = sniff_head(source)
        known = {each.TITLE for each in registry.IMPORTERS if each.recognises(head)}
        assert not known & OURS or known == {title}, source


def shown_words(conversation: dict[str, Any]) -> list[str]:
    """The written words of the user on the shown branch, found from the root down and not from its end up."""
    nodes, texts = conversation["mapping"], list[str]()

    def ends_shown(name: str) -> bool:
        children = nodes[name]["children"]
        return name == conversation["current_node"] or any(map(ends_shown, children))

    (name,) = (name for name, node in nodes.items() if not node["parent"])
    while True:
        message = nodes[name]["message"]
        if message and message["author"]["role"] == "user":
            texts += [part for part in message["content"].get("parts", []) if isinstance(part, str)]
        onward = [child for child in nodes[name]["children"] if ends_shown(child)]
        if not onward:
            return texts
        (name,) = onward


def test_the_users_words_of_chatgpt_are_those_of_the_shown_branch() -> None:
    (conversation,) = json.loads((EXPORTS / "chatgpt/whole/conversations.json").read_text("utf-8"))
    read = [message for message in read_fixture("chatgpt/whole") if message.is_self and message.trained]
    assert [message.text for message in read] == shown_words(conversation)


def test_the_users_words_of_claude_are_the_texts_of_human_blocks() -> None:
    (conversation, *_) = json.loads((EXPORTS / "claude/blocks/conversations.json").read_text("utf-8"))
    left = {"k2c"}  # the question was edited
    blocks = [
        block["text"]
        for message in conversation["chat_messages"]
        if isinstance(message, dict) and message["sender"] == "human" and message["uuid"] not in left
        for block in message["content"]
        if block["type"] == "text"
    ]
    read = [message.text for message in read_fixture("claude/blocks") if message.is_self and message.text]
    assert read == blocks


@pytest.mark.parametrize("name", TALKS)
def test_no_word_of_tools_files_and_hidden_messages_is_kept(name: str) -> None:
    words = " ".join(fixture_texts(name))
    for unspoken in (
        "I repair clocks",
        "prompt",
        "Leeks",
        "Saturday",
        "<svg",
        "too high",
        "hint",
        "supported",
    ):
        assert unspoken not in words


def chatgpt(role: str = "user", parts: Any = ("tea",), **fields: Any) -> dict[str, Any]:
    content = {"content_type": fields.pop("form", "text"), "parts": list(parts)}
    return {"author": {"role": role}, "content": content, **fields}


@pytest.mark.parametrize(
    ("message", "text", "skipped"),
    [
        (chatgpt(), "tea", ""),
        (chatgpt(metadata=None, recipient=None, channel=None), "tea", ""),
        (chatgpt(parts=["tea", {"content_type": "image_asset_pointer"}, "pot"]), "tea\npot", ""),
        (chatgpt(metadata={"is_visually_hidden_from_conversation": True}), None, "did not show"),
        (chatgpt(metadata={"is_user_system_message": True}), None, "did not show"),
        (chatgpt(form="user_editable_context"), None, "did not show"),
        (chatgpt(weight=0.0), None, "did not show"),
        (chatgpt("system"), None, "did not show"),
        (chatgpt("assistant", recipient="python"), None, "tools"),
        (chatgpt("assistant", form="code"), None, "tools"),
        (chatgpt("tool"), None, "tools"),
        (chatgpt("assistant", channel="analysis"), None, "thoughts"),
        (chatgpt("assistant", metadata={"is_thinking_preamble_message": True}), None, "thoughts"),
        (
            chatgpt("assistant", parts=["see \ue200cite\ue202turn0\ue201this【1†source】 and 【茶】"]),
            "seethis and 【茶】",
            "",
        ),
        (chatgpt("assistant", parts=["\ue200 is open"]), "\ue200 is open", ""),
        (chatgpt("narrator"), None, "unknown side"),
        (chatgpt(parts=[""]), None, "empty"),
        (chatgpt(parts=[5, None, []]), None, "empty"),
        ({"author": "user", "content": 5}, None, "unknown side"),
    ],
)
def test_a_message_of_chatgpt_was_shown_or_is_counted(
    message: dict[str, Any], text: str | None, skipped: str
) -> None:
    log = ImportLog()
    turn = chatgpt_turn("1", message, 0.0, log)
    assert (turn and turn.text) == text
    assert [skipped in reason for reason in log.skipped] == [True] * bool(skipped)


@pytest.mark.parametrize(
    ("content", "text", "words"),
    [
        ([{"type": "text", "text": "tea"}], "other words", "tea"),
        ([{"type": "text", "text": "tea"}, {"type": "text", "text": " pot "}], "", "tea\n\npot"),
        ('[{"type": "text", "text": "tea"}]', "", "tea"),
        ("tea", "", "tea"),
        ("[tea", "", "[tea"),
        ([], "tea", "tea"),
        (None, "tea", "tea"),
        ([{"type": "thinking", "thinking": "x"}], "x", None),
        ([{"type": "injected_prompt_block", "prompt": "x"}, {"type": "text", "text": "tea"}], "x", "tea"),
        ([{"type": "song", "text": "x"}], "x", ""),
        ([{"text": "tea"}], "", "tea"),
        (5, 5, None),
    ],
)
def test_the_words_of_a_message_of_claude_are_those_of_its_text_blocks(
    content: Any, text: Any, words: str | None
) -> None:
    message = {"uuid": "1", "sender": "human", "content": content, "text": text}
    turn = claude_turn(message, 0.0, MessageIds(), ImportLog())
    assert (turn and turn.text) == words


def test_the_index_of_claudes_export_is_answered_with_what_to_import() -> None:
    with pytest.raises(UserError, match="only says where the parts of Claude's export lie"):
        list(registry.read_exports(EXPORTS / "claude/single/index.json"))


@pytest.mark.parametrize(
    ("title", "prompt"),
    [
        ("Prompted how are you", "how are you"),
        ("Prompted with: how are you", "how are you"),
        ("Asked Gemini: Asked and answered", "Asked and answered"),
        ("Prompted look Attached 12 files.", "look"),
        ("Prompted is it Attached here", "is it Attached here"),
        ("Prompted ", ""),
        ("Used an app", None),
        ("Eingegeben: hallo", None),
        ("", None),
    ],
)
def test_a_prompt_of_gemini_stands_behind_a_verb(title: str, prompt: str | None) -> None:
    assert own_prompt(title) == prompt


DEEPSEEK = {"message": {"fragments": [{"type": "REQUEST", "content": "hello"}]}, "parent": None}
OTHERS = {
    "a tree of DeepSeek": [{"id": "1", "title": "a", "mapping": {"1": DEEPSEEK}}],
    "another product's activity": [
        {"header": "Search", "title": "Searched for x", "time": "2026-01-01T10:00:00Z"}
    ],
    "Claude's account": [{"uuid": "1", "full_name": "Ana"}],
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_file_of_like_shape_is_of_no_known_format(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(OTHERS[name]), encoding="utf-8")
    with pytest.raises(UserError, match=r"holds no export that is known|is nearest to an export of"):
        registry.find_exports(path)


def test_geminis_activity_as_a_page_is_answered_with_the_other_format(tmp_path: Path) -> None:
    path = tmp_path / "MyActivity.html"
    path.write_text("<!doctype html><html><p>Gemini Apps</p></html>", encoding="utf-8")
    with pytest.raises(UserError, match="Export My Activity again"):
        registry.find_exports(path)


@pytest.mark.parametrize("name", ["chatgpt/whole", "claude/blocks"])
def test_conversations_are_read_one_by_one(name: str, tmp_path: Path) -> None:
    """Six hundred conversations never lie in memory together."""
    conversations = json.loads((EXPORTS / name / "conversations.json").read_text("utf-8"))
    path, count = tmp_path / "conversations.json", 600
    path.write_text(json.dumps([conversations[0]] * count), encoding="utf-8")
    expected = count * len(read_fixture(name))
    tracemalloc.start()
    read = sum(1 for _ in registry.read_exports(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert read == expected
    assert peak < 2 << 20 < path.stat().st_size


def test_a_prompt_names_the_assistant_as_whoever_talks() -> None:
    question, answer = read_fixture("claude/old")[:2]
    served = [serving_message(each, "mara") for each in (question, answer)]
    assert [(each.author.name, each.persona) for each in served] == [("user", "mara"), (USER_NAME, None)]
