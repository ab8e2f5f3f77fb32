"""Names that other programs give to settings and options, each with what to write here.

They are those of Fujisaki, CuteGPT, Chinese-Vicuna, xtuner, transformers and PEFT. Each answer is a clause
that is clear wherever the name was written: in config.toml, persona.toml, a recipe or on the command line.
"""

from collections.abc import Iterable

_SAMPLING = "in [sampling] of persona.toml"
_MODEL = "in [model] of config.toml"
_TRAINING = "in [training] of persona.toml"
_GUIDE = "docs/training.md says why"

_ANSWERS: dict[str, str] = {
    # how answers are drawn
    "temperature top_p top_k min_p repetition_penalty min_tokens max_tokens": f"write it {_SAMPLING}",
    "presence_penalty frequency_penalty": f"write it {_SAMPLING}",
    "num_beams beams beam_size num_beam_groups beams_number show_beam": (
        f"chats have no beam search: write temperature = 0 {_SAMPLING} for the likeliest words, and let "
        "/again draw another answer"
    ),
    "do_sample": f"write temperature = 0 {_SAMPLING} for the likeliest words, and more than 0 to draw them",
    "temp": f"write temperature {_SAMPLING}",
    "max_new_tokens max_tokens_to_sample max_gen_len": f"write max_tokens {_SAMPLING}",
    "min_new_tokens min_length": f"write min_tokens {_SAMPLING}",
    "repeat_penalty rep_pen repetition": f"write repetition_penalty {_SAMPLING}",
    "no_repeat_ngram_size bad_words_ids": f"write repetition_penalty {_SAMPLING}",
    "early_stopping eos_token_id": f"an answer ends with its turn, or after max_tokens {_SAMPLING}",
    "num_return_sequences": "a reply is one answer: /again draws another",
    "use_typewriter stream streaming": "replies always show while they grow: leave it out",
    "share share_link": "leave it out: people talk in the terminal, on Discord and on Telegram",
    # what is remembered
    "memory_limit history_len max_history history_rounds max_rounds": (
        "write rounds in [history] of persona.toml"
    ),
    "max_memory": (
        "write tokens in [history] of persona.toml for a chat's memory (max_memory counted characters), "
        f"or device {_MODEL} for where the model lies"
    ),
    # the base model
    "model_path model_name model_name_or_path base_model pretrained_model_name_or_path base model_id": (
        f"write name {_MODEL}"
    ),
    "token_path tokenizer_path tokenizer_name tokenizer": (
        f"leave it out: the tokenizer is the one beside the model that name {_MODEL} says"
    ),
    "load_in_8bit load_8bit use_8bit int8 int8_training": f'write precision = "int8" {_MODEL}',
    "load_in_4bit load_4bit use_4bit quantization_bit": f'write precision = "nf4" {_MODEL}',
    "load_in_2bit bits wbits groupsize group_size gptq use_gptq gptq_path": (
        f'write precision = "nf4" {_MODEL}, or take a GGUF file of 4 bits; 2 bits and GPTQ are not read, and '
        f"{_GUIDE}"
    ),
    "torch_dtype dtype fp16 bf16 half float16": f"write precision {_MODEL}",
    "device_map": f'write device {_MODEL}, "auto" by default',
    "max_model_len n_ctx context_length": f"write context {_MODEL}",
    "prompt_type prompt_template chat_template template_name": (
        "write template in persona.toml, or in [model] of config.toml for all personas"
    ),
    "use_flash_attention use_flash_attn flash_attn attn_implementation": (
        "leave it out: the fastest attention of the device is taken"
    ),
    "trust_remote_code": "leave it out: no code of a model's folder is ever run",
    "use_cache": "leave it out: keys and values are always kept",
    # adapters
    "lora_path lora_weights lora_model peft_path adapter_path adapter_name_or_path lora_remote_checkpoint": (
        "let `python -m training adopt DIR --persona NAME` install the adapter"
    ),
    "use_local": "leave it out: a folder and a name on the hub are told apart",
    # the shape of a training
    "lora_rank lora_r r lora_dim": f"write rank {_TRAINING}",
    "lora_alpha": f"write alpha {_TRAINING}",
    "lora_dropout": f"write dropout {_TRAINING}",
    "target_modules lora_target lora_target_modules": f"write layers {_TRAINING}",
    "use_rslora": f"write rslora {_TRAINING}",
    "use_lora full_finetune finetuning_type": (
        f"leave it out: a persona is always a LoRA adapter, never every weight of the model, and {_GUIDE}"
    ),
    "learning_rate lr": f"write rate {_TRAINING}",
    "warmup_ratio warmup_steps warmup_num_steps": f"write warmup, a share of all steps, {_TRAINING}",
    "weight_decay": f"write decay {_TRAINING}",
    "max_grad_norm gradient_clipping": f"write clip {_TRAINING}",
    "num_epoch num_epochs num_train_epoch num_train_epochs max_epoches max_epochs epoch": (
        f"write epochs {_TRAINING}"
    ),
    "max_steps": f"write epochs {_TRAINING}: training stops by itself when nothing more is gained",
    "total_batch batch_size global_batch_size train_batch_size": f"write batch {_TRAINING}",
    "micro_batch micro_batch_size per_device_train_batch_size train_micro_batch_size_per_gpu": (
        f"write row, the tokens that are read at once, {_TRAINING}; batch is the number of answers in a step"
    ),
    "gradient_accumulation_steps": (
        f"write batch, the answers of a step, {_TRAINING}: how many rows they take follows from the memory"
    ),
    "gradient_checkpointing": f"write checkpointing {_TRAINING}",
    "packing group_by_length": "leave it out: examples are always packed, and never see each other",
    "lr_scheduler_type optim optimizer": "leave it out: it is AdamW, with a cosine to zero behind the warmup",
    "cutoff_len max_length max_seq_length max_seq_len model_max_length": (
        f"give `python -m training build` --window TOKENS; an answer's length is max_tokens {_SAMPLING}"
    ),
    "test_size val_set_size validation_split": "give `python -m training build` --test-size COUNT or SHARE",
    "max_training_samples max_samples": "give `python -m training build` --cap COUNT",
    "eval_steps evaluation_strategy eval_strategy": f"write evaluations, a number in each epoch, {_TRAINING}",
    "save_steps save_strategy save_interval": f"write save_every {_TRAINING}, or --save-every STEPS",
    "save_total_limit load_best_model_at_end": (
        "leave it out: the last and the best state are always kept, and with --save-every each state it saves"
    ),
    "dataset_type remove_unused_columns skip_overlength": (
        "leave it out: `python -m training build` makes the examples of all that was imported"
    ),
    "log_steps logging_steps logging_first_step": "leave it out: every step stands in the run's log.jsonl",
    "early_stopping_patience": f"write patience {_TRAINING}",
    # the command line of a training
    "data_path dataset_path dataset train_file data_dir json_path": (
        "let `python -m training import PATH --persona NAME` read the data first"
    ),
    "output_path output_dir save_path save_dir save_name out_data_path": (
        "leave it out: a run is kept in personas/NAME/work/runs, and `python -m training export` writes "
        "its adapter elsewhere"
    ),
    "resume_from_checkpoint resume_from ckpt_path": (
        "write --resume for an interrupted run, or --continue-from DIR for an adapter and other data"
    ),
    "load_lora load_lora_path": "write --continue-from DIR",
    "ignore_data_skip": "write --continue-from DIR --keep-schedule to go on with other data",
    "wandb report_to use_wandb": "write --track wandb",
    "deepspeed deepspeed_config ds_config": (
        f"start several processes with `accelerate launch` and FSDP: DeepSpeed is not used, and {_GUIDE}"
    ),
    "local_rank nproc_per_node master_port ddp_find_unused_parameters": (
        "start several processes with `accelerate launch`"
    ),
}
_BY_NAME = {name: answer for names, answer in _ANSWERS.items() for name in names.split()}


def answer_foreign_name(name: str) -> str:
    """Return what to write here for another program's setting or option; empty for any other name."""
    return _BY_NAME.get(_plain(name), "")


def answer_foreign_option(words: Iterable[str]) -> str:
    """Return a sentence about the first word that is another program's option, such as `--num_beams`.

    It is empty where no word is one.
    """
    for word in words:
        name = word.partition("=")[0]
        if name.startswith("--") and (answer := answer_foreign_name(name)):
            return f"{name} is not an option here: {answer}."
    return ""


def _plain(name: str) -> str:
    return name.lower().lstrip("-").replace("-", "_")
