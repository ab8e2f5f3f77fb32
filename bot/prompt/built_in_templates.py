"""Chat templates for models that have none, by the name that config.toml gives."""

BUILT_IN_TEMPLATES = {
    # for models tuned on ChatML, and a fair guess for a base model that is to be tuned here
    "chatml": (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    ),
    # for a plain base model: a transcript
    "plain": (
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'assistant' %}{{ char }}:\n{% endif %}"
        "{{ m.content }}\n\n{% endfor %}{% if add_generation_prompt %}{{ char }}:\n{% endif %}"
    ),
    # CuteGPT's rounds of question and answer
    "cutegpt": (
        "{% for m in messages %}{% if m.role == 'assistant' %}答：{{ m.content }}\n"
        "{% elif m.role == 'user' %}问：{{ m.content }}\n{% else %}{{ m.content }}\n{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}答：{% endif %}"
    ),
}
