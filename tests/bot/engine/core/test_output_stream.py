"""Pieces that wait for their reader are joined to one that does the same."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from bot.engine.core.output_stream import OutputStream
from bot.engine.interface import Piece, Request
from bot.persona.persona import Sampling

PIECES = st.lists(st.tuples(st.text(max_size=4), st.integers(0, 6)), max_size=12)


async def read(stream: OutputStream) -> str:
    text = ""
    async for piece in stream:
        text = piece.added_to(text)
    return text


@given(PIECES, st.integers(0, 12))
def test_joined_pieces_lead_to_the_same_text(given_pieces: list[tuple[str, int]], at: int) -> None:
    async def check() -> None:
        stream, text = OutputStream(Request((1,), Sampling()), asyncio.get_running_loop()), ""
        for number, (added, replaces) in enumerate(given_pieces):
            piece = Piece(added, replaces=min(replaces, len(text)))
            text = piece.added_to(text)
            stream.push(piece)
            if number == at:
                await anext(stream)
        stream.abort("cancelled")
        assert stream.answers[0].text == text

    asyncio.run(check())


@given(PIECES)
def test_a_late_reader_reads_the_whole_text(given_pieces: list[tuple[str, int]]) -> None:
    async def check() -> None:
        stream, text = OutputStream(Request((1,), Sampling()), asyncio.get_running_loop()), ""
        for added, replaces in given_pieces:
            piece = Piece(added, replaces=min(replaces, len(text)))
            text = piece.added_to(text)
            stream.push(piece)
        stream.finish(())
        assert await read(stream) == text

    asyncio.run(check())
