"""From turns to ids: whatever people write stays content, and every id has its origin."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.prompt.chat_template import BUILT_IN_TEMPLATES, Role, open_chat_template
from bot.prompt.renderer import (
    OPENING,
    PromptFormat,
    PromptPart,
    PromptSpan,
    Turn,
    render_turns,
    stop_conditions,
)
from tests.fakes.model import END, ByteTokenizer
from tests.fakes.templates import DATED, GEMMA, LLAMA2, MISTRAL, QWEN

TOKENIZER = ByteTokenizer()
SOURCES = [*BUILT_IN_TEMPLATES, GEMMA, LLAMA2, MISTRAL, QWEN, DATED]


def reader(source: str) -> PromptFormat:
    return PromptFormat(TOKENIZER, open_chat_template(source, TOKENIZER.special, "Mara"), 4000)


def turn(role: Role, *texts: str) -> Turn:
    return Turn(role, tuple(PromptPart("message", text, text[:1]) for text in texts))


def laid_out(source: str, *turns: Turn, answer: bool = True) -> str:
    return TOKENIZER.spell(render_turns(turns, reader(source), answer=answer)[0])


S, U, A = turn("system", "S"), turn("user", "U"), turn("assistant", "A")


def test_the_spans_tell_the_origin_of_every_id() -> None:
    turns = [turn("system", "ab", "c"), turn("user", "de")]
    ids, spans = render_turns(turns, reader("{% for m in messages %}<{{ m.content }}>{% endfor %}"))
    assert TOKENIZER.spell(ids) == "<abc><de>"
    assert spans == (
        PromptSpan("template", 0, 1),
        PromptSpan("message", 1, 3, "a"),
        PromptSpan("message", 3, 4, "c"),
        PromptSpan("template", 4, 6),
        PromptSpan("message", 6, 8, "d"),
        PromptSpan("template", 8, 9),
    )


@pytest.mark.parametrize(
    ("source", "turns", "text"),
    [
        (
            "chatml",
            (S, U, A, U, S),
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n"
            "<|im_start|>user\nU<|im_end|>\n<|im_start|>system\nS<|im_end|>\n<|im_start|>assistant\n",
        ),
        ("cutegpt", (U, U, A, A), "问：U\nU\n答：A\nA\n答："),
        ("cutegpt", (S, S, U), "S\n\nS\n问：U\n答："),
        ("cutegpt", (S, A, U), "S\n答：A\n问：U\n答："),
        (
            QWEN,
            (S, U, S),
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU\n\nS<|im_end|>\n"
            "<|im_start|>assistant\n<think>\n\n</think>\n\n",
        ),
        (
            QWEN,
            (U, A, S, U),
            "<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n<|im_start|>user\nS\n\nU<|im_end|>\n"
            "<|im_start|>assistant\n<think>\n\n</think>\n\n",
        ),
        (
            GEMMA,
            (S, U, A, U, S),
            "<start_of_turn>user\nS\n\nU<end_of_turn>\n<start_of_turn>model\nA<end_of_turn>\n"
            "<start_of_turn>user\nU\n\nS<end_of_turn>\n<start_of_turn>model\n",
        ),
        (
            GEMMA,
            (S, A, U),
            "<start_of_turn>user\nS<end_of_turn>\n<start_of_turn>model\nA<end_of_turn>\n"
            "<start_of_turn>user\nU<end_of_turn>\n<start_of_turn>model\n",
        ),
        (
            GEMMA,
            (A, U),
            "<start_of_turn>user\n[The conversation begins.]<end_of_turn>\n"
            "<start_of_turn>model\nA<end_of_turn>\n<start_of_turn>user\nU<end_of_turn>\n<start_of_turn>model\n",
        ),
        (
            LLAMA2,
            (S, A, U, S),
            "[INST] <<SYS>>\nS\n<</SYS>>\n\n[The conversation begins.] [/INST] A <|im_end|>"
            "[INST] U\n\nS [/INST]",
        ),
        (LLAMA2, (S,), "[INST] <<SYS>>\nS\n<</SYS>>\n\n[The conversation begins.] [/INST]"),
        (LLAMA2, (S, OPENING, U), "[INST] <<SYS>>\nS\n<</SYS>>\n\n[The conversation begins.]\nU [/INST]"),
        (MISTRAL, (S, U, A, U, S), "[INST] S\n\nU[/INST] A<|im_end|>[INST] U\n\nS[/INST]"),
        (MISTRAL, (S, S, U), "[INST] S\n\nS\n\nU[/INST]"),
    ],
)
def test_turns_are_arranged_as_the_template_takes_them(
    source: str, turns: tuple[Turn, ...], text: str
) -> None:
    assert laid_out(source, *turns) == text


def test_a_folded_turn_keeps_the_origin_of_its_parts() -> None:
    ids, spans = render_turns([turn("system", "s"), turn("user", "u")], reader(GEMMA))
    content = [(span.source, TOKENIZER.spell(ids[span.start : span.end])) for span in spans if span.source]
    assert content == [("s", "s"), ("u", "\n\nu")]


def test_without_an_answer_the_prompt_ends_behind_the_last_turn() -> None:
    assert laid_out("cutegpt", U, A, answer=False) == "问：U\n答：A\n"


@pytest.mark.parametrize(
    ("source", "stop_ids", "stop"),
    [
        ("chatml", {END}, ()),
        (QWEN, {END}, ()),
        (LLAMA2, {END}, ()),
        (GEMMA, {END}, ("<end_of_turn>\n<start_of_turn>user",)),
        ("cutegpt", {END}, ("\n问：",)),
        ("plain", {END}, ("\n\n",)),
        ("{% for m in messages %}{{ m.content }}{% endfor %}", {END}, ()),
        ("{% for m in messages %}{{ m.content }}<|im_start|>{% endfor %}", {END, END + 1}, ()),
    ],
)
def test_an_answer_ends_where_the_template_ends_a_turn(
    source: str, stop_ids: set[int], stop: tuple[str, ...]
) -> None:
    assert stop_conditions(reader(source)) == (frozenset(stop_ids), stop)


WORDS = st.text(max_size=10) | st.sampled_from(
    [
        "<|im_end|>",
        "<|im_start|>system\n",
        "</s>",
        "[INST]",
        "\ue0000\ue001",
        "{{ bos_token }}",
        "{% raw %}",
        " \n",
    ]
)
TURNS = st.lists(
    st.builds(
        Turn,
        st.sampled_from(["system", "user", "assistant"]),
        st.lists(st.builds(PromptPart, st.just("message"), WORDS, st.just("1")), min_size=1, max_size=3).map(
            tuple
        ),
    ),
    min_size=1,
    max_size=6,
)


@settings(deadline=None)
@given(TURNS, st.sampled_from(SOURCES), st.booleans())
def test_in_every_template_spans_cover_all_ids_and_no_content_is_control(
    turns: list[Turn], source: str, answer: bool
) -> None:
    ids, spans = render_turns(turns, reader(source), answer=answer)
    assert [span.start for span in spans] == [0, *(span.end for span in spans)][:-1]
    assert (spans[-1].end if spans else 0) == len(ids)
    content = [id for span in spans if span.kind != "template" for id in ids[span.start : span.end]]
    assert not TOKENIZER.control & {*content}


@settings(deadline=None)
@given(TURNS, st.sampled_from(SOURCES))
def test_in_every_template_every_word_arrives_in_order(turns: list[Turn], source: str) -> None:
    ids, spans = render_turns(turns, reader(source))
    arrived = [TOKENIZER.decode(list(ids[s.start : s.end])) for s in spans if s.source]
    assert [text.lstrip("\n") for text in arrived] == [
        part.text.lstrip("\n") for turn in turns for part in turn.parts
    ]


NAMED = "{% for m in messages %}{{ char }}: {{ m.content }}\n{% endfor %}"


@pytest.mark.parametrize("source", ["plain", NAMED, NAMED.replace(": ", "<|im_end|>: ")], ids=range(3))
@pytest.mark.parametrize(
    "name", ["<|im_end|>", "Mara<|im_end|>", "<|im_start|>user\nOda", "<|im_", "|im_end|>"]
)
def test_a_personas_name_gives_no_control_token(source: str, name: str) -> None:
    template = open_chat_template(source, TOKENIZER.special, name)
    plain = open_chat_template(source, TOKENIZER.special, "Mara")

    def controls(format_: PromptFormat) -> list[int]:
        ids = (*render_turns((S, U, A), format_)[0], *stop_conditions(format_)[0])
        return sorted(id for id in ids if id in TOKENIZER.control)

    named = PromptFormat(TOKENIZER, template, 4000)
    assert controls(named) == controls(PromptFormat(TOKENIZER, plain, 4000))
    assert name in TOKENIZER.spell(render_turns((S, U, A), named)[0])


def test_an_ordinary_name_is_encoded_with_the_text_around_it() -> None:
    assert laid_out("plain", S, U, A) == "S\n\nU\n\nMara:\nA\n\nMara:\n"
