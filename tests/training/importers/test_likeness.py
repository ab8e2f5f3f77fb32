"""A file that no reader knows is answered with the nearest format and what is missing, or with the list."""

from pathlib import Path

import pytest

from bot.errors import UserError
from training.importers import registry
from training.importers.registry import IMPORTERS

CHATLAB = '{{"chatlab": {{"version": "1"}}, "messages": [{{"sender": "1", "accountName": "Ana"{more}}}]}}'
LIKE = {
    "a key is missing": (
        CHATLAB.format(more=', "timestamp": 1'),
        'is nearest to an export of ChatLab, but has no "meta": '
        + "`python -m training formats 'ChatLab'` tells how to export it.",
    ),
    "two keys are missing": (
        CHATLAB.format(more=""),
        'is nearest to an export of ChatLab, but has no "meta" and "timestamp": ',
    ),
    "a column is missing": (
        "id,permalink,date,body\n1,x,2024-01-01,hello\n",
        'is nearest to an export of Reddit, but has no column "subreddit": ',
    ),
    "columns of another order lie alone": (
        "Contents,ID,Timestamp\nhello,1,2024-01-01\n",
        "looks like a part of an export of Discord data package: import all of it. ",
    ),
    "a heading is missing": (
        "消息记录\n消息分组:我的好友\n",
        'is nearest to an export of QQ, but has no "消息对象": ',
    ),
}
MISSPELT = {
    "two keys": (
        '{"instructions": "Where?", "outputs": "Here."}',
        'has "instructions" and "outputs", where Alpaca has "instruction" and "output": write it so. '
        "`python -m training formats 'Alpaca'` shows a record.",
    ),
    "one key, in an array": (
        '[{"instruction": "Where?", "out_put": "Here."}]',
        'has "out_put", where Alpaca has "output": write it so. ',
    ),
    "the key of a conversation": (
        '{"message": [{"role": "user", "contents": "Where?"}]}',
        'has "message" and "contents", where ',
    ),
    "a column": ("questions,answers\nWhere?,Here.\n", 'has "questions" and "answers", where '),
}
UNLIKE = {
    "prose": "dear diary, the id and the type and the text of my user ts\n",
    "a table": "Comment ID,Channel ID,Comment Text\n1,2,x\n",
    "keys": '{"name": "quay", "size": 7}',
    "a letter": "hello",
    "signs": "\x00\x01\x02",
}


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as refused:
        registry.find_exports(path)
    return str(refused.value)


@pytest.mark.parametrize(("text", "sentence"), LIKE.values(), ids=LIKE)
def test_the_nearest_format_is_named_with_what_is_missing(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    path.write_text(text, encoding="utf-8")
    assert refusal(path).startswith(f"{path} {sentence}")


@pytest.mark.parametrize(("text", "sentence"), MISSPELT.values(), ids=MISSPELT)
def test_misspelt_keys_of_a_data_set_are_named_with_the_right_ones(
    text: str, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "lessons.json"
    path.write_text(text, encoding="utf-8")
    assert refusal(path).startswith(f"{path} {sentence}")


@pytest.mark.parametrize("text", UNLIKE.values(), ids=UNLIKE)
def test_a_file_like_no_format_is_answered_with_the_list(text: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(text, encoding="utf-8")
    assert refusal(path).startswith(
        f"{path} holds no export that is known: `python -m training formats` lists all that are."
    )


def test_of_several_files_the_one_most_like_a_format_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(UNLIKE["prose"], encoding="utf-8")
    (tmp_path / "b.csv").write_text(LIKE["a column is missing"][0], encoding="utf-8")
    (tmp_path / "c.json").write_text(CHATLAB.format(more=""), encoding="utf-8")
    assert refusal(tmp_path).startswith(f"{tmp_path}: b.csv is nearest to an export of Reddit, ")


@pytest.mark.parametrize("importer", IMPORTERS, ids=lambda importer: importer.TITLE)
def test_a_table_of_all_marks_but_one_is_near_to_its_format(
    importer: registry.Importer, tmp_path: Path
) -> None:
    """Where other formats have the same marks, one of them is named."""
    marks = importer.GUIDE.marks
    if len(marks) < 4:
        return
    path = tmp_path / "a.csv"
    path.write_text(",".join(marks[1:]) + "\n", encoding="utf-8")
    assert f'no column "{marks[0]}"' in refusal(path) or "an export of" in refusal(path)
