"""Reasons and remedies of refused adapters, which the reader of a config and that of the tensors share."""

from bot.untrusted import RefusedFile

RETRAIN = "train a plain LoRA adapter"
MERGE = (
    "merge it into its base model where it was trained (PEFT's merge_and_unload), save that, and set [model] "
    f"name to its folder; or {RETRAIN}"
)
ADOPT = "`python -m training adopt DIR --persona NAME` takes it, with DIR as its folder"

_METHODS = {
    "use_dora": "DoRA scales each row of the base model's weights anew",
    "modules_to_save": "it holds whole modules in place of the base model's, beside LoRA matrices",
    "trainable_token_indices": "it holds new rows of the embeddings",
    "target_parameters": "it adapts parameters that belong to no linear layer, such as those of experts",
    "layer_replication": "it repeats layers of the base model",
    "lora_bias": "it adds a bias to each layer",
    "alora_invocation_tokens": "it is switched on by tokens inside a prompt (aLoRA)",
    "use_qalora": "its matrices read groups of a quantised layer's inputs (QA-LoRA)",
    "use_bdlora": "its matrices are stored as the blocks of a diagonal (BD-LoRA)",
    "kasa_config": "its training cut the base model's weights (KaSA)",
    "monteclora_config": "its matrices are drawn at random anew (MonteCLoRA)",
    "velora_config": "it holds projections beside its matrices (VeLoRA)",
    "arrow_config": "it is a router among several adapters (Arrow)",
    "loftq_config": "it corrects the error of a base model that LoftQ quantised",
    "megatron_config": "it was split for Megatron",
    "enable_lora": "its matrices adapt some of a joined layer's parts (loralib)",
}
_UNMERGEABLE = ("alora_invocation_tokens", "arrow_config")


def refused_setting(key: str) -> RefusedFile:
    """Return the refusal of an adapter for a setting that is on; the key is a stranger's text."""
    plain = key.isascii() and key.isidentifier() and len(key) <= 40
    reason = f"its setting {key if plain else '(unreadable)'} is not one that is served"
    if key in _METHODS:
        return RefusedFile(f"{reason}: {_METHODS[key]}", RETRAIN if key in _UNMERGEABLE else MERGE)
    return RefusedFile(
        f"{reason}: it is not known here, and may change what the adapter does",
        f"remove it if the adapter does the same without it, or {RETRAIN}",
    )
