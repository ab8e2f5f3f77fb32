"""Logarithms of probabilities, as OpenAI's objects have them."""

from codecs import getincrementaldecoder
from collections.abc import Sequence

from bot.engine.interface import TokenLogprob

_LEAST = -9999.0  # stands for minus infinity, which JSON cannot write; vLLM has the same


def chat_logprobs(tokens: Sequence[TokenLogprob]) -> dict[str, object]:
    """Return tokens as the `logprobs` of a chat's choice."""
    content = [{**_told(each), "top_logprobs": [_told(other) for other in each.likeliest]} for each in tokens]
    return {"content": content, "refusal": None}


def completion_logprobs(tokens: Sequence[TokenLogprob], offset: int) -> dict[str, object]:
    """Return tokens as the `logprobs` of a completion's choice; the first begins at `offset` characters.

    A token that begins inside a character has that character's offset.
    """
    decoder, offsets = getincrementaldecoder("utf-8")("replace"), list[int]()
    for each in tokens:
        offsets.append(offset)
        offset += len(decoder.decode(each.text))
    return {
        "tokens": [_text(each) for each in tokens],
        "token_logprobs": [_number(each.logprob) for each in tokens],
        "top_logprobs": [
            {_text(other): _number(other.logprob) for other in reversed(each.likeliest)} for each in tokens
        ],
        "text_offset": offsets,
    }


def _told(token: TokenLogprob) -> dict[str, object]:
    return {"token": _text(token), "logprob": _number(token.logprob), "bytes": list(token.text)}


def _text(token: TokenLogprob) -> str:
    return token.text.decode("utf-8", "replace")


def _number(logprob: float) -> float:
    return max(logprob, _LEAST) if logprob == logprob else _LEAST
