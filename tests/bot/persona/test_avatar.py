"""A persona's avatar is a picture in its folder or on the web, and any other is refused."""

from pathlib import Path

import pytest

from bot.persona.persona import load_persona
from tests.bot.persona.persona_folder import complaint, folder

PICTURES = {
    "avatar.png": b"\x89PNG\r\n\x1a\nrest",
    "avatar.jpg": b"\xff\xd8\xff\xe0rest",
    "avatar.webp": b"RIFF\x00\x00\x00\x00WEBPrest",
    "avatar.gif": b"GIF89arest",
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_in_the_folder_is_its_avatar(tmp_path: Path, name: str) -> None:
    path = folder(tmp_path)
    (path / name).write_bytes(PICTURES[name])
    assert load_persona(path).avatar == path / name


def test_a_picture_can_be_named_and_one_on_the_web_too(tmp_path: Path) -> None:
    path = folder(tmp_path, 'avatar = "face.png"\navatar_url = "https://pictures.example/mara.png"')
    (path / "face.png").write_bytes(PICTURES["avatar.png"])
    assert (load_persona(path).avatar, load_persona(path).avatar_url) == (
        path / "face.png",
        "https://pictures.example/mara.png",
    )


@pytest.mark.parametrize(
    ("toml", "picture", "said"),
    [
        (
            'avatar = "no.png"',
            None,
            "<folder>/no.png is missing: put a picture there, or drop the key `avatar`",
        ),
        (
            'avatar = "../a.png"',
            None,
            "'../a.png' leads out of the folder <folder>: keep the persona's files in it",
        ),
        ("", b"<svg/>", "<folder>/avatar.png is no picture: use PNG, JPEG, WebP or GIF"),
        (
            "",
            b"x" * (9 << 20),
            "the picture <folder>/avatar.png has more than 8,388,608 bytes: make it smaller",
        ),
        ('avatar_url = "http://a.example/x.png"', None, "avatar_url is not a public address: write"),
        ('avatar_url = "https://localhost/x.png"', None, "avatar_url is not a public address: write"),
        ('avatar_url = "https://u:p@a.example/x.png"', None, "avatar_url is not a public address: write"),
    ],
)
def test_a_picture_that_cannot_be_used_is_said(
    tmp_path: Path, toml: str, picture: bytes | None, said: str
) -> None:
    path = folder(tmp_path, toml)
    if picture is not None:
        (path / "avatar.png").write_bytes(picture)
    assert complaint(path).startswith(said)
