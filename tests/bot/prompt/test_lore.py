"""Lorebook entries and prompts at a depth in prompts: said keys, places, budgets, a stable beginning."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.message import Author, Message, Place
from bot.persona.card import Card
from bot.persona.lorebook import DepthPrompt, Lorebook, LoreEntry
from bot.persona.persona import Persona
from bot.prompt.builder import Prompt, PromptFormat, build_prompt, system_text
from bot.prompt.chat_template import BUILT_IN_TEMPLATES, open_chat_template
from tests.fakes.model import CHATML, ByteTokenizer

PLACE = Place("test", "bot", "room")
TOKENIZER = ByteTokenizer()
HARROW = LoreEntry("Harrow is a sunken village.", ("Harrow",))
NO_SYSTEM = CHATML.replace(
    "<|im_start|>{{ m.role }}",
    "{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}<|im_start|>{{ m.role }}",
)
# takes a system turn first and last, and none between messages
ENDS_ALONE = (
    "{% for m in messages %}{% if m.role == 'system' and not loop.first and not loop.last %}"
    "{{ raise_exception('no') }}{% endif %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def said(number: int, text: str, own: bool = False) -> Message:
    author = Author("persona:mara", "Mara") if own else Author("ana", "Ana")
    return Message(PLACE, str(number), author, text, 60.0 * number, persona="mara" if own else None)


def mara(*entries: LoreEntry, budget: int = 0, **fields: object) -> Persona:
    return Persona("mara", Card(name="Mara", lorebook=Lorebook(entries, budget), **fields))  # type: ignore[arg-type]


def reader(budget: int = 4000, template: str = CHATML) -> PromptFormat:
    return PromptFormat(TOKENIZER, open_chat_template(template, TOKENIZER.special, "Mara"), budget)


def spelt(persona: Persona, texts: list[str], format: PromptFormat | None = None) -> str:
    history = [said(number, text, own=number % 2 == 1) for number, text in enumerate(texts)]
    return TOKENIZER.spell(build_prompt(persona, history, format or reader()).ids)


def test_an_entry_stands_before_the_message_that_says_its_key() -> None:
    """rikkahub/rikkahub#879"""
    prompt = spelt(mara(HARROW, description="Keeps a light."), ["Hi", "Hm.", "Mara, what is Harrow?"])
    assert prompt == (
        "<|im_start|>system\nKeeps a light.<|im_end|>\n<|im_start|>user\nAna: Hi<|im_end|>\n"
        "<|im_start|>assistant\nHm.<|im_end|>\n<|im_start|>system\nHarrow is a sunken village.<|im_end|>\n"
        "<|im_start|>user\nAna: Mara, what is Harrow?<|im_end|>\n<|im_start|>assistant\n"
    )
    assert "sunken" not in spelt(mara(HARROW), ["Hi", "Hm.", "What is Harlow?"])


def test_a_prompt_at_a_depth_stands_before_that_many_messages() -> None:
    """rikkahub/rikkahub#879"""
    texts = [f"m{number}" for number in range(6)]
    for depth, before in ((0, None), (1, "m5"), (4, "m2"), (50, "m0")):
        persona = mara(depth_prompt=DepthPrompt("Speak in rhyme, {{char}}.", depth))
        head, found, tail = spelt(persona, texts).partition(
            "<|im_start|>system\nSpeak in rhyme, Mara.<|im_end|>\n"
        )
        assert found
        shown = [text for text in texts if text in tail]
        assert shown == (texts[texts.index(before) :] if before else [])
        assert all(text in head for text in texts if text not in shown)


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_a_prompt_at_a_depth_may_have_another_role(role: str) -> None:
    prompt = spelt(mara(depth_prompt=DepthPrompt("Rhyme.", 0, role)), ["Hi"])  # type: ignore[arg-type]
    assert "system" not in prompt
    assert ("Ana: Hi\nRhyme.<" if role == "user" else "<|im_start|>assistant\nRhyme.<") in prompt


@pytest.mark.parametrize("template", [NO_SYSTEM, ENDS_ALONE, *BUILT_IN_TEMPLATES])
def test_templates_without_system_turns_between_messages_have_the_texts_too(template: str) -> None:
    persona = mara(HARROW, depth_prompt=DepthPrompt("Rhyme.", 2), post_history_instructions="Brief.")
    prompt = spelt(persona, ["Hi", "Hm.", "Harrow?"], reader(template=template))
    places = [prompt.index(text) for text in ("Ana: Hi", "Rhyme.", "Hm.", "sunken", "Ana: Harrow?", "Brief.")]
    assert places == sorted(places)


def test_constant_entries_stand_with_the_card_in_their_order() -> None:
    entries = [
        LoreEntry("second", constant=True, order=2),
        LoreEntry("first of {{char}}", constant=True, order=1),
        LoreEntry("last", constant=True, after_card=True),
        LoreEntry("deep", constant=True, depth=1),
    ]
    prompt = spelt(mara(*entries, description="D.", scenario="S."), ["Hi"])
    assert (
        prompt.startswith(
            "<|im_start|>system\nfirst of Mara\n\nsecond\n\nD.\n\nS.\n\nlast<|im_end|>\n"
            "<|im_start|>system\ndeep<|im_end|>\n<|im_start|>user\nAna: Hi"
        )
        or "\n\nlast\n\ndeep<|im_end|>\n<|im_start|>user\nAna: Hi" in prompt
    )


