"""The bot refuses a chat template or a conversation that does not work, and says why."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import UserError
from bot.prompt.chat_template import BUILT_IN_TEMPLATES, Role
from tests.bot.prompt.template_layout import LOOP, A, S, U, complaint, opened
from tests.fakes.templates import DATED, GEMMA, MISTRAL, QWEN

NAMES = ", ".join(BUILT_IN_TEMPLATES)


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
        ("chatlm", f"There is no chat template 'chatlm': write Jinja, or one of {NAMES}."),
        ("", f"There is no chat template '': write Jinja, or one of {NAMES}."),
    ],
)
def test_what_is_no_template_is_refused_with_the_way_out(source: str, said: str) -> None:
    found = complaint(source)
    assert found.startswith(said)
    assert f"{NAMES}." in found


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
