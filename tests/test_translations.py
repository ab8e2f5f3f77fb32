"""Each page and its translation have the same headings, commands, figures and links."""

from collections import Counter

import pytest

from tests.pages import Section, read_sections
from tests.paths import ROOT

TRANSLATED = ("README", "docs/ancestors")
LANGUAGE = ".zh-CN"
PAGE = """# Title

[other](README.zh-CN.md)

Two words, `make talk`, 1,000 of 3.5.

```
make talk  # talks
```

| a | b |
|---|---|
| `x` | [y](z.md) |

- item
"""


def sections(page: str) -> list[Section]:
    """Return the sections of a page, with links to translations as if they led to the page itself."""
    found = read_sections(page)
    for section in found:
        section.links = Counter({link.replace(LANGUAGE, ""): n for link, n in section.links.items()})
    return found


def read(name: str) -> str:
    return (ROOT / f"{name}.md").read_text()


@pytest.mark.parametrize("name", TRANSLATED)
def test_a_translation_has_the_same_headings_code_figures_and_links(name: str) -> None:
    ours, theirs = sections(read(name)), sections(read(f"{name}{LANGUAGE}"))
    assert [section.level for section in theirs] == [section.level for section in ours]
    for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        assert (number, other) == (number, one)


@pytest.mark.parametrize("name", TRANSLATED)
def test_a_page_and_its_translation_link_to_each_other(name: str) -> None:
    file = name.rpartition("/")[2]
    assert f"]({file}{LANGUAGE}.md)" in "".join(read(name).splitlines()[:4])
    assert f"]({file}.md)" in "".join(read(f"{name}{LANGUAGE}").splitlines()[:4])


@pytest.mark.parametrize("name", [name + language for name in TRANSLATED for language in ("", LANGUAGE)])
def test_a_line_that_is_missing_on_one_side_is_noticed(name: str) -> None:
    lines = read(name).splitlines()
    whole = sections("\n".join(lines))
    unnoticed = [
        line
        for number, line in enumerate(lines)
        if line and sections("\n".join(lines[:number] + lines[number + 1 :])) == whole
    ]
    assert not [line for line in unnoticed if any(sign in line for sign in "#|`](") or line.startswith("- ")]


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("# Title", "# 标题", True),
        ("Two words", "两个词", True),
        ("# talks", "# 开始对话", True),
        ("README.zh-CN.md", "README.md", True),
        ("1,000", "1000", True),
        ("# Title", "## Title", False),
        ("`make talk`", "`make test`", False),
        ("make talk  #", "make test  #", False),
        ("1,000", "1,001", False),
        ("3.5", "3", False),
        ("z.md", "y.md", False),
        ("| `x` |", "| `x` | |", False),
        ("- item", "- item\n- another", False),
        ("- item", "item", False),
    ],
)
def test_words_may_differ_and_facts_may_not(old: str, new: str, same: bool) -> None:
    assert old in PAGE
    assert (sections(PAGE.replace(old, new, 1)) == sections(PAGE)) == same
