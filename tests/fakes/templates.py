"""Chat templates in the manner of well-known families, each with what is awkward about its own."""

# refuses a system turn, wants user and assistant in turn, calls the assistant "model", trims
GEMMA = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}
{{ raise_exception('System role not supported') }}{% endif %}
{% for message in messages %}
{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}
{% endif %}
{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}
{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}
{%- endfor %}
{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"""

# puts the system turn inside the first user turn, and wants user and assistant in turn
LLAMA2 = """{%- if messages[0].role == 'system' %}
{%- set system = '<<SYS>>\n' + messages[0].content + '\n<</SYS>>\n\n' %}{%- set rest = messages[1:] %}
{%- else %}{%- set system = '' %}{%- set rest = messages %}{%- endif %}
{%- for m in rest %}
{%- if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('must alternate') }}{% endif %}
{%- set content = system + m.content if loop.first else m.content %}
{%- if m.role == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}
{%- else %}{{ ' ' + content.strip() + ' ' + eos_token }}{%- endif %}
{%- endfor %}"""

# puts the system turn inside the LAST user turn, and takes tools for granted
MISTRAL = """{%- if messages[0]['role'] == 'system' %}{%- set system = messages[0]['content'] %}
{%- set rest = messages[1:] %}{%- else %}{%- set rest = messages %}{%- endif %}
{{- bos_token }}
{%- for m in rest %}
{%- if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{- raise_exception('must alternate') }}{%- endif %}
{%- if m['role'] == 'user' %}
{%- if tools is not none %}{{- '[AVAILABLE_TOOLS] ' }}{%- endif %}
{%- if loop.last and system is defined %}{{- '[INST] ' + system + '\n\n' + m['content'] + '[/INST]' }}
{%- else %}{{- '[INST] ' + m['content'] + '[/INST]' }}{%- endif %}
{%- else %}{{- ' ' + m['content'] + eos_token }}{%- endif %}
{%- endfor %}"""

# takes a system turn at the beginning only, opens an empty thought where thinking is off
QWEN = """{%- for m in messages %}
{%- if m.role == 'system' %}
{%- if not loop.first %}{{- raise_exception('System message must be at the beginning.') }}{%- endif %}
{%- elif m.role not in ['user', 'assistant'] %}{{- raise_exception('Unexpected message role.') }}{%- endif %}
{%- set content = m.content.split('</think>')[-1].lstrip('\n') if m.role == 'assistant' else m.content %}
{{- '<|im_start|>' + m.role + '\n' + content + '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\n\n</think>\n\n' }}{%- endif %}
{%- endif %}"""

# tells the date, marks the assistant's words, leaves its loop early, drops a late system turn
DATED = """<|im_start|>system\nToday: {{ strftime_now('%d') | length }} digits
{%- if messages[0].role == 'system' %}{{ '\n' ~ messages[0].content }}{% endif %}<|im_end|>
{% for m in messages %}
{% if m.role == 'system' %}{% continue %}{% endif %}
{% if m.role == 'nobody' %}{% break %}{% endif %}
<|im_start|>{{ m.role }}
{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}

{% else %}{{ m.content }}<|im_end|>
{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
