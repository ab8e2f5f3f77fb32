"""A chat template of any family lays a conversation out, and a trial finds out what it takes."""

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import UserError
from bot.prompt.chat_template import BUILT_IN_TEMPLATES, Role, open_chat_template
from tests.bot.prompt.template_layout import A, S, U, laid_out, opened
from tests.fakes.templates import DATED, GEMMA, LLAMA2, MISTRAL, QWEN


@pytest.mark.parametrize(
    ("source", "system", "late_system", "opens_with_user", "after"),
    [
        ("chatml", True, True, False, "<|im_end|>\n<|im_start|>user\n"),
        ("plain", True, True, False, "\n\n"),
        ("cutegpt", True, True, False, "\n问："),
        ("cutegpt-ift", True, True, False, "\n问："),
        ("alpaca", True, False, False, "\nUser:"),
        ("chinese-vicuna", True, False, False, "\n\nUser:"),
        ("chatglm", False, False, False, "\n[Round "),
        ("fujisaki", True, False, False, "\nInput: "),
        ("internlm2", True, True, False, "<|im_end|>\n<|im_start|>user\n"),
        ("xtuner", True, False, False, "</s>\n<s><|User|>:"),
        (GEMMA, False, False, True, "<end_of_turn>\n<start_of_turn>user\n"),
        (LLAMA2, True, False, True, " </s><s>[INST] "),
        (MISTRAL, False, False, True, "</s>[INST] "),
        (QWEN, True, False, False, "<|im_end|>\n<|im_start|>user\n"),
        (DATED, True, False, False, "<|im_end|>\n<|im_start|>user\n"),
    ],
    ids=[*BUILT_IN_TEMPLATES, "gemma", "llama2", "mistral", "qwen", "dated"],
)
def test_what_a_template_takes_is_found_out(
    source: str, system: bool, late_system: bool, opens_with_user: bool, after: str
) -> None:
    found = opened(source)
    assert (found.system, found.late_system, found.opens_with_user, found.after) == (
        system,
        late_system,
        opens_with_user,
        after,
    )


@pytest.mark.parametrize(
    ("source", "roles", "text"),
    [
        (
            "chatml",
            (S, U, A, U, S),
            "<|im_start|>system\n[0]<|im_end|>\n<|im_start|>user\n[1]<|im_end|>\n"
            "<|im_start|>assistant\n[2]<|im_end|>\n<|im_start|>user\n[3]<|im_end|>\n"
            "<|im_start|>system\n[4]<|im_end|>\n<|im_start|>assistant\n",
        ),
        ("plain", (S, U, A, U), "<s>[0]\n\n[1]\n\nMara:\n[2]\n\n[3]\n\nMara:\n"),
        ("cutegpt", (S, U, A, U), "[0]\n问：[1]\n答：[2]\n问：[3]\n答："),
        (
            GEMMA,
            (U, A, U),
            "<s><start_of_turn>user\n[0]<end_of_turn>\n<start_of_turn>model\n[1]<end_of_turn>\n"
            "<start_of_turn>user\n[2]<end_of_turn>\n<start_of_turn>model\n",
        ),
        (
            LLAMA2,
            (S, U, A, U),
            "<s>[INST] <<SYS>>\n[0]\n<</SYS>>\n\n[1] [/INST] [2] </s><s>[INST] [3] [/INST]",
        ),
        (MISTRAL, (U, A, U), "<s>[INST] [0][/INST] [1]</s>[INST] [2][/INST]"),
        (
            QWEN,
            (S, U),
            "<|im_start|>system\n[0]<|im_end|>\n<|im_start|>user\n[1]<|im_end|>\n"
            "<|im_start|>assistant\n<think>\n\n</think>\n\n",
        ),
        (
            DATED,
            (S, U, A, U),
            "<|im_start|>system\nToday: 2 digits\n[0]<|im_end|>\n<|im_start|>user\n[1]<|im_end|>\n"
            "<|im_start|>assistant\n[2]<|im_end|>\n<|im_start|>user\n[3]<|im_end|>\n<|im_start|>assistant\n",
        ),
    ],
    ids=["chatml", "plain", "cutegpt", "gemma", "llama2", "mistral", "qwen", "dated"],
)
def test_a_template_lays_a_conversation_out(source: str, roles: tuple[Role, ...], text: str) -> None:
    assert laid_out(source, *roles) == text


def test_without_an_answer_the_conversation_ends_with_its_last_turn() -> None:
    assert laid_out("cutegpt", U, A, answer=False) == "问：[0]\n答：[1]\n"


def test_templates_are_rendered_as_transformers_does_it() -> None:
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    plain = environment.from_string(QWEN).render(
        messages=[{"role": "user", "content": "[0]"}], add_generation_prompt=True, enable_thinking=False
    )
    assert laid_out(QWEN, U) == plain


@pytest.mark.parametrize(
    "source",
    [
        "{% for m in messages %}{{ 'U: ' if m.role == 'user' else 'A: ' }}{{ m.content }}\n{% endfor %}",
        "{{ messages[0].content }}{% for m in messages[1:] %}"
        "{{ 'U: ' if m.role == 'user' else 'A: ' }}{{ m.content }}\n{% endfor %}",
    ],
)
def test_a_late_system_turn_never_becomes_the_assistants(source: str) -> None:
    assert not opened(source).late_system


def test_a_missing_special_token_is_empty() -> None:
    source = "{% for m in messages %}{{ bos_token + m.content + eos_token }}{% endfor %}"
    assert open_chat_template(source, {}, "Mara").segments([U, A], answer=True) == [0, 1]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([S, U, A]), max_size=8),
    st.sampled_from([*BUILT_IN_TEMPLATES, GEMMA, LLAMA2, MISTRAL, QWEN, DATED]),
)
def test_any_conversation_keeps_its_turns_in_order_or_is_refused(roles: list[Role], source: str) -> None:
    template = opened(source)
    try:
        pieces = template.segments(roles, answer=True)
    except UserError:
        return
    assert [piece for piece in pieces if isinstance(piece, int)] == [*range(len(roles))]
