"""Imports go one way: the layout is a promise, and so is that the light parts stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ORDER = (
    "errors toml config redaction log message persona names template render turns fit prompt attention "
    "memory cascade engine manifest marks parts situation delivery preview room speaker chat initiative "
    "recast commands housekeeping doctor platforms host arguments __main__"
).split()
SHARED_WITH_TRAINING = {
    "errors",
    "toml",
    "config",
    "message",
    "persona",
    "names",
    "template",
    "render",
    "turns",
    "prompt",
    "manifest",
}
MODEL_LIBRARIES = {"torch", "transformers", "peft", "bitsandbytes", "accelerate", "tokenizers", "safetensors"}
MODEL_FILES = {
    "bot/engine/kernels/attention.py",
    "bot/engine/core/engine_core.py",
    "bot/engine/lora/batch_mapping.py",
    "bot/engine/attention/kv_slab.py",
    "bot/engine/local/local_engine.py",
    "bot/engine/model_loader/loader.py",
    "bot/engine/model_loader/quantization.py",
    "bot/engine/model_loader/gguf.py",
    "bot/engine/tokenizer/files.py",
    "bot/engine/lora/registry.py",
    "bot/engine/attention/kv_cache.py",
    "bot/engine/runtime/cpu_threads.py",
    "bot/engine/model_executor/model_runner.py",
    "bot/engine/sampling/ops.py",
    "bot/engine/kernels/matmul.py",
    "bot/engine/model_executor/fused_layers.py",
    "bot/engine/lora/active.py",
    "bot/engine/kernels/gather_matmul.py",
    "bot/engine/kernels/lora_slots.py",
    "bot/engine/model_executor/native_layers.py",
    "bot/engine/kernels/native.py",
    "bot/engine/kernels/bf16_matmul.py",
    "bot/engine/lora/linear.py",
    "bot/engine/model_executor/patching.py",
    "bot/engine/attention/decode_attention.py",
    "bot/engine/attention/forward_batch.py",
    "bot/engine/runtime/errors.py",
    "bot/engine/sampling/sampler.py",
    "bot/engine/tokenizer/tokenizer.py",
}
TRAINING_MODEL_FILES = {
    "training/dataset/base_tokenizer.py",
    "training/tokenization/encode.py",
    "training/trainer/base_model.py",
    "training/runs/checkpoints.py",
    "training/trainer/continuing.py",
    "training/commands/evaluate.py",
    "training/trainer/loop.py",
    "training/evaluation/forced_scoring.py",
    "training/adapters/export.py",
    "training/adapters/merge.py",
    "training/adapters/adopt.py",
    "training/packing/attention.py",
    "training/distributed/fsdp.py",
    "training/adapters/pickled.py",
    "training/trainer/lora_learner.py",
    "training/packing/loss.py",
    "training/planning/memory.py",
    "training/packing/layout.py",
    "training/trainer/start.py",
    "training/distributed/processes.py",
    "training/trainer/tracking.py",
}
UNPICKLES = "training/adapters/pickled.py"  # tensors alone, and only for `adopt`
# what importers share; otherwise each is a file, or says here which of its parts are files
IMPORTERS_SHARE = set("archive decoding head rows scan source tally turns words".split())
IMPORTER_PARTS = {
    "twitter": {"tweet", "tweets", "twitter_direct"},
    "tweets": {"tweet"},
    "twitter_direct": {"tweets"},
    "whatsapp": {"whatsapp_phrases"},
}
PLATFORM_LIBRARIES = {
    "discord": "bot/platforms/discord",
    "telegram": "bot/platforms/telegram",
    "prompt_toolkit": "bot/platforms/terminal/repl.py",
    "rich": "bot/platforms/terminal/screen.py",
}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, at its top or inside a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: a relative import hides the order"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def layer(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "bot" and len(parts) > 1 else None


@pytest.mark.parametrize("path", files("bot"), ids=name)
def test_a_module_imports_only_what_stands_before_it(path: Path) -> None:
    own = path.relative_to(ROOT / "bot").parts[0].removesuffix(".py")
    if own == "__init__":
        return
    known = {found for module in imports(path) if (found := layer(module)) in ORDER}
    late = {found for found in known if ORDER.index(found) > ORDER.index(own)}
    assert not late, f"{name(path)} imports {late}, which come later"


@pytest.mark.parametrize("path", files("bot"), ids=name)
def test_only_their_own_files_import_the_model_libraries(path: Path) -> None:
    heavy = {module.split(".")[0] for module in imports(path)} & MODEL_LIBRARIES
    assert not heavy or name(path) in MODEL_FILES


@pytest.mark.parametrize("path", files("bot"), ids=name)
def test_a_platform_library_stays_in_its_file_and_sqlite_in_memory(path: Path) -> None:
    used = {module.split(".")[0] for module in imports(path)}
    homes = [home for library, home in PLATFORM_LIBRARIES.items() if library in used]
    assert all(path.is_relative_to(ROOT / home) for home in homes)
    assert not used & {"aiosqlite", "sqlite3"} or path.is_relative_to(ROOT / "bot/memory")


def test_bot_never_imports_training() -> None:
    assert not [
        name(path) for path in files("bot") if any(m.split(".")[0] == "training" for m in imports(path))
    ]


@pytest.mark.parametrize("path", files("training"), ids=name)
def test_training_imports_of_bot_only_what_both_share(path: Path) -> None:
    assert {layer(module) for module in imports(path)} - {None} <= SHARED_WITH_TRAINING | {"engine"}


@pytest.mark.parametrize("path", files("training"), ids=name)
def test_only_training_itself_imports_the_model_libraries(path: Path) -> None:
    heavy = {module.split(".")[0] for module in imports(path)} & MODEL_LIBRARIES
    assert not heavy or name(path) in TRAINING_MODEL_FILES


@pytest.mark.parametrize("path", files("training/importers"), ids=name)
def test_an_importer_knows_no_other(path: Path) -> None:
    if path.stem == "__init__":
        return
    ways = [module.split(".") for module in imports(path) if module.startswith("training.importers.")]
    assert {way[2] for way in ways} <= IMPORTERS_SHARE | IMPORTER_PARTS.get(path.stem, set())


@pytest.mark.parametrize("package", ["bot", "training"])
def test_nothing_unpickles_evaluates_or_trusts_remote_code(package: str) -> None:
    forbidden = {"pickle", "dill", "joblib", "shelve", "marshal", "torch.load"}
    for path in files(package):
        assert not imports(path) & forbidden, name(path)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in {"eval", "exec", "pickle.load", "np.load"}, name(path)
                if called == "torch.load":
                    assert name(path) == UNPICKLES
                    assert "weights_only=True" in map(ast.unparse, node.keywords)
                trusting = [k for k in node.keywords if k.arg == "trust_remote_code"]
                assert all(ast.unparse(k.value) == "False" for k in trusting), name(path)


def test_no_sql_is_built_from_values() -> None:
    for path in files("bot"):
        for node in ast.walk(ast.parse(path.read_text())):
            is_execute = isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
                (".execute", ".executemany")
            )
            assert not (is_execute and isinstance(node.args[0], ast.JoinedStr)), f"{name(path)}:{node.lineno}"


def loaded_by(module: str) -> set[str]:
    code = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["bot.chat.chat", "bot.chat.commands", "bot.__main__"])
def test_the_conversation_loads_neither_torch_nor_a_platform_library(module: str) -> None:
    assert not loaded_by(module) & (MODEL_LIBRARIES | set(PLATFORM_LIBRARIES))


def test_importing_exports_loads_no_model_library() -> None:
    assert not loaded_by("training.__main__") & MODEL_LIBRARIES
