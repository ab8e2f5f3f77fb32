"""The words of a piece of HTML."""

import pytest

from training.importers.reading.html_text import html_words, unescape


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("plain words &amp; 2 &lt; 3", "plain words & 2 < 3"),
        ("<p>Hello <a href='x'>@<span>ana</span></a></p><p>two<br/>three</p>", "Hello @ana\n\ntwo\nthree"),
        ("a  \n b<br>\n c", "a b\nc"),
        ("<style>a { b: c }</style>seen<script>if (1 < 2) run()</script>", "seen"),
        ("<!-- a > b --c -->seen<!-- no end", "seen"),
        ('<img alt="a > b">seen', "seen"),
        ("1 < 2 and <3", "1 < 2 and <3"),
        ("", ""),
    ],
)
def test_html_gives_its_words(source: str, words: str) -> None:
    assert html_words(source) == words


def test_elements_that_are_left_out_take_what_lies_in_them_along() -> None:
    source = "<quote><legacyquote>[1]</legacyquote>old <quote>older</quote> old</quote>new <QUOTE>x</QUOTE>"
    assert html_words(source, frozenset(("quote",))) == "new"


def test_an_element_without_an_end_is_left_out_to_the_end_of_the_text() -> None:
    assert html_words("new <quote>old", frozenset(("quote",))) == "new"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("&lt;&#65;&#x42;&#67 &amp;#65;", "<ABC &#65;"),
        ("&#1114112;", "\ufffd"),
        (f"x &#{'1' * 5000}; y", "x \ufffd y"),
        (f"x &#X{'a' * 5000} y", "x \ufffd y"),
        (f"x &#{'1' * 5000}a", "x \ufffda"),
    ],
)
def test_a_reference_of_too_many_digits_is_a_replacement_character(text: str, shown: str) -> None:
    assert unescape(text) == shown
