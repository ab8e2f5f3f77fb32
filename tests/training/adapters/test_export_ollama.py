"""A folder for Ollama: a Modelfile whose template writes what serving writes, and quantised weights."""

import re
from pathlib import Path

import gguf
import numpy as np
import pytest

from bot.errors import UserError
from bot.prompt.chat_template import Role, open_chat_template
from tests.fakes import tiny
from tests.fixtures.exported_adapters import export_workspace
from tests.fixtures.llama_cpp import complete
from training.adapters.export import ExportOptions, export_adapter
from training.adapters.gguf.dtypes import store_array
from training.adapters.install import install_adapter
from training.adapters.ollama import go_template, role_layout
from training.dataset.workspace import Workspace

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}
LLAMA_3 = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
    "{{ m.content }}<|eot_id|>{% endfor %}{% if add_generation_prompt %}"
    "<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
MARKS = (
    "{% for m in messages %}[{{ m.role }}]{{ '{{' }}{{ m.content }}{{ '}}' }}{% endfor %}"
    "[assistant]{{ '{{' }}"
)
ALTERNATING = (
    "{% for m in messages %}{% if not loop.first and m.role == messages[loop.index0 - 1].role %}"
    "{{ raise_exception('two in a row') }}{% endif %}<{{ m.role }}>{{ m.content }}</{{ m.role }}>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
OWN_SYSTEM = (
    "{{ bos_token }}{% for m in messages %}{% if loop.first and m.role != 'system' %}<|im_start|>system\n"
    "You are helpful.<|im_end|>\n{% endif %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
BY_PLACE = "{% for m in messages %}{{ loop.index }} {{ m.role }}: {{ m.content }}\n{% endfor %}assistant: "
WITHOUT_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}"
    "<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
)
TOKENIZER = tiny.byte_level()
# control tokens, and bytes that are no characters
NEVER = [id for id in range(408) if not (5 <= id < 405 and TOKENIZER.decode([id]).isascii())]
CONVERSATIONS: list[list[Role]] = [
    ["user"],
    ["user", "assistant", "user"],
    ["system", "user"],
    ["system", "user", "assistant", "user", "assistant", "user"],
]


def expand(template: str, roles: list[Role]) -> str:
    """What Go's text/template writes, of the actions that are used: range, if, else if, eq, a string."""
    start, body, end = re.split(r"\{\{ range \.Messages \}\}|\{\{ end \}\}\{\{ end \}\}", template)
    branches = dict(
        zip(*[iter(re.split(r'\{\{ (?:else )?if eq \.Role "(\w+)" \}\}', body)[1:])] * 2, strict=True)
    )
    turns = (branches[role].replace("{{ .Content }}", f"<{at}>") for at, role in enumerate(roles))
    return "".join([start, *turns, end]).replace('{{ "{{" }}', "{{")


@pytest.mark.parametrize("source", ["chatml", "plain", "cutegpt", LLAMA_3, MARKS, ALTERNATING])
def test_the_go_template_writes_what_the_chat_template_writes(source: str) -> None:
    template = open_chat_template(source, SPECIAL, "Mara")
    layout = role_layout(template)
    for roles in CONVERSATIONS:
        pieces = template.segments(roles, answer=True)
        expected = (template.named(each) if isinstance(each, str) else f"<{each}>" for each in pieces)
        assert expand(go_template(layout, ""), roles) == "".join(expected)


def test_a_template_with_a_system_turn_of_its_own_is_written_for_conversations_with_one() -> None:
    """SmolLM2's and Qwen2.5's; a Modelfile always gives the card as system turn."""
    template = open_chat_template(OWN_SYSTEM, SPECIAL, "Mara")
    layout = role_layout(template)
    assert layout.needs_system
    for roles in CONVERSATIONS[2:]:
        pieces = template.segments(roles, answer=True)
        expected = "".join(template.named(each) if isinstance(each, str) else f"<{each}>" for each in pieces)
        assert expand(go_template(layout, ""), roles) == expected
        assert expand(go_template(layout.without_start("<s>"), ""), roles) == expected.removeprefix("<s>")


@pytest.mark.parametrize(
    ("source", "reason"),
    [(BY_PLACE, "depends on more than the roles of turns"), (WITHOUT_SYSTEM, "takes no system turn")],
)
def test_a_template_that_go_cannot_write_is_refused(source: str, reason: str) -> None:
    with pytest.raises(UserError, match=f"The chat template {reason}.*--format gguf --merged"):
        role_layout(open_chat_template(source, SPECIAL, "Mara"))


