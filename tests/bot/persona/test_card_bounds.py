"""A card beyond a bound is refused with the field and the bound."""

import json

import pytest

from tests.bot.persona.test_card import card, complaint


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "x" * 101}, 'its field "name" is wrong: string should have at most 100 characters'),
        ({"nickname": "x" * 101}, 'its field "nickname" is wrong: string should have at most 100 characters'),
        (
            {"description": "x" * 100_001},
            'its field "description" is wrong: string should have at most 100000 characters',
        ),
        (
            {"creator_notes": "x" * 100_001},
            'its field "creator_notes" is wrong: string should have at most 100000 characters',
        ),
        (
            {"first_mes": "x" * 10_001},
            'its field "first_mes" is wrong: string should have at most 10000 characters',
        ),
        (
            {"alternate_greetings": ["x" * 10_001]},
            'its field "alternate_greetings" is wrong: string should have at most 10000 characters',
        ),
        (
            {"alternate_greetings": ["x"] * 201},
            'its field "alternate_greetings" is wrong: tuple should have at most 200 items',
        ),
        ({"tags": ["x"] * 201}, 'its field "tags" is wrong: tuple should have at most 200 items'),
        ({"x": [[]] * 200_000}, "it has more than 200,000 values"),
        ({"x": [{}] * 200_000}, "it has more than 200,000 values"),
        (
            {"scenario": "<BOT>" * 20_000, "nickname": "y" * 100},
            f'{"y" * 100}\'s "scenario" has more than 200,000 characters with its macros expanded: ',
        ),
        (
            {"system_prompt": "{{user}}" * 12_500},
            'M\'s "system_prompt" has more than 200,000 characters with its macros expanded: ',
        ),
        (
            {"mes_example": "<START>{{user}}" * 6000},
            'M\'s "mes_example" has more than ',
        ),
        (
            {"first_mes": "{{user}}" * 300},
            'M\'s "first_mes" has more than 10,000 characters with its macros expanded: ',
        ),
        (
            {"group_only_greetings": ["{{user}}" * 300]},
            'M\'s "group_only_greetings" has more than 10,000 characters with its macros expanded: ',
        ),
    ],
    ids=range(15),
)
def test_a_card_beyond_a_bound_is_refused_with_the_field_and_the_bound(
    fields: dict[str, object], said: str
) -> None:
    assert complaint(json.dumps({"name": "M", **fields})).startswith(said)


@pytest.mark.parametrize("field", ["name", "nickname"])
def test_a_name_may_have_a_hundred_characters(field: str) -> None:
    assert card(**{field: "x" * 100}).called == "x" * 100


def test_a_cards_text_may_be_as_long_as_those_of_the_largest_cards() -> None:
    texts = dict.fromkeys(
        ["description", "creator_notes", "mes_example", "system_prompt"], "x {{char}}" * 10_000
    )
    assert card(**texts, first_mes="y" * 10_000).description == texts["description"]
