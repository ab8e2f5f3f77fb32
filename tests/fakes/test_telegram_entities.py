"""The Telegram that tests talk to: entities of a call are kept, moved, dropped or refused as there."""

from typing import Any

import pytest

from tests.fakes.telegram.chat import User
from tests.fakes.telegram.markup import finish
from tests.fakes.telegram.refusal import Refusal

ANA = User(5, "Ana", "ana_ray")


def entity(kind: str, offset: int, length: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": length, **more}


def kept(text: str, *entities: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    return finish(text, list(entities), {5: ANA}, 4096, "too long")


@pytest.mark.parametrize(
    ("text", "given", "shown", "entities"),
    [
        ("😀 x", entity("bold", 3, 1), "😀 x", [entity("bold", 3, 1)]),
        ("  \n x", entity("bold", 4, 1), "x", [entity("bold", 0, 1)]),
        ("x  \n", entity("bold", 0, 4), "x", [entity("bold", 0, 1)]),
        ("  x", entity("pre", 0, 3), "x", [entity("pre", 0, 1)]),
        ("a  b", entity("bold", 1, 2), "a  b", []),
        ("a  b", entity("bold", 1, 3), "a  b", [entity("bold", 3, 1)]),
        ("a\r\nb\u202ec", entity("code", 3, 3), "a\nbc", [entity("code", 2, 2)]),
        ("x @ana_ray", entity("code", 0, 10), "x @ana_ray", [entity("code", 0, 10)]),
        ("x", entity("mention", 0, 1), "x", []),
        ("x", entity("text_link", 0, 1, url="nowhere"), "x", []),
        (
            "x",
            entity("text_link", 0, 1, url="tg://user?id=5"),
            "x",
            [entity("text_mention", 0, 1, user=ANA.wire())],
        ),
    ],
    ids=range(11),
)
def test_a_given_entity_is_kept_as_telegram_keeps_it(
    text: str, given: dict[str, Any], shown: str, entities: list[dict[str, Any]]
) -> None:
    assert kept(text, given) == (shown, entities)


@pytest.mark.parametrize(
    "entities",
    [
        [entity("bolder", 0, 1)],
        [entity("bold", 0, 9)],
        [entity("bold", -1, 1)],
        [entity("text_link", 0, 1)],
        [entity("bold", 0, 2), entity("italic", 1, 2)],
    ],
    ids=["unknown", "outside", "before", "no address", "crossed"],
)
def test_a_bad_entity_is_refused(entities: list[dict[str, Any]]) -> None:
    with pytest.raises(Refusal, match="can't parse entities"):
        kept("abc", *entities)


def test_formats_in_code_and_entities_past_a_hundred_are_dropped() -> None:
    assert kept("abc", entity("code", 0, 3), entity("bold", 1, 1)) == ("abc", [entity("code", 0, 3)])
    many = [entity("bold", 2 * number, 1) for number in range(120)]
    assert len(kept("a " * 120, *many)[1]) == 100
