"""Chat templates of every family: what they take is found out by trying, and what they refuse is said."""

from pathlib import Path

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import UserError
from bot.prompt.chat_template import BUILT_IN_TEMPLATES, Role, Template, open_chat_template
from tests.fakes.templates import DATED, GEMMA, LLAMA2, MISTRAL, QWEN

SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}
S, U, A = "system", "user", "assistant"


def opened(source: str) -> Template:
    return open_chat_template(source, SPECIAL, "Mara")


def laid_out(source: str, *roles: Role, answer: bool = True) -> str:
    """A whole conversation, each turn's content shown as its number in brackets."""
    pieces = opened(source).segments(roles, answer)
    return "".join(piece if isinstance(piece, str) else f"[{piece}]" for piece in pieces)


def complaint(source: str, *roles: Role) -> str:
    with pytest.raises(UserError) as caught:
        opened(source).segments(roles, answer=True)
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "system", "late_system", "opens_with_user", "after"),
    [
        ("chatml", True, True, False, "<|im_end|>\n<|im_start|>user\n"),
        ("plain", True, True, False, "\n\n"),
        ("cutegpt", True, True, False, "\n问："),
        (GEMMA, False, False, True, "<end_of_turn>\n<start_of_turn>user\n"),
        (LLAMA2, True, False, True, " </s><s>[INST] "),
        (MISTRAL, False, False, True, "</s>[INST] "),
        (QWEN, True, False, False, "<|im_end|>\n<|im_start|>user\n"),
        (DATED, True, False, False, "<|im_end|>\n<|im_start|>user\n"),
    ],
    ids=["chatml", "plain", "cutegpt", "gemma", "llama2", "mistral", "qwen", "dated"],
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
    ("source", "roles", "said"),
    [
        (GEMMA, (S, U), "refuses this conversation: System role not supported."),
        (GEMMA, (U, U), "refuses this conversation: Conversation roles must alternate user/assistant"),
        (QWEN, (U, S), "refuses this conversation: System message must be at the beginning.."),
        (DATED, (U, A, S), "drops or reorders turns: set model.template to another one."),
        (MISTRAL, (S, U, A, U), "drops or reorders turns: set model.template to another one."),
    ],
)
def test_a_conversation_that_a_template_cannot_hold_is_refused(
    source: str, roles: tuple[Role, ...], said: str
) -> None:
    assert complaint(source, *roles).startswith(f"The chat template {said}")


LOOP = "{% for m in messages %}{{ m.content }}{% endfor %}"


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages[-1].content }}",
        "{{ messages | length }}",
        LOOP + LOOP,
        "{% for m in messages | reverse %}{{ m.content }}{% endfor %}",
        "{% for m in messages %}{{ m.content | tojson }}{% endfor %}",
        "{% for m in messages %}{{ m.content[1:] }}{% endfor %}",
        "{# nothing #}",
    ],
)
def test_a_template_that_drops_repeats_or_moves_turns_is_refused(source: str) -> None:
    assert complaint(source) == (
        "The chat template drops or reorders turns: set model.template to another one."
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{% for m in", "The chat template is not valid Jinja (unexpected 'end of template')"),
        ("{{ x | nosuch }}", "The chat template is not valid Jinja (No filter named 'nosuch'.)"),
        ("{% nosuch %}", "The chat template is not valid Jinja (Encountered unknown tag 'nosuch'."),
        ("{{" + "(" * 5000, "The chat template is not valid Jinja (RecursionError)"),
        (
            "{% for m in messages %}" * 25 + "{% endfor %}" * 25,
            "The chat template is not valid Jinja (SyntaxError)",
        ),
        ("chatlm", "There is no chat template 'chatlm': write Jinja, or one of chatml, plain, cutegpt."),
        ("", "There is no chat template '': write Jinja, or one of chatml, plain, cutegpt."),
    ],
)
def test_what_is_no_template_is_refused_with_the_way_out(source: str, said: str) -> None:
    found = complaint(source)
    assert found.startswith(said)
    assert "chatml, plain, cutegpt." in found


@pytest.mark.parametrize(
    "fault",
    [
        "{{ 1 / 0 }}",
        "{{ nosuch.thing }}",
        "{{ nosuch() }}",
        "{{ 'a' + 1 }}",
        "{{ messages[0]['content'].nosuch() }}",
        "{{ {}['a'].b }}",
        "{{ range(10**9) }}",
        "{% include 'file' %}",
        "{% import 'os' as os %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    ],
)
def test_a_template_that_fails_is_refused(fault: str) -> None:
    assert complaint(LOOP + fault).startswith("The chat template refuses this conversation: ")


@pytest.mark.parametrize(
    "escape",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''['__class__']['__base__'] }}",
        "{{ '{0.__class__.__init__.__globals__}'.format(cycler) }}",
        "{{ cycler.__init__.__globals__.os.popen('touch CANARY').read() }}",
        "{{ self.__init__.__globals__.__builtins__.open('CANARY', 'w') }}",
        "{{ raise_exception.__globals__['datetime'] }}",
        "{{ strftime_now.__globals__.time }}",
        "{{ lipsum.__globals__['os'].mkdir('CANARY') }}",
        "{{ (messages | map('length')).gi_frame.f_globals }}",
        "{{ messages.append(1) }}",
        "{{ messages.clear() }}",
        "{{ messages[0].update(role='user') }}",
    ],
)
def test_no_template_leaves_the_sandbox(escape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = complaint(LOOP + escape.replace("CANARY", str(tmp_path / "canary")))
    assert found.startswith("The chat template refuses this conversation: ")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    "attempt",
    [
        "{{ ''.__class__ }}",
        "{{ '' | attr('__class__') }}",
        "{{ ['', ''] | map(attribute='__class__') | join }}",
        "{{ ('{0.__class__}' | attr('format'))(1) }}",
        "{% set found = ''.__class__ %}",
    ],
)
def test_what_the_sandbox_hides_is_empty(attempt: str) -> None:
    assert laid_out(LOOP + attempt, U, A) == "[0][1]"


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


PIECES = [
    "{{",
    "}}",
    "{%",
    "%}",
    " m.content ",
    "for m in messages",
    "endfor",
    "if",
    "m.role",
    " == ",
    "'user'",
    "[",
    "(",
]


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=2), max_size=12).map(" ".join))
def test_any_text_is_a_template_or_refused(source: str) -> None:
    try:
        opened(source)
    except UserError:
        return


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
