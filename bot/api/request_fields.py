"""Fields of requests: their types and bounds. Unknown fields are ignored, and null is absent."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.api.errors import ApiError, bad_field
from bot.engine.interface import MAX_BEAMS, MAX_LENGTH_PENALTY
from bot.persona.persona import Sampling

MAX_CANDIDATES = 8  # of one prompt
MAX_STOPS, MAX_STOP = 64, 1_000  # stop strings, and characters of one
MAX_BIASES = 1_024  # token ids
MAX_LIKELIEST = 20  # tokens told with each drawn one
_LONGEST_NAME = 100  # characters of a field's name in an error
_MOST_TOKENS = 32_768  # of an answer: the most that `Sampling` takes
_SAMPLING = tuple(name for name in Sampling.model_fields if name != "max_tokens")
Parsed = TypeVar("Parsed", bound=BaseModel)


def check_text(text: str) -> str:
    """Return a text that can be a prompt. Raises `ValueError`."""
    if "\x00" in text:
        raise ValueError("the text has a NUL byte: remove it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("the text is not valid Unicode (a lone surrogate)") from None
    return text


def _check_count(biases: object) -> object:
    """Return biases that are not too many, before each is read and complained about."""
    if isinstance(biases, dict) and len(biases) > MAX_BIASES:
        raise ValueError(f"write at most {MAX_BIASES:,} token ids")
    return biases


Text = Annotated[str, AfterValidator(check_text)]
Stop = Annotated[Text, Field(max_length=MAX_STOP)]


class Fields(BaseModel):
    """Fields of one object, without conversions."""

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False, frozen=True)


class StreamOptions(Fields):
    """Options of a stream. `include_usage`: a last chunk tells the numbers of tokens."""

    include_usage: bool | None = None


class GenerationFields(Fields):
    """Fields that chats and completions share. `persona` forces what stands around a persona's messages."""

    model: str = Field(min_length=1, max_length=500)
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    stop: Stop | Annotated[list[Stop], Field(max_length=MAX_STOPS, fail_fast=True)] = Field(
        default_factory=list
    )
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**64)
    n: int = Field(default=1, ge=1, le=MAX_CANDIDATES)
    num_beams: int = Field(default=1, ge=1, le=MAX_BEAMS)
    length_penalty: float = Field(default=1.0, ge=-MAX_LENGTH_PENALTY, le=MAX_LENGTH_PENALTY)
    logit_bias: Annotated[
        dict[str, Annotated[float, Field(ge=-100, le=100)]], BeforeValidator(_check_count)
    ] = Field(default_factory=dict)
    sampling: dict[str, Any] = Field(default_factory=dict)

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop strings; an empty one says nothing."""
        given = [self.stop] if isinstance(self.stop, str) else self.stop
        return tuple(dict.fromkeys(text for text in given if text))

    @property
    def biases(self) -> dict[int, float]:
        """The biases by token id. Raises `ApiError` for a key that is no id."""
        if wrong := [
            key for key in self.logit_bias if not (key.isascii() and key.isdigit() and len(key) < 10)
        ]:
            raise bad_field("logit_bias", f"{wrong[0][:20]!r} is no token id")
        return {int(key): value for key, value in self.logit_bias.items()}

    @property
    def max_tokens(self) -> int | None:
        """The longest answer that the client asks for; None where it asks for none."""
        return self.sampling.get("max_tokens")

    def sampling_over(self, own: Sampling, room: int) -> Sampling:
        """Return the sampling of an answer that has room for so many tokens, over the persona's `own`."""
        values = own.model_dump() | self.sampling
        values["max_tokens"] = max(1, min(values["max_tokens"], room, _MOST_TOKENS))
        if "min_tokens" not in self.sampling or values["min_tokens"] <= (self.max_tokens or _MOST_TOKENS):
            values["min_tokens"] = min(values["min_tokens"], values["max_tokens"])
        return check_fields(Sampling, values)


def parse_fields(kind: type[Parsed], body: Mapping[str, Any]) -> Parsed:
    """Return a body's fields. Raises `ApiError` for the first one that is wrong."""
    whole = {name: _whole(value) for name, value in body.items()}
    return check_fields(kind, {**whole, **_num_beams(whole), "sampling": _sampling(whole)})


def check_beams(fields: GenerationFields, *, has_logprobs: bool) -> None:
    """Raise `ApiError` for a beam search with fields that do not go with it."""
    if fields.num_beams > 1 and fields.n > 1:
        raise bad_field("n", "a beam search gives one answer: write 1")
    if fields.num_beams > 1 and has_logprobs:
        raise bad_field("logprobs", "a beam search tells none: leave it out")


def _num_beams(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the number of beams where a client asks for a search in vLLM's old words."""
    if body.get("use_beam_search") is not True or "num_beams" in body:
        return {}
    if "best_of" not in body:
        raise bad_field("use_beam_search", "write num_beams as well")
    return {"num_beams": body["best_of"]}


def _sampling(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sampling fields that a client gave, checked."""
    given = {name: body[name] for name in _SAMPLING if name in body}
    if given.get("top_k") == -1:  # "all" in the words of vLLM
        given["top_k"] = 0
    least = given.get("min_tokens", 0)
    if type(least) is int and least > _MOST_TOKENS:
        raise bad_field("min_tokens", f"write at most {_MOST_TOKENS:,}")
    check_fields(Sampling, {**given, "max_tokens": _MOST_TOKENS})
    for name in ("max_completion_tokens", "max_tokens"):
        if name in body:
            given["max_tokens"] = _tokens(name, body[name])
            break
    if given.get("min_tokens", 0) > given.get("max_tokens", _MOST_TOKENS):
        raise bad_field("min_tokens", "write at most max_tokens")
    return given


def _tokens(name: str, value: Any) -> int:
    if type(value) is not int or value < 1:
        raise bad_field(name, "write a whole number from 1")
    return min(value, _MOST_TOKENS)


def _whole(value: Any) -> Any:
    """Return a number without a fraction as a whole one: some clients have no other numbers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def check_fields(kind: type[Parsed], values: Mapping[str, Any]) -> Parsed:
    """Return values as fields. Raises `ApiError` for the first one that is wrong."""
    try:
        return kind.model_validate(values, strict=True)
    except ValidationError as error:
        raise _complaint(error) from None


def _complaint(error: ValidationError) -> ApiError:
    found = error.errors(include_url=False, include_context=False, include_input=False)[0]
    param = ""
    for step in found["loc"]:
        if isinstance(step, int):
            param += f"[{step}]"
        elif step.isidentifier() and len(step) <= _LONGEST_NAME and step not in ("str", "int", "float"):
            param += f".{step}" if param else step
        else:
            break  # the name of a type among several, or a client's own key
    if found["type"] == "missing":
        return ApiError(400, f"{param} is missing: give it.", param, "missing_required_parameter")
    message = str(found["msg"]).removeprefix("Value error, ")
    return bad_field(param, message[:1].lower() + message[1:])
