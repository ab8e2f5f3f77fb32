"""Names as people type them, found among known ones."""

import pytest

from bot.text.known_names import NameMatch, contains_name, find_name, find_whole_name

KNOWN = {
    "mara": ("Mara Quill", "the keeper"),
    "marina": ("Marina",),
    "ozzo": ("Ozzo", "bellhop"),
    "xiaoman": ("小满",),
    "jose": ("José O’Neill",),
    "ga": ("がく",),
    "ka": ("かく",),
    "olga": ("Ольга Петровна",),
    "twin1": ("Twin",),
    "twin2": ("Twin",),
}


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("mara", "mara"),
        ("MARA QUILL", "mara"),
        ("  Mara \u00a0 Quill ", "mara"),
        ("“Mara Quill”", "mara"),
        ("„mara quill“", "mara"),
        ("«Mara Quill»", "mara"),
        ("「小满」", "xiaoman"),
        ("'Mara Quill'", "mara"),
        ("@Mara,", "mara"),
        ("Mara Quill!", "mara"),
        ("mara-quill", "mara"),
        ("Ｍａｒａ", "mara"),
        ("ＭＡＲＡ　ＱＵＩＬＬ", "mara"),
        ("mara q", "mara"),
        ("quill", "mara"),
        ("keeper", "mara"),
        ("oz", "ozzo"),
        ("Bell", "ozzo"),
        ("小", "xiaoman"),
        ("小满", "xiaoman"),
        ("jose oneill", "jose"),
        ("JOSÉ O'NEILL", "jose"),
        ("ОЛЬГА", "olga"),
        ("петровна", "olga"),
        ("がく", "ga"),
        ("かく", "ka"),
        ("TWIN2", "twin2"),
    ],
)
def test_a_name_is_found_however_it_is_typed(typed: str, key: str) -> None:
    assert find_name(typed, KNOWN) == NameMatch((key,))


@pytest.mark.parametrize(
    ("typed", "match"),
    [
        ("mar", NameMatch(("mara", "marina"))),
        ("twin", NameMatch(("twin1", "twin2"))),
        ("mraa", NameMatch((), ("mara",))),
        ("ozo", NameMatch((), ("ozzo",))),
        ("bellhob", NameMatch((), ("ozzo",))),
        ("zed", NameMatch(())),
        ("", NameMatch(())),
        ("“”", NameMatch(())),
        ("x" * 10_000, NameMatch(())),
    ],
)
def test_what_fits_several_or_none_is_told_with_those_who_are_near(typed: str, match: NameMatch) -> None:
    assert find_name(typed, KNOWN) == match


def test_a_whole_name_goes_before_a_beginning_and_a_key_before_a_name() -> None:
    known = {"ana": ("Ana",), "anabel": ("Anabel", "Ana Bel"), "other": ("anabel",)}
    assert find_name("Ana", known).key == "ana"
    assert find_name("Anabel", known).key == "anabel"


@pytest.mark.parametrize(("typed", "key"), [("ON!", "on"), ("“an”", "on"), ("o", None), ("", None)])
def test_a_whole_name_is_no_beginning(typed: str, key: str | None) -> None:
    assert find_whole_name(typed, {"on": ("an",), "off": ()}) == key


@pytest.mark.parametrize(("typed", "contained"), [("", True), ("QUI", True), ("ara q", True), ("quo", False)])
def test_a_part_of_a_name_is_enough_to_propose_it(typed: str, contained: bool) -> None:
    assert contains_name(typed, ("mara", "Mara Quill")) is contained
