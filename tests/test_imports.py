"""Imports go one way: the tree is a promise, and so is that the light parts stay light.

`ORDER` is the order of folders: a module imports its own folder and those before it. `docs/architecture.md`
draws the same tree. The files of a package's own folder are named one by one where others build on them.
"""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.paths import ROOT

ORDER = """
bot.errors bot.system bot.foreign_names bot.command_parser bot.toml bot.device_name bot.json_fault
bot.untrusted bot.files bot.token_prefix bot.sized_cache
bot.message
bot.adapter
bot.persona bot.secrets bot.addresses bot.config bot.text bot.log
bot.prompt
bot.memory.db bot.memory.queries bot.memory
bot.engine.interface
bot.engine.runtime bot.engine.quantization bot.engine.checkpoint bot.engine.tokenizer
bot.engine.kernels bot.engine.attention bot.engine.sampling bot.engine.lora
bot.engine.model_executor bot.engine.model_loader bot.engine.inventory bot.engine.core bot.engine.local
bot.chat
bot.api.metrics bot.api
bot.platforms.cancellation bot.platforms.instance_lock
bot.platforms.terminal bot.platforms.discord bot.platforms.telegram bot.platforms.web
bot.app bot.__main__
training.progress training.scrub.detectors training.scrub training.store
training.importers.reading training.importers.datasets training.importers.chats.line
training.importers.chats.telegram training.importers.chats.twitter training.importers.chats.wechat
training.importers.chats.whatsapp training.importers.chats
training.importers.texts.mail training.importers.texts
training.importers.posts.meta training.importers.posts
training.importers.assistants.chatgpt training.importers.assistants.gemini training.importers.assistants
training.importers
training.dataset training.tokenization training.planning training.metrics training.runs training.adapters.gguf
training.adapters training.packing training.distributed training.trainer training.evaluation
training.commands training.__main__
""".split()
# what training shares with serving; beside it the engine
SHARED = """
bot.errors bot.system bot.foreign_names bot.command_parser bot.toml bot.device_name bot.json_fault
bot.untrusted bot.files bot.token_prefix bot.sized_cache
bot.message
bot.adapter
bot.persona bot.secrets bot.addresses bot.config bot.text bot.prompt bot.engine
""".split()
MODEL_LIBRARIES = {"torch", "transformers", "peft", "bitsandbytes", "accelerate", "tokenizers", "safetensors"}
MODEL_FOLDERS = """
bot.engine.runtime bot.engine.quantization bot.engine.tokenizer bot.engine.kernels bot.engine.attention
bot.engine.sampling
bot.engine.lora bot.engine.model_executor bot.engine.model_loader bot.engine.core bot.engine.local
training.dataset.base_tokenizer training.tokenization.encode training.planning.memory
training.runs.checkpoints training.adapters training.packing training.distributed training.trainer
training.evaluation.forced_scoring training.commands
""".split()
PLATFORM_LIBRARIES = {
    "discord": "bot.platforms.discord",
    "telegram": "bot.platforms.telegram",
    "prompt_toolkit": "bot.platforms.terminal.repl",
    "rich": "bot.platforms.terminal.screen",
}


@cache
def modules(package: str) -> dict[str, Path]:
    """Every module of a package by its dotted name; a folder's own `__init__` goes by the folder's."""
    paths = sorted((ROOT / package).rglob("*.py"))
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in paths
    }


@cache
def imports(path: Path) -> frozenset[str]:
    """Every module that a file imports, at its top or inside a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: a relative import hides the order"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            known = {**modules("bot"), **modules("training")}
            found |= {name for name in names if name in known} or {node.module}
    return frozenset(found)


def is_in(module: str, folder: str) -> bool:
    return module == folder or module.startswith(f"{folder}.")


def rank(module: str) -> int | None:
    """The place of a module's folder in the order; None for what is no module of ours."""
    homes = [folder for folder in ORDER if is_in(module, folder)]
    return ORDER.index(max(homes, key=len)) if homes else None


def every(package: str) -> list[str]:
    return [name for name in modules(package) if name not in ("bot", "training")]


def path_of(module: str) -> Path:
    return modules(module.split(".")[0])[module]


def libraries(module: str) -> set[str]:
    return {name.split(".")[0] for name in imports(path_of(module))}


