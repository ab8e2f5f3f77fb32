"""Markdown becomes text nodes in elements of a few kinds, and nothing else."""

from typing import Any

import pytest
import pytest_asyncio

from tests.bot.platforms.web.browser.conftest import opened_talks
from tests.bot.platforms.web.browser.talk import Talk

pytestmark = pytest.mark.asyncio(loop_scope="session")
RENDER = """async ([text, isOpen]) => {
  const { MarkdownView } = await import("/page/assets/markdown/view.js");
  const view = new MarkdownView(document.createElement("div"), () => {});
  view.show(text, isOpen);
  return view.node.innerHTML.replaceAll(' dir="auto"', "").replace(/<button.*?<\\/button>/g, "(copy)");
}"""
GROW = """async (text) => {
  const { MarkdownView } = await import("/page/assets/markdown/view.js");
  const view = new MarkdownView(document.createElement("div"), () => {});
  const changed = [];
  const watch = new MutationObserver((records) => {
    for (const { target } of records) {
      const block = [...view.node.childNodes].find((each) => each.contains(target));
      changed.push(block ? [...view.node.childNodes].indexOf(block) : "root");
    }
  });
  const kept = new Map();
  let replaced = 0;
  const everything = { subtree: true, childList: true, characterData: true, attributes: true };
  watch.observe(view.node, everything);
  for (let end = 1; end <= text.length; end += 1) {
    view.show(text.slice(0, end), true);
    const closed = [...view.node.childNodes].slice(0, -1);
    closed.forEach((node, at) => {
      if (kept.has(at) && kept.get(at) !== node) replaced += 1;
      kept.set(at, node);
    });
    await new Promise((resolve) => queueMicrotask(resolve));
  }
  view.show(text);
  const last = view.node.childNodes.length - 1;
  return { replaced, inner: changed.filter((at) => at !== "root" && at !== last).length, blocks: last + 1 };
}"""
LINK = '<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>'


async def render(talk: Talk, text: str, is_open: bool = False) -> str:
    return str(await talk.page.evaluate(RENDER, [text, is_open]))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*sits* and waits", "<p><em>sits</em> and waits</p>"),
        ('*nods* "You are *late*."', '<p><em>nods</em> <q>"You are <em>late</em>."</q></p>'),
        ("“Sit.” 「坐。」", "<p><q>“Sit.”</q> <q>「坐。」</q></p>"),
        ("**a** ***b***", "<p><strong>a</strong> <strong><em>b</em></strong></p>"),
        ("~~c~~ `d*e*`", "<p><del>c</del> <code>d*e*</code></p>"),
        ("2 * 3 * 4 and snake_case_name", "<p>2 * 3 * 4 and snake_case_name</p>"),
        ("\\*no\\*", "<p>*no*</p>"),
        ("an *open mark", "<p>an *open mark</p>"),
        ("one\ntwo\n\nthree", "<p>one\ntwo</p><p>three</p>"),
        ("## Head", "<h4>Head</h4>"),
        ("- a\n  - b", '<ul><li class="level-0">a</li><li class="level-1">b</li></ul>'),
        ("3. a\n4. b", '<ol start="3"><li class="level-0">a</li><li class="level-0">b</li></ol>'),
        ("> q\n> r", "<blockquote><p>q\nr</p></blockquote>"),
        ("* * *", "<hr>"),
        (
            "| a | b |\n|---|---|\n| 1 | *2* |",
            '<div class="table" tabindex="0"><table><thead><tr><th>a</th><th>b</th></tr></thead>'
            "<tbody><tr><td>1</td><td><em>2</em></td></tr></tbody></table></div>",
        ),
        (
            "```py\nx < 1\n```",
            '<div class="code"><div class="code-head"><span>py</span>(copy)</div>'
            '<pre tabindex="0"><code>x &lt; 1</code></pre></div>',
        ),
        ("[a](https://b.example/c)", f"<p>{LINK.format('https://b.example/c', 'a')}</p>"),
        ("https://b.example/c.", f"<p>{LINK.format('https://b.example/c', 'https://b.example/c')}.</p>"),
        ("[a](mailto:b@c.example)", f"<p>{LINK.format('mailto:b@c.example', 'a')}</p>"),
        ("![a](https://b.example/c.png)", f"<p>{LINK.format('https://b.example/c.png', 'a')}</p>"),
        ("[a](javascript:alert(1))", "<p>[a](javascript:alert(1))</p>"),
        ("[a](data:text/html,b)", "<p>[a](data:text/html,b)</p>"),
        ("[a](/page/logout)", "<p>[a](/page/logout)</p>"),
        ("<img src=x onerror=alert(1)>", "<p>&lt;img src=x onerror=alert(1)&gt;</p>"),
        ("```<b>\n<i>\n```", '<div class="code"><div class="code-head"><span>&lt;b&gt;</span>(copy)</div>'
         '<pre tabindex="0"><code>&lt;i&gt;</code></pre></div>'),
    ],
)  # fmt: skip
async def test_markdown_is_rendered(shared_talk: Talk, text: str, html: str) -> None:
    assert await render(shared_talk, text) == html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*sits do", "<p><em>sits do</em></p>"),
        ('he says "come', '<p>he says <q>"come</q></p>'),
        (
            "```py\nx = ",
            '<div class="code"><div class="code-head"><span>py</span></div>'
            '<pre tabindex="0"><code>x = </code></pre></div>',
        ),
    ],
)
async def test_a_text_that_grows_ends_its_open_marks_and_shows_open_code_as_text(
    shared_talk: Talk, text: str, html: str
) -> None:
    assert await render(shared_talk, text, True) == html


async def test_closed_blocks_are_not_touched_while_a_text_grows(shared_talk: Talk) -> None:
    text = (
        'One *two* "three".\n\n```py\nx = 1\n\ny = 2\n```\n\n- a\n- b\n\n'
        "> q\n\n| a | b |\n|-|-|\n| 1 | 2 |\n\nThe end."
    )
    assert await shared_talk.page.evaluate(GROW, text) == {"replaced": 0, "inner": 0, "blocks": 6}


SIGNS = [
    "*",
    "* a",
    "`",
    "``a`",
    "[",
    "[a](",
    '"',
    "_a",
    "**a ",
    "~~",
    "https://",
    "> ",
    "- ",
    "|",
    "“",
    "\\",
    "***a*b**",
]


async def test_texts_of_nothing_but_marks_are_rendered_whole(shared_talk: Talk) -> None:
    script = f"""async (signs) => {{
      const render = {RENDER};
      const lengths = [];
      const long = (sign) => sign.repeat(16000 / sign.length);
      for (const sign of signs) lengths.push((await render([long(sign), true])).length > 0);
      return lengths;
    }}"""
    assert await shared_talk.page.evaluate(script, SIGNS) == [True] * len(SIGNS)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared_talk(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A page that tests share which leave no trace in it."""
    async with opened_talks(tmp_path_factory.mktemp("page"), browser) as open_one:
        talk = await open_one()
        await talk.open()
        yield talk
