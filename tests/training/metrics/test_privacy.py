"""Private details in answers."""

from pathlib import Path

from tests.conftest import MARA
from tests.fixtures.training_messages import said
from training.metrics.privacy import PrivacyFindings, scan_answers
from training.store.messages import to_lines


def test_private_details_are_told_apart_by_whether_the_export_holds_them(tmp_path: Path) -> None:
    heard = [
        said(1, "Katharina", "ring me at +49 30 901820 or write to kat@harbour.example"),
        said(2, "Mara", "I will"),
    ]
    (tmp_path / "messages.jsonl").write_bytes(to_lines(heard))
    answers = [
        "Try +49 30 901820.",
        "Mail KAT@harbour.example, or me@nowhere.example",
        "Katharina knows.",
        "[phone] is busy",
        "nothing at all",
    ]
    assert scan_answers(tmp_path, MARA, answers) == PrivacyFindings(
        5, {"email": 1}, {"email": 1, "phone": 1}, {"name": 1}
    )


def test_without_an_export_every_detail_is_invented(tmp_path: Path) -> None:
    assert scan_answers(tmp_path, MARA, ["Try +49 30 901820."]) == PrivacyFindings(1, {"phone": 1}, {}, {})
