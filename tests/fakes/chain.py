"""A model that says what a test wants: each token has one successor, whatever stands before it."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tests.fakes import tiny

END = "</s>"
WIDTH = 512  # more than the tokens: each has a direction of its own


def save_chain(
    folder: Path, tokens: Sequence[str], marks: Mapping[str, bool], template: str, after: str = "Ċ"
) -> Path:
    """Save a Llama that says these tokens after the token `after`, each token once at most.

    `marks` are added tokens, by whether they are special. Behind the last token stands the end, or for a
    token that came before, a circle.
    """
    tokenizer = tiny.byte_level()
    tokenizer.add_special_tokens([mark for mark, is_special in marks.items() if is_special])
    plain = [mark for mark, is_special in marks.items() if not is_special]
    tokenizer.add_tokens([AddedToken(mark, normalized=False) for mark in plain])
    _chained(tokenizer, [after, *tokens]).save_pretrained(folder)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token=END)
    fast.chat_template = template
    fast.save_pretrained(folder)
    return folder


def _chained(tokenizer: Tokenizer, tokens: Sequence[str]) -> LlamaForCausalLM:
    size = tokenizer.get_vocab_size()
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=size,
            hidden_size=WIDTH,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=4,
            num_key_value_heads=2,
            bos_token_id=1,
            eos_token_id=2,
            tie_word_embeddings=False,
        )
    )
    successors = dict.fromkeys(range(size), tokenizer.token_to_id(END))
    successors |= {
        tokenizer.token_to_id(one): tokenizer.token_to_id(next_) for one, next_ in pairwise(tokens)
    }
    with torch.no_grad():
        layer = model.model.layers[0]
        layer.self_attn.o_proj.weight.zero_()
        layer.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(size, WIDTH))
        model.lm_head.weight.zero_()
        for token, successor in successors.items():
            model.lm_head.weight[successor, token] = 1.0
    return model
