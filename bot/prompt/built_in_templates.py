r"""Chat templates for models that have none, by the name that config.toml gives.

Those of other projects give the text of their training byte for byte where no speakers' names stand in it
(`speaker_names`). Sources: Abbey4799/CuteGPT (README and inference.py; code/config.py and inference_lora.py),
Facico/Chinese-Vicuna (finetune.py and chat.py; prompt.py), THUDM/ChatGLM-6B (`chat` of its model),
ljsabc/Fujisaki (tokenize_dataset_rows.py), InternLM/xtuner (utils/templates.py), which Horowag used.

The environment drops a line break behind a block, so that one there is written as an expression.
"""

_LATE_SYSTEM = (
    "{%- for m in messages %}{% if m.role == 'system' and not loop.first %}"
    "{{ raise_exception('a system turn behind others') }}{% endif %}{% endfor %}"
)

# A system text is the instruction, and the conversation its input; without one, that is the instruction. A
# conversation of more than one message is a text as Chinese-Vicuna's page writes it.
_ALPACA = (
    _LATE_SYSTEM
    + """
{%- set system = messages[0].role == 'system' %}
{%- set rest = messages[1:] if system else messages %}
{%- set answered = rest and rest[-1].role == 'assistant' and not add_generation_prompt %}
{%- set asked = rest[:-1] if answered else rest %}
{{- bos_token + 'Below is an instruction that describes a task' }}
{{- ', paired with an input that provides further context' if system and asked else '' }}
{{- '. Write a response that appropriately completes the request.\n\n### Instruction:\n' }}
{{- messages[0].content if system else '' }}
{{- '\n\n### Input:\n' if system and asked else '' }}
{%- if asked | length == 1 and asked[0].role == 'user' %}{{ asked[0].content }}
{%- elif asked %}
{%- for m in asked %}
{{- '' if loop.first else '\n' }}{{ 'User:' if m.role == 'user' else 'Assistant:' }}{{ m.content }}
{%- endfor %}
{{- '\nAssistant:' if answered or add_generation_prompt else '' }}
{%- endif %}
{{- '\n\n### Response:\n' if answered or add_generation_prompt else '' }}
{{- rest[-1].content if answered else '' }}"""
)

# A single question stands alone; more are rounds.
_CHATGLM = """{%- set ns = namespace(round=0) %}
{%- set asks = messages[0].role == 'user' %}
{%- set answered = messages | length == 2 and messages[1].role == 'assistant' and not add_generation_prompt %}
{%- set single = asks and (messages | length == 1 or answered) %}
{%- for m in messages %}
{%- if m.role == 'system' %}{{ raise_exception('a system turn') }}{% endif %}
{%- if single %}{{ m.content }}
{%- elif m.role == 'user' %}
{{- '' if loop.first else '\n' }}{{ '[Round ' }}{{ ns.round }}{{ ']\n问：' }}{{ m.content }}
{%- set ns.round = ns.round + 1 %}
{%- else %}{{ '' if loop.first else '\n' }}{{ '答：' }}{{ m.content }}{% endif %}
{%- endfor %}
{{- '\n答：' if add_generation_prompt and not single else '' }}"""

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
    # CuteGPT's rounds of question and answer; its overall instruction is the card's system prompt
    "cutegpt": (
        "{% for m in messages %}{% if m.role == 'assistant' %}答：{{ m.content }}\n"
        "{% elif m.role == 'user' %}问：{{ m.content }}\n{% else %}{{ m.content }}\n{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}答：{% endif %}"
    ),
    # the same as its training and its later pages write them: each answer begins a line
    "cutegpt-ift": (
        "{% for m in messages %}{{ '' if m.role == 'system' else '问：' if m.role == 'user' else '答：\n' }}"
        "{{ m.content }}\n{% endfor %}{{ '答：\n' if add_generation_prompt else '' }}"
    ),
    "alpaca": _ALPACA,
    # Chinese-Vicuna's conversations
    "chinese-vicuna": (
        _LATE_SYSTEM + "{{- bos_token }}{% if messages[0].role != 'system' %}"
        "The following is a conversation between an AI assistant called Assistant and a human user called "
        "User. The assistant is intelligent, knowledgeable and polite to answer questions of user.{% endif %}"
        "{% for m in messages %}"
        "{{ '' if m.role == 'system' else '\n\nUser:' if m.role == 'user' else '\n\nAssistant:' }}"
        "{{ m.content }}{% endfor %}{{ '\n\nAssistant:' if add_generation_prompt else '' }}"
    ),
    "chatglm": _CHATGLM,
    # Fujisaki's, for ChatGLM: a system text is the instruction, and the message its input
    "fujisaki": (
        _LATE_SYSTEM + "{%- for m in messages %}{{ '' if loop.first else '\n' }}"
        "{{ 'Answer: ' if m.role == 'assistant' else 'Instruction: ' if loop.first else 'Input: ' }}"
        "{{ m.content }}{% endfor %}{{ '\nAnswer: ' if add_generation_prompt else '' }}"
    ),
    # InternLM2's ChatML
    "internlm2": (
        "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
        "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    ),
    # the default of xtuner, with which Horowag was trained
    "xtuner": (
        _LATE_SYSTEM + "{{- bos_token }}{% for m in messages %}"
        "{% if m.role == 'assistant' %}<|Bot|>:{{ m.content + eos_token }}"
        "{{ '' if loop.last else '\n' + bos_token }}"
        "{% else %}{{ '<|System|>:' if m.role == 'system' else '<|User|>:' }}{{ m.content }}\n"
        "{% endif %}{% endfor %}{% if add_generation_prompt %}<|Bot|>:{% endif %}"
    ),
}
