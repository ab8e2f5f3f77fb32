"""Markdown becomes plain text with spans: formats for platforms that know no marks, and nothing is lost."""

import pytest

from bot.text.formatted_text import FormattedText
from bot.text.markdown_text import parse_markdown

Spans = list[tuple[str, str] | tuple[str, str, str]]


def shown(parsed: FormattedText) -> Spans:
    """Each span's kind, characters, and argument if there is one."""
    text = parsed.text
    return [
        (s.kind, text[s.start : s.end], s.argument) if s.argument else (s.kind, text[s.start : s.end])
        for s in parsed.spans
    ]


@pytest.mark.parametrize(
    ("source", "text", "spans"),
    [
        pytest.param(
            "**Bold** and `code`\n```py\nx = 1\n```\n[link](https://a.example)",
            "Bold and code\nx = 1\nlink",
            [
                ("bold", "Bold"),
                ("code", "code"),
                ("pre", "x = 1", "py"),
                ("text_link", "link", "https://a.example"),
            ],
            id="nalgeon/pokitoki#33; AstrBotDevs/AstrBot#907; nearai/ironclaw#7072",
        ),
        ("*waves* hi", "waves hi", [("italic", "waves")]),
        ("_waves_ __under__ ~~gone~~ ||secret||", "waves under gone secret", [
            ("italic", "waves"), ("underline", "under"), ("strikethrough", "gone"), ("spoiler", "secret"),
        ]),
        ("**ไทย!**ครับ **ລາວ!**ດີ **ខ្មែរ!**បាទ **(မြန်)**မာ", "ไทย!ครับ ລາວ!ດີ ខ្មែរ!បាទ (မြန်)မာ", [
            ("bold", "ไทย!"), ("bold", "ລາວ!"), ("bold", "ខ្មែរ!"), ("bold", "(မြန်)"),
        ]),
        ("*(laughs)*Yes", "(laughs)Yes", [("italic", "(laughs)")]),
        ("*sighs.*Well", "sighs.Well", [("italic", "sighs.")]),
        ("**Q:**what **A:**that", "Q:what A:that", [("bold", "Q:"), ("bold", "A:")]),
        ("It was || the butler ||.", "It was  the butler .", [("spoiler", " the butler ")]),
        ("Use `x`: ```py\nprint(1)\n```", "Use x:\nprint(1)", [("code", "x"), ("pre", "print(1)", "py")]),
        ("***both***", "both", [("bold", "both"), ("italic", "both")]),
        ("***a** b*", "a b", [("italic", "a b"), ("bold", "a")]),
        ("*a **b***", "a b", [("italic", "a b"), ("bold", "b")]),
        ("**bold `code` more**", "bold code more", [("bold", "bold "), ("code", "code"), ("bold", " more")]),
        ("**「好」**后 这是*重点*内容", "「好」后 这是重点内容", [("bold", "「好」"), ("italic", "重点")]),
        ("**B**old, *un*likely", "Bold, unlikely", [("bold", "B"), ("italic", "un")]),
        ('"*quoted*", (_so_)', '"quoted", (so)', [("italic", "quoted"), ("italic", "so")]),
    ],
)  # fmt: skip
def test_marks_become_formats(source: str, text: str, spans: Spans) -> None:
    parsed = parse_markdown(source)
    assert (parsed.text, shown(parsed)) == (text, spans)


@pytest.mark.parametrize(
    "text",
    [
        "2*3*4 and 5 * 6 * 7",
        "x**2 + y**2",
        "x*y*z or sh*t and f*ck",
        "f(*args, **kwargs)",
        "snake_case_name and other_name",
        "obj.__class__ and __init__()",
        "¯\\_(ツ)_/¯ and ¯\\_(ツ)_/¯",
        "-_- hm ^_^ >_< *_* -_-",
        "T_T o_O T_T",
        "a || b || c",
        "if (a || b) and (c || d)",
        "a * b * c",
        "2*3*4",
        "x = a.*b and c.*d",
        "~ so ~ or ~so~",
        "an open **mark and *another",
        "an open `tick and a [bracket](",
        "a scene\n***\nand another\n---\nend",
        "* one is this\n* two is that",
        "- one\n- two\n1. first\n2) second",
        "#hashtag and # sign",
        ">:( and >_<\n>be me",
        "a | b\nno table",
        "**** and ____",
        "[OOC: words] and [1]",
        "3 < 4 & <b>raw</b> &amp; &lt;",
        "https://x.example/a_b_c/*d*?e=__f__",
        "me_you_they@x.example",
        "$a_1 + b_2$",
    ],
)
def test_what_is_no_formatting_stays_as_characters(text: str) -> None:
    assert parse_markdown(text) == FormattedText(text)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"\*no\* \_marks\_ \`here\` \# 1\. \~\|\[x\]", "*no* _marks_ `here` # 1. ~|[x]"),
        (r"a \\ b", r"a \ b"),
        (r"C:\new \alpha \(x\)", r"C:\new \alpha \(x\)"),
        ("one\\\ntwo", "one\ntwo"),
    ],
)
def test_escaped_signs_lose_their_backslash_alone(source: str, text: str) -> None:
    assert parse_markdown(source) == FormattedText(text)


