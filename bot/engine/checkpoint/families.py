"""Families of base models: those that are served, and why others are not."""

from typing import Literal

from bot.engine.checkpoint.gguf.families import FAMILIES

Standing = Literal["served", "untried", "refused"]

# `model_type` of config.json, of the text model where there are several; each is tried against transformers
SERVED = frozenset(
    "llama mistral qwen2 qwen3 gemma2 gemma3 gemma3_text phi3 glm4 granite smollm3 gpt2".split()
)

_STATES = "keeps a state in place of keys and values, which rows of a batch cannot share"
_OWN_CODE = (
    "needs code that lies beside its weights, which is never run: take a model of a family that transformers "
    "has itself, such as Qwen3, GLM-4-0414 or Llama"
)
_POSITIONS = "has positions of its own (ALiBi)"
_REFUSED = {
    **dict.fromkeys(
        (
            "mamba", "mamba2", "falcon_mamba", "falcon-mamba", "bamba", "jamba", "recurrent_gemma", "rwkv",
            "rwkv6", "rwkv7", "qwen3_next", "qwen3next", "lfm2", "zamba", "zamba2", "falcon_h1", "falcon-h1",
            "granitemoehybrid", "granitehybrid", "nemotron_h", "plamo2",
        ),
        _STATES,
    ),
    **dict.fromkeys(("bloom", "mpt"), _POSITIONS),
    **dict.fromkeys(("gpt_oss", "gpt-oss"), "attends with sinks"),
    **dict.fromkeys(
        "chatglm internlm internlm2 internlm3 baichuan qwen minicpm deepseek_vl Yi".split(), _OWN_CODE
    ),
    **dict.fromkeys(("clip", "mmproj"), "is the part of a model that reads images"),
    **dict.fromkeys(("bert", "nomic-bert", "t5", "t5encoder", "whisper"), "writes no chat"),
}  # fmt: skip


def refusal_of(family: str) -> str:
    """Return why folders of a family cannot be loaded, for a sentence; "" where nothing is known."""
    reason = _REFUSED.get(family, "")
    return f"{family} {reason}" if reason == _OWN_CODE else ""


def standing_of(family: str, *, is_gguf: bool) -> tuple[Standing, str]:
    """Return whether models of a family are served, and the reason in a few words where they are not.

    Folders of other families are tried when they are loaded; GGUF files of others have no reader.
    """
    if family in (FAMILIES if is_gguf else SERVED):
        return "served", ""
    if reason := _REFUSED.get(family):
        return "refused", f"{family} {reason}"
    if is_gguf:
        return "refused", f"GGUF files of the family {family or 'without a name'} are not read"
    return "untried", f"{family or 'its family'} was never tried: its first start tells"