@pytest.mark.parametrize("module", [*every("bot"), *every("training")])
def test_a_module_imports_its_own_folder_and_those_before_it(module: str) -> None:
    if path_of(module).name == "__init__.py":
        return  # a folder's front door opens on what is inside
    own = rank(module)
    assert own is not None, f"{module} is in no folder of the order"
    late = {name for name in imports(path_of(module)) if (found := rank(name)) is not None and found > own}
    assert not late, f"{module} imports {late}, which come later"


def test_no_module_imports_itself_through_others() -> None:
    graph = {
        name: imports(path) for package in ("bot", "training") for name, path in modules(package).items()
    }
    done, under_way = set[str](), list[str]()

    def walk(module: str) -> None:
        assert module not in under_way, " -> ".join([*under_way, module])
        if module not in done and module in graph:
            under_way.append(module)
            for name in sorted(graph[module]):
                walk(name)
            done.add(under_way.pop())

    for module in graph:
        walk(module)


@pytest.mark.parametrize("module", [*every("bot"), *every("training")])
def test_only_their_own_folders_import_the_model_libraries(module: str) -> None:
    heavy = libraries(module) & MODEL_LIBRARIES
    assert not heavy or any(is_in(module, folder) for folder in MODEL_FOLDERS)


@pytest.mark.parametrize("module", every("bot"))
def test_a_platform_library_stays_in_its_folder_and_sqlite_in_memory(module: str) -> None:
    used = libraries(module)
    homes = [home for library, home in PLATFORM_LIBRARIES.items() if library in used]
    assert all(is_in(module, home) for home in homes)
    assert not used & {"aiosqlite", "sqlite3"} or is_in(module, "bot.memory")


@pytest.mark.parametrize("module", every("bot"))
def test_bot_never_imports_training(module: str) -> None:
    assert "training" not in libraries(module)


@pytest.mark.parametrize("module", every("training"))
def test_training_imports_of_bot_only_what_both_share(module: str) -> None:
    used = {name for name in imports(path_of(module)) if is_in(name, "bot")} - {"bot"}
    assert all(any(is_in(name, shared) for shared in SHARED) for name in used), used


@pytest.mark.parametrize("module", [name for name in every("training") if is_in(name, "training.importers")])
def test_an_importer_knows_no_other(module: str) -> None:
    if path_of(module).name == "__init__.py" or module in (
        "training.importers.registry",
        "training.importers.unread",
    ):
        return
    own = module.rpartition(".")[0]
    used = {name for name in imports(path_of(module)) if is_in(name, "training.importers")}
    beside = {name for name in used if not is_in(name, "training.importers.reading")}
    is_folder_of_one = own.count(".") > 2  # such as training.importers.chats.line
    assert not beside or (is_folder_of_one and all(is_in(name, own) for name in beside)), beside


@pytest.mark.parametrize("package", ["bot", "training"])
def test_nothing_unpickles_evaluates_or_trusts_remote_code(package: str) -> None:
    forbidden = {"pickle", "dill", "joblib", "shelve", "marshal", "torch.load"}
    for name, path in modules(package).items():
        assert not imports(path) & forbidden, name
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in {"eval", "exec", "pickle.load", "np.load", "torch.load"}, name
                trusting = [k for k in node.keywords if k.arg == "trust_remote_code"]
                assert all(ast.unparse(k.value) == "False" for k in trusting), name


def test_no_sql_is_built_from_values() -> None:
    for name, path in modules("bot").items():
        for node in ast.walk(ast.parse(path.read_text())):
            is_execute = isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
                (".execute", ".executemany")
            )
            assert not (is_execute and isinstance(node.args[0], ast.JoinedStr)), f"{name}:{node.lineno}"


def loaded_by(module: str) -> set[str]:
    code = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["bot.chat.chat", "bot.chat.commands", "bot.__main__"])
def test_the_conversation_loads_neither_torch_nor_a_platform_library(module: str) -> None:
    assert not loaded_by(module) & (MODEL_LIBRARIES | set(PLATFORM_LIBRARIES) | {"aiohttp"})


def test_importing_exports_loads_no_model_library() -> None:
    assert not loaded_by("training.__main__") & MODEL_LIBRARIES
