"""The Telegram that tests talk to: HTML and MarkdownV2 become text and entities."""

import html
import re
from contextlib import suppress

import pytest
from hypothesis import given, strategies

from tests.fakes.telegram.html import parse_html
from tests.fakes.telegram.markdown import parse_markdown
from tests.fakes.telegram.refusal import Refusal
from tests.fakes.telegram.text import detect, units

L = "🏮 🏮"  # 9 bytes, 5 units


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("a &lt;b&gt; &amp; &quot;c&quot; &copy;", 'a <b> & "c" &copy;', []),
        (f"{L}<b>x<i>y</i></b>", f"{L}xy", [("bold", 5, 2), ("italic", 6, 1)]),
        ("<b></b>x</", None, []),
        ("<STRONG>x</strong>", "x", [("bold", 0, 1)]),
        (
            "<u>x</u><s>y</s><tg-spoiler>z</>",
            "xyz",
            [("underline", 0, 1), ("strikethrough", 1, 1), ("spoiler", 2, 1)],
        ),
        ("<span class='tg-spoiler'>x</span>", "x", [("spoiler", 0, 1)]),
        ('<pre><code class="language-c">x</code></pre>', "x", [("pre", 0, 1)]),
        ("<blockquote expandable>x</blockquote>", "x", [("expandable_blockquote", 0, 1)]),
        ("<a href='example.org'>x</a><a>nowhere</a>", "xnowhere", [("text_link", 0, 1)]),
        ("<a href='tg://user?id=5'>x</a>", "x", [("text_mention", 0, 1)]),
        ("&#65;&#x1F600;", "A😀", []),
    ],
)
def test_html_becomes_text_and_entities(
    source: str, text: str | None, entities: list[tuple[str, int, int]]
) -> None:
    if text is None:
        with pytest.raises(Refusal):
            parse_html(source)
        return
    found, marked = parse_html(source)
    assert (found, [(e["type"], e["offset"], e["length"]) for e in marked]) == (text, entities)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (f"{L}<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        (f"{L}<lamp>x", 'Unsupported start tag "lamp" at byte offset 9'),
        ("1 < 2", 'Unsupported start tag "" at byte offset 2'),
        (f"{L}<b", "Unclosed start tag at byte offset 9"),
        (f"{L}<b x=", 'Unclosed start tag "b" at byte offset 9'),
        (f"{L}<b x='", "Unclosed start tag at byte offset 9"),
        (f"{L}<b =x>", 'Empty attribute name in the tag "b" at byte offset 9'),
        (f"{L}</b>", "Unexpected end tag at byte offset 9"),
        (f"{L}<b>x</b", "Unclosed end tag at byte offset 13"),
        (f"{L}<b>x</i>", 'Unmatched end tag at byte offset 13, expected "</b>", found "</i>"'),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
def test_broken_html_is_refused_in_telegrams_words(source: str, reason: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_html(source)
    assert str(caught.value) == f"Bad Request: can't parse entities: {reason}"


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        (r"1\. \*x\* \\", r"1. *x* \ ".strip(), []),
        (f"{L}*x _y_*", f"{L}x y", [("bold", 5, 3), ("italic", 7, 1)]),
        ("_x __y___", "x y", [("italic", 0, 3), ("underline", 2, 1)]),
        ("~x~||y||", "xy", [("strikethrough", 0, 1), ("spoiler", 1, 1)]),
        ("`a*b.` ```py\nx=1```", "a*b. x=1", [("code", 0, 4), ("pre", 5, 3)]),
        ("[x](https://example\\.org/a?b\\)) [y](nowhere)", "x y", [("text_link", 0, 1)]),
        ("[x](tg://user?id=5)", "x", [("text_mention", 0, 1)]),
        ("![👍](tg://emoji?id=25)", "👍", [("custom_emoji", 0, 2)]),
        ("a\n>b\n>c\nd", "a\nb\nc\nd", [("blockquote", 2, 4)]),
        ("**>a\n>b||", "a\nb", [("expandable_blockquote", 0, 3)]),
    ],
)
def test_markdown_becomes_text_and_entities(
    source: str, text: str, entities: list[tuple[str, int, int]]
) -> None:
    found, marked = parse_markdown(source)
    assert (found, [(e["type"], e["offset"], e["length"]) for e in marked]) == (text, entities)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        *(
            (f"x{sign}", f"Character '{sign}' is reserved and must be escaped with the preceding '\\'")
            for sign in "]()>#+-=|{}.!"
        ),
        (f"{L}*x", "Can't find end of Bold entity at byte offset 9"),
        (f"{L}_x __", "Can't find end of Underline entity at byte offset 12"),
        (f"{L}`x", "Can't find end of Code entity at byte offset 9"),
        (f"{L}```x", "Can't find end of Pre entity at byte offset 9"),
        (f"{L}```x y", "Can't find end of PreCode entity at byte offset 9"),
        (f"{L}||x", "Can't find end of Spoiler entity at byte offset 9"),
        (f"{L}[x", "Can't find end of TextUrl entity at byte offset 9"),
        (f"{L}[x](y", "Can't find end of a URL at byte offset 13"),
        ("![x]", "Custom emoji entity must contain a tg://emoji URL"),
        (">*x\ny*", "Can't find end of Bold entity at byte offset 1"),
    ],
)
def test_broken_markdown_is_refused_in_telegrams_words(source: str, reason: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_markdown(source)
    assert str(caught.value) == f"Bad Request: can't parse entities: {reason}"


@given(strategies.text())
def test_escaped_html_comes_back_as_it_was(words: str) -> None:
    assert parse_html(html.escape(words)) == (words, [])


@given(strategies.text())
def test_escaped_markdown_comes_back_as_it_was(words: str) -> None:
    assert parse_markdown(re.sub(r"([_*\[\]()~`>#+\-=|{}.!\\])", r"\\\1", words)) == (words, [])


@given(strategies.text(alphabet="<>&/ab;=\"'# ") | strategies.text(alphabet="_*[]()~`>|!\\\n ab"))
def test_any_markup_is_parsed_or_refused(words: str) -> None:
    for parse in (parse_html, parse_markdown):
        with suppress(Refusal):
            found, entities = parse(words)
            assert all(0 <= e["offset"] < e["offset"] + e["length"] <= units(found) for e in entities)


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        ("write to a.b@example.org", ["email"]),
        ("see https://example.org/a_b?c=@d, ok", ["url"]),
        ("a/b x@y /no/path", []),
        ("@ab @abc #one #1", ["mention", "hashtag"]),
    ],
)
def test_what_telegram_finds_by_itself(words: str, kinds: list[str]) -> None:
    assert [entity["type"] for entity in detect(words, [])] == kinds
