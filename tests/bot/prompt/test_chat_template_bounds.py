"""The work of a chat template is counted, and refused before it grows, whatever the template says."""

import re
import tracemalloc
from contextlib import suppress

import jinja2.sandbox
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import UserError
from bot.prompt import template_layout
from bot.prompt.chat_template import BUILT_IN_TEMPLATES, Role, open_chat_template
from bot.prompt.template_meter import Meter
from bot.prompt.template_sandbox import GenerationTag
from tests.bot.prompt.template_layout import LOOP, SPECIAL, A, S, U, complaint, laid_out, opened
from tests.fakes.template_bombs import BOMBS
from tests.fakes.template_grammar import statement
from tests.fakes.templates import DATED, GEMMA, LLAMA2, MISTRAL, QWEN, TOOLS

LARGEST = 40 << 20  # bytes that a run may take at its highest


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_before_it_takes_memory_or_steps(bomb: str, meters: list[Meter]) -> None:
    tracemalloc.start()
    try:
        found = complaint(LOOP + BOMBS[bomb], U, A, U, A, U, A)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.startswith("The chat template ")
    assert len(found) < 400
    assert peak < LARGEST
    assert all(count.steps < 2 * count.most_steps for count in meters)


@pytest.mark.parametrize("word", ["a", "m", "loop", "'x'", "1", "[1]"])
@pytest.mark.parametrize("size", [100, 10_000])
def test_a_template_is_compiled_without_folding_what_it_says(word: str, size: int) -> None:
    source = LOOP + "{% if false %}{{ " + "*".join([f"'a'*{size}", *["9999"] * 3]) + " }}{% endif %}" + word
    tracemalloc.start()
    try:
        assert laid_out(source, U) == f"[0]{word}"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < LARGEST


def test_a_refusal_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    source, runs = LOOP + "{{ 'a' * 123456789 }}", list[object]()
    render = template_layout._render
    monkeypatch.setattr(template_layout, "_render", lambda *args: (runs.append(args), render(*args))[1])
    for _ in range(5):
        complaint(source)
    assert len(runs) == len({str(args[2:]) for args in runs})  # type: ignore[index]


@pytest.mark.parametrize("digits", [1, 9, 10, 5000])
def test_a_template_that_writes_the_mark_of_a_turn_is_refused_or_keeps_it_as_text(digits: int) -> None:
    source = LOOP + "\ue000" + "9" * digits + "\ue001"
    if digits < 10:
        assert complaint(source).startswith("The chat template drops or reorders turns")
    else:
        assert laid_out(source, U) == source.replace(LOOP, "[0]")


def test_a_source_beyond_all_measure_is_refused() -> None:
    assert complaint(LOOP + "x" * 100_000) == (
        "The chat template has more than 100,000 characters: shorten it, or set model.template to one of "
        f"{', '.join(BUILT_IN_TEMPLATES)}."
    )


def as_before(source: str, roles: list[Role], answer: bool) -> str | None:
    """The text of a sandbox of Jinja's own, which bounds nothing; None where it refuses."""
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[GenerationTag, "jinja2.ext.loopcontrols"]
    )
    functions = {"raise_exception": template_layout._refuse, "strftime_now": template_layout._now}
    try:
        return environment.from_string(source, functions).render(
            messages=[{"role": role, "content": f"[{index}]"} for index, role in enumerate(roles)],
            add_generation_prompt=answer,
            enable_thinking=False,
            tools=None,
            documents=None,
            char="Mara",
            **SPECIAL,
        )
    except jinja2.TemplateError:
        assert source != TOOLS
        return None


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.sampled_from([S, U, A]), max_size=6),
    st.booleans(),
    st.sampled_from([*BUILT_IN_TEMPLATES.values(), GEMMA, LLAMA2, MISTRAL, QWEN, DATED, TOOLS]),
)
def test_a_models_template_renders_as_without_bounds(roles: list[Role], answer: bool, source: str) -> None:
    before = as_before(source, roles, answer)
    if before is not None and re.findall(r"\[(\d)\]", before) == [str(n) for n in range(len(roles))]:
        assert laid_out(source, *roles, answer=answer) == before


def test_a_models_template_lays_out_the_longest_history() -> None:
    for source in (*BUILT_IN_TEMPLATES.values(), GEMMA, LLAMA2, MISTRAL, QWEN, DATED, TOOLS):
        roles: list[Role] = [U, A] * 1000
        pieces = opened(source).segments(roles, answer=True)
        assert [piece for piece in pieces if isinstance(piece, int)] == [*range(2000)]


@settings(deadline=None, max_examples=10)
@given(statement)
def test_no_template_of_the_grammar_takes_more_than_its_bounds(text: str) -> None:
    source = (
        "{% set n = namespace(x='ab') %}{% set x = 'ab' %}{% for i in range(9999) %}"
        + text
        + "{% endfor %}"
        + LOOP
    )
    tracemalloc.start()
    try:
        with suppress(UserError):
            opened(source).segments([U, A, U, A, U, A], answer=True)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < LARGEST


@pytest.fixture
def meters(monkeypatch: pytest.MonkeyPatch) -> list[Meter]:
    """The meters of all runs of a test."""
    found, made = list[Meter](), Meter.__init__

    def note(count: Meter, turns: int) -> None:
        made(count, turns)
        found.append(count)

    monkeypatch.setattr(Meter, "__init__", note)
    return found


def test_the_bounds_of_a_run_grow_with_its_turns_up_to_an_end() -> None:
    assert [Meter(turns).most_steps for turns in (0, 1000, 10**9)] == [50_000, 550_000, 2_000_000]


def test_templates_share_a_layout_whatever_the_persona_is_called() -> None:
    pieces = [open_chat_template("plain", SPECIAL, name).segments([U, A], True) for name in ("Mara", "Oda")]
    assert pieces[0] == pieces[1]
