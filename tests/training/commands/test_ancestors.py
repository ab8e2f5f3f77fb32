"""The example data of the four ancestors through import, build and preview: prompts and answers whole."""

import json
from pathlib import Path

import pytest

from bot import config
from bot.config import ChatSettings
from tests.fakes.model import ByteTokenizer
from tests.paths import EXPORTS
from training.__main__ import main
from training.dataset import splits
from training.dataset.base_tokenizer import BaseTokenizer
from training.dataset.serving_prompts import ServingPrompts, read_examples
from training.dataset.splits import TRAIN, VALIDATION
from training.dataset.workspace import open_workspace, read_build_record

CARD = ChatSettings().system_prompt.replace("{{char}}", "小麦") + "\n\n磨坊的猫。"
CAT = "你是磨坊的猫，名叫小麦，说话爱用“咱”。"


def prompt(*turns: str) -> str:
    """Return a prompt of ChatML; a turn begins with the first letter of its role."""
    roles = {"s": "system", "u": "user", "a": "assistant"}
    said = (f"<|im_start|>{roles[turn[0]]}\n{turn[2:]}<|im_end|>\n" for turn in turns)
    return "".join((*said, "<|im_start|>assistant\n"))


TABLE = "| 日 | 人 |\n| --- | --- |\n| 周一 | 阿海 |"
# the ancestor's file, and its prompts with their answers
EXAMPLES: dict[str, list[tuple[str, str]]] = {
    "fujisaki/tweets.json": [
        (prompt(f"s {CARD}", "u User: 你最近在忙什么？"), "忙着给阳台的番茄搭架子，已经搭歪了两次。"),
        (prompt(f"s {CARD}", "u User: 关于番茄，你有什么想法？"), "番茄不歪，歪的是架子。"),
        (prompt(f"s {CARD}"), "下雨了，番茄先于我出门。"),
    ],
    "fujisaki/context_target.jsonl": [
        (prompt(f"s {CARD}", "u User: 雨停了吗？"), "没有，还在下。"),
        (prompt(f"s {CARD}", "u User: 把这句话说短一点\n  今天的雨下得又大又久。"), "大雨，久。"),
    ],
    "cutegpt/conversations.json": [
        (prompt(f"s {CARD}", "u User: 推荐三种适合阳台的花"), "一，玉簪；二，绣球；三，铜钱草。"),
        (
            prompt(
                f"s {CARD}",
                "u User: 推荐三种适合阳台的花",
                "a 一，玉簪；二，绣球；三，铜钱草。",
                "u User: 哪一种最省水？\n  只说名字",
            ),
            "玉簪。",
        ),
        (prompt(f"s {CARD}", "u User: 11 加 11 等于几？"), "22"),
    ],
    "chinese_vicuna/instruct.jsonl": [
        (prompt(f"s {CARD}", "u User: 用一句话说明灯塔为什么要亮。"), "为了让船知道岸在哪里。"),
        (prompt(f"s {CARD}", "u User: 判断这一年是不是闰年。\n  \n  \n  1900"), "不是。"),
        (prompt(f"s {CARD}", "u User: 灯塔有多高？"), "四十二米。"),
        (prompt(f"s {CARD}", "u User: 灯塔有多高？", "a 四十二米。", "u User: 算上灯呢？"), "四十五米。"),
        (
            prompt(f"s {CARD}", 'u User: 这行代码印出什么？\n  print("a\\nb")'),
            "a 和 b，各占一行。",
        ),
    ],
    "chinese_vicuna/chat.jsonl": [
        (prompt(f"s {CARD}", "u User: 给灯塔写一张值班表"), TABLE),
        (
            prompt(f"s {CARD}", "u User: 给灯塔写一张值班表", f"a {TABLE}", "u User: 再加上周日"),
            f"{TABLE}\n| 周日 | 阿山 |",
        ),
    ],
    "horowag/dialogue.json": [
        (prompt(f"s {CAT}", "u User: 你在想什么？"), "咱在想面粉为什么是白的。"),
        (
            prompt(f"s {CAT}", "u User: 你在想什么？", "a 咱在想面粉为什么是白的。", "u User: 想明白了吗？"),
            "没有，咱睡着了。",
        ),
        (prompt(f"s {CAT}", "u User: 你的{{user}}是谁？"), "磨坊主，咱允许他住在这里。"),
    ],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A persona without messages, whose base model reads bytes."""
    made = tmp_path / "personas/mill"
    made.mkdir(parents=True)
    (made / "persona.toml").touch()
    (made / "card.json").write_text(json.dumps({"name": "小麦", "description": "磨坊的猫。"}))
    (tmp_path / "config.toml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "training.dataset.workspace.open_base_tokenizer",
        lambda *_: BaseTokenizer("bytes", ByteTokenizer(), 8192),
    )
    return made


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    code = main([*arguments, "--persona", "mill"])
    caught = capsys.readouterr()
    assert code == 0, caught.err
    return caught.out


def serving(folder: Path) -> ServingPrompts:
    workspace = open_workspace(config.load_config(Path("config.toml"), {}), folder)
    return workspace.serving(read_build_record(folder / "work").window)


def examples(folder: Path, *names: str) -> list[tuple[str, str]]:
    """Return the prompts and answers of both splits, or of those that are named."""
    prompts, spell = serving(folder), ByteTokenizer().spell
    paths = [folder / "work" / name for name in names or (TRAIN, VALIDATION)]
    excerpts = [each for path in paths for each in splits.read_excerpts(path)]
    found = [each for excerpt in excerpts for each in read_examples(excerpt, prompts)]
    return [(spell(each.prompt.ids), "\n".join(each.answer)) for each in found]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_ancestors_examples_are_learned_word_for_word(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "import", str(EXPORTS / "ancestors" / name))
    built = run(capsys, "build")
    assert sorted(examples(folder)) == sorted(EXAMPLES[name])
    assert "left out" not in built
    shown = run(capsys, "preview", "--count", "20")
    assert all(answer in shown for _, answer in examples(folder, TRAIN))


def test_horowags_facts_go_to_the_stage_of_facts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    horowag = EXPORTS / "ancestors/horowag"
    said = run(capsys, "import", str(horowag))
    assert "2 texts for the stage of facts" in said
    assert "2 system texts, each in place of the card's text in its dialogue" in said
    built = run(capsys, "build")
    facts = [each.text for each in splits.read_excerpts(folder / "work" / TRAIN) if each.stage == "facts"]
    assert facts == ["磨坊在河的北岸，有三层，顶层是小麦睡觉的地方。", "每年十月，磨坊停工十天。"]
    assert sorted(examples(folder)) == sorted(EXAMPLES["horowag/dialogue.json"])
    assert "facts       2 pieces of documents and texts" in built


def test_facts_without_a_dialogue_are_refused_with_what_to_do(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "import", str(EXPORTS / "ancestors/horowag/facts.json"))
    assert main(["build", "--persona", "mill"]) == 2
    assert "import a dialogue as well" in capsys.readouterr().err


def test_the_dialogues_of_a_data_set_are_one_line_of_the_summary(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = run(capsys, "import", str(EXPORTS / "ancestors/chinese_vicuna"))
    chats = said.partition("Chats:\n")[2].partition("Authors:")[0].splitlines()
    assert [line.split()[:3] for line in chats] == [
        ["alpaca", "4", "dialogues"],
        ["qa", "1", "dialogues"],
    ]
    assert "1 dialogues that stood in one text, parted into turns" in said
    assert "texts with line breaks written as \\n, read as line breaks" in said


def test_no_role_of_an_earlier_import_has_an_invented_name(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder of an earlier version names the user "user", or the human "human"."""
    work = folder / "work"
    work.mkdir()
    turn = {"platform": "alpaca", "chat": "~1", "time": 0, "source": "set.json", "precision": "none"}
    lines = [
        {**turn, "id": "0", "author": "user", "author_name": "user", "text": "hello user", "is_self": False},
        {**turn, "id": "1", "author": "assistant", "author_name": "assistant", "text": "hi", "is_self": True},
    ]
    (work / "messages.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    run(capsys, "build")
    assert examples(folder) == [(prompt(f"s {CARD}", "u User: hello user"), "hi")]
