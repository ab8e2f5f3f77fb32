"""The choice among a persona's adapters: the one for the running base model; those for others wait."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.adapter.base_match import Fit, ServedBase, base_fit, same_name, tidy_name
from bot.adapter.folders import shown_folder
from bot.adapter.manifest import MALFORMED, AdapterManifest, SpeakerNames, read_manifest, trained_names
from bot.untrusted import RefusedFile


@dataclass(frozen=True, slots=True)
class WaitingAdapter:
    """An adapter that was made for another base model, and that model's name."""

    folder: Path
    base: str

    def __str__(self) -> str:
        return f"{shown_folder(self.folder)} for {self.base}"


@dataclass(frozen=True, slots=True)
class AdapterChoice:
    """A persona's adapters under the base model `served`.

    `adapter` is the one to load, None where the base model speaks by itself; `waiting` are those for other
    base models. `refusal` is the sentence about an adapter that cannot be used, "" where there is none.
    `names` says when speakers' names stood in the prompts that the adapter was trained with, None where that
    is not known.
    """

    served: str = ""
    adapter: Path | None = None
    waiting: tuple[WaitingAdapter, ...] = ()
    refusal: str = ""
    names: SpeakerNames | None = None

    def waiting_note(self, persona: str) -> str:
        """Return a clause for the owner where a persona speaks from its card, since all adapters wait."""
        if self.adapter or self.refusal or not self.waiting:
            return ""
        waits = ", ".join(map(str, self.waiting))
        return (
            f"{persona} speaks from its card on {self.served}, for its adapter was made for another base "
            f"model and waits ({waits}); `python -m training train --persona {persona}` trains one for "
            f"{self.served} beside it"
        )


def choose_adapter(persona: str, folders: Sequence[Path], base: ServedBase) -> AdapterChoice:
    """Choose among a persona's adapters by their manifests; their weights are not read.

    A manifest that cannot be read is refused where no other adapter fits.
    """
    fits, waiting, refusal = list[tuple[Fit, Path, SpeakerNames | None]](), list[WaitingAdapter](), ""
    for folder in folders:
        try:
            manifest = read_manifest(folder)
            fit, name = _fit(folder, manifest, base)
        except RefusedFile as refused:
            refusal = refusal or not_loaded(persona, refused)
            continue
        if fit:
            fits.append((fit, folder, trained_names(manifest)))
        else:
            waiting.append(WaitingAdapter(folder, name))
    if not fits:
        return AdapterChoice(base.name, None, tuple(waiting), refusal)
    best = max(fit for fit, _, _ in fits)
    folder, names = next((folder, names) for fit, folder, names in fits if fit is best)
    return AdapterChoice(base.name, folder, tuple(waiting), names=names)


def not_loaded(persona: str, refused: RefusedFile) -> str:
    """Return the sentence about a persona's adapter that was refused."""
    return f'The adapter "{persona}" was not loaded: {refused.reason}; {refused.remedy}.'


def _fit(folder: Path, manifest: AdapterManifest, base: ServedBase) -> tuple[Fit, str]:
    """Return how an adapter fits, and the name of the base model that it waits for where it does not."""
    if MALFORMED in (manifest.base_model, manifest.base_hash):
        raise RefusedFile("its manifest does not say which base model it is for", "copy or train it again")
    fit = base_fit(manifest, base)
    if fit is Fit.UNPINNED:
        other = base.other_base(folder)
        return (Fit.NONE, other) if other else (fit, "")
    changed = " with other weights" if same_name(manifest.base_model, base.name) else ""
    return fit, f"{tidy_name(manifest.base_model)}{changed}"
