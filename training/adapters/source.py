"""The files of an adapter that was made elsewhere: in a folder, a file, a run, or a repository of the hub."""

from dataclasses import dataclass
from pathlib import Path

from bot.adapter.files import CONFIG, WEIGHTS
from bot.engine.checkpoint.hub_names import is_repository_name
from bot.engine.lora.weights import MLX, PICKLED
from bot.errors import UserError
from bot.system.user_path import user_path
from training.runs.checkpoints import BEST
from training.runs.folders import RECIPE

CHECKPOINTS = ("pytorch_model.bin", "mp_rank_00_model_states.pt")  # of transformers, of DeepSpeed
_FILES = (".safetensors", ".bin", ".pth", ".pt")
_SHOWN = 10  # folders that an error names


@dataclass(frozen=True, slots=True)
class AdapterSource:
    """An adapter's weights, and its config: None where there is none.

    `root` is a repository's folder in the hub's cache, into which links of its snapshots lead; None for
    files elsewhere, which may be no links out of their folder.
    """

    folder: Path
    weights: Path
    config: Path | None
    root: Path | None

    @property
    def is_in_place(self) -> bool:
        """True where the folder holds config and weights by PEFT's names, as themselves."""
        own = self.folder / CONFIG, self.folder / WEIGHTS
        return (self.config, self.weights) == own and self.root is None

    @property
    def is_checkpoint(self) -> bool:
        """True for the weights of a whole training, of which the adapter is a part."""
        return self.weights.name not in (WEIGHTS, PICKLED, MLX)


def is_hub_name(given: str) -> bool:
    """Return whether a text is OWNER/NAME, and no path of this machine."""
    return is_repository_name(given) and not user_path(given).exists()


def find_adapter(path: Path, config: Path | None = None) -> AdapterSource:
    """Return the files of the adapter at a path; `config` is an adapter_config.json that lies elsewhere.

    Raises `UserError` where nothing is there, or several adapters are.
    """
    if config is not None and not config.is_file():
        raise UserError(f"There is no file {config}: name an adapter_config.json with --adapter-config.")
    if path.is_dir():
        return _in_folder(path, config)
    if not path.is_file():
        raise UserError(
            f"There is no folder {path}: name the one that holds {CONFIG}, the file of its weights, or "
            "OWNER/NAME on the hub."
        )
    folder, root = path.parent.resolve(), _cached_repository(path.parent)
    weights = folder / path.name if root else path.resolve()
    if weights.suffix.lower() not in _FILES:
        raise UserError(f"{path.name} is no file of an adapter: name one of {', '.join(_FILES)}.")
    beside = (each / CONFIG for each in (folder, weights.parent))
    own = next((each for each in beside if each.exists()), None)
    return AdapterSource(folder, weights, config.resolve() if config else own, root)


def _in_folder(path: Path, config: Path | None) -> AdapterSource:
    folder = _adapter_folder(path).resolve()
    own = folder / CONFIG
    weights = _weights(folder, path)
    beside = config.resolve() if config else own if own.exists() else None
    return AdapterSource(folder, weights, beside, _cached_repository(folder))


def _weights(folder: Path, given: Path) -> Path:
    """Return the file of weights in a folder; raises `UserError` among several of xtuner's."""
    known = [folder / name for name in (WEIGHTS, PICKLED, MLX, *CHECKPOINTS) if (folder / name).exists()]
    saved = sorted(each for each in folder.glob("*.pth") if each.is_file())
    if not known and len(saved) > 1:
        names = ", ".join(each.name for each in saved[:_SHOWN])
        raise UserError(f"{given} holds several checkpoints ({names}): name the file of one of them.")
    return (*known, *saved, folder / WEIGHTS)[0]


def _adapter_folder(folder: Path) -> Path:
    """Return the folder of the adapter: this one, the best of a run, or one that PEFT made inside.

    Raises `UserError` where several are inside.
    """
    if (folder / RECIPE).exists() and (folder / BEST / CONFIG).exists():
        return folder / BEST
    inside = sorted(path.parent for path in folder.glob(f"*/{CONFIG}"))
    if (folder / CONFIG).exists() or not inside:
        return folder
    if len(inside) > 1:
        names = ", ".join(path.name for path in inside[:_SHOWN])
        raise UserError(f"{folder} holds several adapters ({names}): name the folder of one of them.")
    return inside[0]


def _cached_repository(folder: Path) -> Path | None:
    """Return a repository's folder in the hub's cache for one of its snapshots, else None."""
    repository = folder.absolute().parent.parent
    is_snapshot = folder.absolute().parent.name == "snapshots" and (repository / "blobs").is_dir()
    return repository.resolve() if is_snapshot else None