@pytest.fixture
def exported(llama: tuple[Path, Path], tmp_path: Path) -> Workspace:
    install_adapter(export_workspace(tmp_path, llama[0]), llama[1], {})
    return export_workspace(tmp_path, llama[0])


def test_the_folder_has_a_modelfile_and_a_model(exported: Workspace, tmp_path: Path) -> None:
    told = export_adapter(exported, "ollama", tmp_path / "out", ExportOptions(dtype="q8_0"))
    assert told == (
        f"Ollama model with the adapter in its weights in {tmp_path / 'out'}\n"
        f"Next: ollama create mara -f {tmp_path / 'out/Modelfile'}"
    )
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["Modelfile", "model.gguf"]
    assert (tmp_path / "out/Modelfile").read_text() == MODELFILE


def test_quantised_weights_are_near_the_plain_ones(exported: Workspace, tmp_path: Path) -> None:
    plain = tensors(exported, tmp_path / "plain.gguf", "f32")
    for dtype, error, kinds in (("q8_0", 0.01, {"F32", "Q8_0"}), ("q4_0", 0.12, {"F32", "Q8_0", "Q4_0"})):
        found = tensors(exported, tmp_path / f"{dtype}.gguf", dtype)
        assert {each.tensor_type.name for each in found.values()} == kinds
        for name, each in found.items():
            values = gguf.dequantize(each.data, each.tensor_type)
            wanted = gguf.dequantize(plain[name].data, plain[name].tensor_type)
            assert np.abs(values - wanted).max() <= error * np.abs(wanted).max(), name


@pytest.mark.parametrize("dtype", ["q8_0", "q4_0"])
def test_llama_cpp_loads_quantised_weights_and_speaks_like_the_plain_ones(
    exported: Workspace, tmp_path: Path, dtype: str
) -> None:
    """Of 400 tokens of a random model, whose likeliest ones lie close together, 4 bits keep a third."""
    said = {}
    for each in ("f32", dtype):
        export_adapter(exported, "gguf", tmp_path / each, ExportOptions(merged=True, dtype=each))
        prompts = [[1, 300 + at, 301, 330 + 2 * at, 302] for at in range(6)]
        said[each] = [answer[0] for answer in complete(tmp_path / each, prompts, 1, never=NEVER)]
    same = sum(one == other for one, other in zip(said["f32"], said[dtype], strict=True))
    assert same >= {"q8_0": 5, "q4_0": 2}[dtype]


def tensors(workspace: Workspace, path: Path, dtype: str) -> dict[str, gguf.ReaderTensor]:
    export_adapter(workspace, "gguf", path, ExportOptions(merged=True, dtype=dtype))
    return {each.name: each for each in gguf.GGUFReader(path).tensors}


def test_rows_that_no_blocks_hold_keep_16_bits() -> None:
    stored = store_array("blk.0.ffn_up.weight", np.ones((4, 40), np.float32), "q4_0")
    assert (stored.values.dtype, stored.blocks) == (np.float16, None)


def test_a_type_that_the_library_does_not_write_is_named(exported: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        export_adapter(exported, "ollama", tmp_path / "out", ExportOptions(dtype="q4_k"))
    assert re.fullmatch(
        r"The library gguf [\d.]+ reads q4_k and writes none: export with --dtype q8_0 or q4_0, or with "
        r"--dtype f16 and convert that with llama\.cpp's llama-quantize\.",
        str(refused.value),
    )


MODELFILE = '''FROM ./model.gguf
TEMPLATE """<s>{{ range .Messages }}{{ if eq .Role "system" }}{{ .Content }}

{{ else if eq .Role "user" }}User: {{ .Content }}

{{ else if eq .Role "assistant" }}Mara:
{{ .Content }}

{{ end }}{{ end }}Mara:
"""
SYSTEM """Write the next reply of Mara in this chat. Stay in character."""
PARAMETER temperature 0.8
PARAMETER top_p 0.95
PARAMETER top_k 0
PARAMETER min_p 0.05
PARAMETER repeat_penalty 1.1
PARAMETER presence_penalty 0
PARAMETER frequency_penalty 0
PARAMETER repeat_last_n -1
PARAMETER num_predict 256
PARAMETER stop "</s>"
PARAMETER stop "\\n\\n"
PARAMETER num_ctx 512
'''
