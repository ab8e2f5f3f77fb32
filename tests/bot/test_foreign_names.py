"""Settings and options of other programs are answered with ours, in files and on the command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import config
from bot.app.arguments import argument_parser
from bot.config import ConfigFile
from bot.errors import UserError
from bot.foreign_names import answer_foreign_name, answer_foreign_option
from bot.persona.persona import PersonaFile, Sampling, load_persona
from training.__main__ import main
from training.planning.recipe_file import read_recipe

# every name that the ancestors' code gives to a setting, an option or a parameter of generation
FUJISAKI = """
dataset_path model_path lora_rank temperature top_p top_k repetition_penalty num_beams do_sample max_length
json_path save_path max_seq_length skip_overlength num_train_epoch per_device_train_batch_size
gradient_accumulation_steps save_steps save_total_limit learning_rate remove_unused_columns logging_steps
output_dir ddp_find_unused_parameters warmup_steps nproc_per_node master_port
"""
CUTEGPT = """
local_rank max_epoches max_training_samples data_path model_path max_length use_flash_attention use_lora
load_lora load_lora_path save_dir save_name save_steps top_p top_k repetition_penalty max_new_tokens
early_stopping min_length eos_token_id memory_limit load_in_8bit torch_dtype device_map lora_alpha
lora_dropout target_modules gradient_accumulation_steps train_micro_batch_size_per_gpu warmup_num_steps
optimizer dataset_type out_data_path tokenizer
"""
CHINESE_VICUNA = """
wandb prompt_type data_path output_path model_path num_epoch micro_batch total_batch log_steps eval_steps
save_steps warmup_ratio test_size resume_from_checkpoint lora_remote_checkpoint ignore_data_skip token_path
lora_path load_8bit use_local use_typewriter num_beams min_new_tokens max_new_tokens repetition_penalty
max_memory save_total_limit load_best_model_at_end per_device_train_batch_size warmup_steps num_train_epochs
max_steps learning_rate fp16 logging_steps evaluation_strategy save_strategy output_dir report_to cutoff_len
lora_r bad_words_ids int8 show_beam share_link
"""
XTUNER = (
    "pretrained_model_name_or_path trust_remote_code load_in_4bit max_length prompt_template max_epochs lr"
)
OURS = {"temperature", "top_p", "top_k", "repetition_penalty"}


def folder(root: Path, toml: str) -> Path:
    (root / "card.json").write_text('{"name": "Mara"}')
    (root / "persona.toml").write_text(toml)
    return root


@pytest.mark.parametrize("name", sorted({*f"{FUJISAKI} {CUTEGPT} {CHINESE_VICUNA} {XTUNER}".split()} - OURS))
def test_every_name_of_the_ancestors_is_answered_in_one_clause(name: str) -> None:
    answer = answer_foreign_name(name)
    assert answer
    assert answer_foreign_name(f"--{name.replace('_', '-').upper()}") == answer
    assert not answer.endswith(".")
    assert ". " not in answer.replace(". 10", "")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            "[model]\nload_in_8bit = true",
            'model.load_in_8bit is not a known key: write precision = "int8" in',
        ),
        (
            "[model]\ntemperature = 1",
            "model.temperature is not a known key: write it in [sampling] of persona",
        ),
        (
            "[chat]\nmax_memory = 256",
            "chat.max_memory is not a known key: write tokens in [history] of persona",
        ),
    ],
)
def test_config_toml_answers_with_our_key(tmp_path: Path, table: str, said: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(table)
    with pytest.raises(UserError) as caught:
        config.load_config(path, {})
    assert str(caught.value).startswith(f"{path}, line 2: {said}")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("[sampling]\nnum_beams = 4", "sampling.num_beams is not a known key: chats have no beam search"),
        (
            "[sampling]\nmax_new_tokens = 4",
            "is not a known key: write max_tokens in [sampling] of persona.toml.",
        ),
        ("[training]\nlora_r = 8", "training.lora_r is not a known key: write rank in [training]"),
        ("[history]\nmemory_limit = 3", "is not a known key: write rounds in [history] of persona.toml."),
        ("[sampling]\nrounds = 3", "sampling.rounds is not a known key: it belongs below [history]."),
    ],
)
def test_persona_toml_answers_with_our_key(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        load_persona(folder(tmp_path, table))
    assert said in str(caught.value)
    assert "line 2" in str(caught.value)


def test_a_recipe_answers_with_our_key(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("rank = 8\nlearning_rate = 3e-4\n")
    with pytest.raises(UserError) as caught:
        read_recipe(path)
    assert str(caught.value) == (
        f"{path}, line 2: learning_rate is not a known key: write rate in [training] of persona.toml."
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["train", "--persona", "m", "--num_epoch", "3"],
            "--num_epoch is not an option here: write epochs in",
        ),
        (["train", "--data_path", "x"], "--data_path is not an option here: let `python -m training import"),
        (["train", "--wandb"], "--wandb is not an option here: write --track wandb."),
        (["train", "--persona", "m", "--test_size=200"], "give `python -m training build` --test-size COUNT"),
        (["build", "--test-size", "5"], "the following arguments are required: --persona"),
        (
            ["build", "--persona", "m", "--test-size", "x"],
            "argument --test-size: 'x' is no size: write a count",
        ),
        (["train", "--persona", "m", "--loud"], "unrecognized arguments: --loud"),
    ],
)
def test_the_trainers_command_line_answers_with_our_option(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_the_bots_command_line_answers_with_our_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        argument_parser("").parse_args(["chat", "--lora_path", "x"])
    assert stopped.value.code == 2
    assert "--lora_path is not an option here: let `python -m training adopt" in capsys.readouterr().err


def test_a_value_is_not_taken_for_an_option() -> None:
    assert answer_foreign_option(["num_beams", "-num_beams", "--say", "lr"]) == ""


def tables(kind: type) -> Iterator[str]:
    for name, field in kind.model_fields.items():  # type: ignore[attr-defined]
        yield name
        if hasattr(field.annotation, "model_fields"):
            yield from field.annotation.model_fields


def test_no_key_of_ours_is_answered_as_another_programs_but_the_names_of_sampling() -> None:
    keys = {*tables(ConfigFile), *tables(PersonaFile)}
    assert {key for key in keys if answer_foreign_name(key)} == set(Sampling.model_fields)
