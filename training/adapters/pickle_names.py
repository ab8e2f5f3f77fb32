"""Names of classes and functions in pickles of `torch.save`: none is imported, and few mean tensors here."""

import re

import torch

STORAGES = {
    "torch FloatStorage": torch.float32,
    "torch HalfStorage": torch.float16,
    "torch BFloat16Storage": torch.bfloat16,
    "torch DoubleStorage": torch.float64,
    "torch LongStorage": torch.int64,
    "torch IntStorage": torch.int32,
    "torch ShortStorage": torch.int16,
    "torch CharStorage": torch.int8,
    "torch ByteStorage": torch.uint8,
    "torch BoolStorage": torch.bool,
}
TABLES = {"collections OrderedDict", "collections defaultdict"}
TENSORS = {"torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor"}
PARAMETERS = {"torch._utils _rebuild_parameter", "torch._utils _rebuild_parameter_with_state"}

_READ = {*STORAGES, *TABLES, *TENSORS, *PARAMETERS}
# what trainers note beside tensors: counters, histories, options. Such an object is skipped, never made.
_NOTES = {
    *("argparse Namespace", "_codecs encode", "collections Counter", "collections deque"),
    *("datetime datetime", "datetime timedelta", "builtins set", "__builtin__ set"),
    *("builtins frozenset", "__builtin__ frozenset", "__builtin__ bytes"),
    *("torch Size", "torch device", "torch.torch_version TorchVersion"),
}
_NOTE = re.compile(
    r"(?:mmengine|numpy|transformers|deepspeed|accelerate|peft)(?:\.\w+)* \w+"
    r"|torch (?:u?int\d+|b?float\d+\w*|bool|half|double|long)"
)


def is_known(name: str) -> bool:
    """Return whether a name, "module name", stands in tables of tensors or in what trainers note beside."""
    return name in _READ or name in _NOTES or _NOTE.fullmatch(name) is not None