def test_entries_at_one_depth_are_one_turn_in_their_order() -> None:
    entries = [
        LoreEntry("b", ("x",), order=2),
        LoreEntry("a", ("x",), order=1),
        LoreEntry("c", ("x",), depth=0),
    ]
    prompt = spelt(mara(*sorted(entries, key=lambda entry: entry.order)), ["one", "two", "x"])
    assert "<|im_start|>system\na\n\nb<|im_end|>\n<|im_start|>user\nAna: x<|im_end|>\n" in prompt
    assert prompt.endswith("<|im_start|>system\nc<|im_end|>\n<|im_start|>assistant\n")


def test_the_beginning_stays_the_same_whatever_is_said() -> None:
    persona = mara(HARROW, LoreEntry("Always.", constant=True), depth_prompt=DepthPrompt("Rhyme.", 2))
    texts = [f"{'Harrow' if number % 3 else 'sea'} {number}" for number in range(30)]
    before = ""
    for end in range(1, 30):
        prompt = spelt(persona, texts[:end])
        kept = before.partition(texts[max(0, end - 3)])[0].rpartition("<|im_start|>")[0]
        kept = kept.rpartition("<|im_start|>")[0] if end > 4 else ""
        assert prompt.startswith(kept)
        before = prompt


@pytest.mark.parametrize(("budget", "count"), [(0, 6), (100, 3), (40, 1), (10, 0)])
def test_entries_that_do_not_fit_are_left_out_by_priority(budget: int, count: int) -> None:
    entries = [
        LoreEntry(f"{number}{'x' * 29}", ("k",), order=number, priority=-number) for number in range(6)
    ]
    prompt = spelt(mara(*entries, budget=budget), ["k"])
    assert [number for number in range(6) if f"{number}xx" in prompt] == [*range(count)]


def test_entries_have_a_quarter_of_a_prompt_at_most_and_never_push_out_the_newest_message() -> None:
    entries = [LoreEntry("x" * 90, ("k",)), LoreEntry("y" * 90, constant=True)]
    assert spelt(mara(*entries), ["k"], reader(1200)).count("xx") > 0
    small = spelt(mara(*entries), ["k"], reader(300))
    assert ("xx" in small, "yy" in small, "Ana: k" in small) == (False, False, True)
    tight = spelt(mara(LoreEntry("x" * 90, ("k",))), ["k" + " z" * 150], reader(400))
    assert ("xx" in tight, "Ana: k z" in tight) == (False, True)


def test_a_history_beside_lore_is_cut_within_the_budget() -> None:
    persona = mara(HARROW, depth_prompt=DepthPrompt("Rhyme.", 3))
    history = [said(number, f"{number} Harrow {'x' * 40}") for number in range(60)]
    prompt = build_prompt(persona, history, reader(1500))
    assert len(prompt.ids) <= 1500
    assert prompt.first is not None
    assert all(word in TOKENIZER.spell(prompt.ids) for word in ("sunken", "Rhyme.", "59 Harrow"))


ENTRIES = st.builds(
    LoreEntry,
    st.text(min_size=1, max_size=300),
    st.lists(st.sampled_from(["a", "b", "ab", "é"]), max_size=2).map(tuple),
    constant=st.booleans(),
    after_card=st.booleans(),
    depth=st.none() | st.integers(0, 5),
    role=st.sampled_from(["system", "user", "assistant"]),
    recursive=st.booleans(),
    scan_depth=st.integers(1, 5),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(ENTRIES, max_size=6),
    st.lists(st.tuples(st.booleans(), st.text("ab é", max_size=60)), min_size=1, max_size=12),
    st.integers(500, 3000),
    st.sampled_from([CHATML, NO_SYSTEM, ENDS_ALONE, "plain"]),
)
def test_a_prompt_with_any_lore_keeps_its_budget(
    entries: list[LoreEntry], lines: list[tuple[bool, str]], budget: int, template: str
) -> None:
    persona = mara(*entries, mes_example="<START>\n{{user}}: q\n{{char}}: a")
    history = [said(number, text, own) for number, (own, text) in enumerate(lines)]
    prompt: Prompt = build_prompt(persona, history, reader(budget, template))
    assert len(prompt.ids) <= budget
    assert prompt.read == history[-1].id


def test_dates_stand_late_and_are_those_of_the_newest_message() -> None:
    """LostRuins/lite.koboldai.net#118: the day must not change the beginning of a prompt."""
    persona = mara(
        replace(HARROW, content="At {{time}}."),
        description="It is {{time}} {{date}}.",
        post_history_instructions="Today is {{isodate}}.",
    )
    newest = datetime.fromtimestamp(120)
    prompt = spelt(persona, ["Hi", "Hm", "Harrow"])
    assert f"At {newest:%H:%M}." in prompt
    assert f"Today is {newest:%Y-%m-%d}." in prompt
    assert "It is  ." in prompt
    assert system_text(persona, "") == "It is  .\n\nToday is ."


def test_a_reply_to_nothing_has_the_prompt_at_a_depth() -> None:
    assert "Rhyme." in spelt(mara(HARROW, depth_prompt=DepthPrompt("Rhyme.")), [])


def test_the_contract_names_the_constant_texts() -> None:
    persona = mara(LoreEntry("Always.", constant=True), HARROW, depth_prompt=DepthPrompt("Rhyme."))
    assert system_text(persona, "Play {{char}}.") == "Play Mara.\n\nAlways.\n\nRhyme."


def test_an_entry_that_grows_beyond_all_bounds_is_left_out() -> None:
    grown = LoreEntry("{{original}}{{user}}" * 5000 + "x" * 200_001, ("k",))
    assert "Ana: k" in spelt(mara(grown), ["k"])