@pytest.mark.parametrize(
    ("source", "code", "language"),
    [
        ("```py\n  x = 1\n\n  **y** `z` \\*\n```", "  x = 1\n\n  **y** `z` \\*", "py"),
        ("```\nplain\n```", "plain", ""),
        ("```c++\na\n```", "a", "c++"),
        ("```py\nx = 1```", "x = 1", "py"),
        ("````md\n```py\nx\n```\n````", "```py\nx\n```", "md"),
        ("   ```py\n   x\n     y\n   ```", "x\n  y", "py"),
        ("~~~py\nx = `1`\n~~~", "x = `1`", "py"),
        ("```js\nnever closed", "never closed", "js"),
        ("```two words\nx\n```", "two words\nx", ""),
    ],
)
def test_fenced_code_stays_exactly_as_it_is(source: str, code: str, language: str) -> None:
    parsed = parse_markdown(source)
    assert parsed.text == code
    assert [(s.kind, s.start, s.end, s.argument) for s in parsed.spans] == [("pre", 0, len(code), language)]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("`a * b`", "a * b"),
        ("`` a`b ``", "a`b"),
        ("`` `a` ``", "`a`"),
        ("`\\*x*`", "\\*x*"),
        ("```x y```", "x y"),
    ],
)
def test_inline_code_stays_exactly_as_it_is(source: str, code: str) -> None:
    assert shown(parse_markdown(source)) == [("code", code)]


@pytest.mark.parametrize(
    ("source", "text", "spans"),
    [
        ("# Big *news*\ntext", "Big news\ntext", [("bold", "Big news"), ("italic", "news")]),
        ("###### **Small** ##", "Small", [("bold", "Small")]),
        ("# C#", "C#", [("bold", "C#")]),
        ("> one *two*\n>\n> three\nend", "one two\n\nthree\nend", [
            ("blockquote", "one two\n\nthree"), ("italic", "two"),
        ]),
        ("> > deep\n> ```py\n> x\n> ```", "deep\nx", [("blockquote", "deep\nx"), ("pre", "x", "py")]),
        ("a ```js\nlet x\n``` b", "a\nlet x\nb", [("pre", "let x", "js")]),
        ("- **one**\n  - *two*", "- one\n  - two", [("bold", "one"), ("italic", "two")]),
    ],
)  # fmt: skip
def test_headings_quotes_and_lists(source: str, text: str, spans: Spans) -> None:
    parsed = parse_markdown(source)
    assert (parsed.text, shown(parsed)) == (text, spans)


def test_a_table_becomes_aligned_columns() -> None:
    source = "| Name | Nr |\n|:---|---:|\n| 漢字 | 1 |\n| **Bo** `x` | 20 |\n| [a](https://b.example) |\nend"
    parsed = parse_markdown(source)
    assert parsed.text == (
        "Name                  | Nr\n"
        "----------------------+---\n"
        "漢字                  |  1\n"
        "Bo x                  | 20\n"
        "a (https://b.example)\n"
        "end"
    )
    assert shown(parsed) == [("pre", parsed.text.removesuffix("\nend"))]


def test_a_wide_table_does_not_grow_without_bounds() -> None:
    wide = "|".join(["x" * 60] * 100) + "\n" + "|".join(["-"] * 100) + ("\n" + "|" * 99) * 100
    small = f"| {'x' * 50} | b |\n|---|---|\n" + "|y|z|\n" * 20 + "\n"
    for source in (wide, small * 100):
        assert len(parse_markdown(source).text) < 2.5 * len(source) + 4000
    assert len(parse_markdown(small).text) > 3 * len(small)


@pytest.mark.parametrize(
    ("source", "text", "spans"),
    [
        ("[a](https://x.example/b_(c)?d=1)", "a", [("text_link", "a", "https://x.example/b_(c)?d=1")]),
        ('[a](<https://x.example> "title")', "a", [("text_link", "a", "https://x.example")]),
        ("![alt](https://x.example/i.png)", "alt", [("text_link", "alt", "https://x.example/i.png")]),
        ("[x.example](https://x.example/)", "x.example", [("text_link", "x.example", "https://x.example/")]),
        ("[](https://x.example)", "https://x.example", []),
        ("<https://x.example>", "https://x.example", []),
        ("[**b** `c`](https://x.example)", "b c", [("text_link", "b c", "https://x.example"), ("bold", "b")]),
        ("[https://good.example](https://evil.example)", "https://good.example (https://evil.example)", []),
        ("[my bank.com](https://evil.example)", "my bank.com (https://evil.example)", []),
        ("[@ana](https://evil.example)", "@ana", [("text_link", "@ana", "https://evil.example")]),
        ("[Ana](tg://user?id=5)", "Ana (tg://user?id=5)", []),
        ("[a](javascript:alert)", "a (javascript:alert)", []),
        ("[a](https://good.example@evil.example)", "a (https://good.example@evil.example)", []),
        ("[a](https://еvil.example)", "a (https://еvil.example)", []),
        ("[a](https://localhost)", "a (https://localhost)", []),
        ("[a] (https://x.example)", "[a] (https://x.example)", []),
    ],
)
def test_links_lead_where_their_words_say_or_show_their_address(source: str, text: str, spans: Spans) -> None:
    parsed = parse_markdown(source)
    assert (parsed.text, shown(parsed)) == (text, spans)


@pytest.mark.parametrize("text", ["****", "```\n```", "`` ``", "|||", "> ", "#"])
def test_marks_alone_stay_as_they_are(text: str) -> None:
    assert parse_markdown(text) == FormattedText(text)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("See [a", "See a"),
        ("See [the port]", "See the port"),
        ("```py\nx = a[1", "x = a[1"),
        ("so `a[1", "so a[1"),
        ("|a|b|\n|-|-|\n|**1", "a | b\n--+--\n1"),
        ("|a|b|\n|-|-|\n|x|`y", "a | b\n--+--\nx | y"),
    ],
)
def test_a_growing_text_shows_neither_half_a_link_nor_a_cells_open_mark(source: str, text: str) -> None:
    assert parse_markdown(source, is_growing=True).text == text
