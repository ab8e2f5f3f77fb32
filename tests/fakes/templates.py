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

# features that templates of released models use, beside those of the fakes
TOOLS = """{%- macro shown(value, quoted=true) -%}
{%- if value is string -%}{{ '"' + value + '"' if quoted else value }}
{%- elif value is mapping -%}
{%- set ns = namespace(found=false) -%}{ {%- for key, each in value | dictsort -%}
{%- if ns.found %}, {% endif -%}{%- set ns.found = true -%}{{ key }}: {{ shown(each, quoted=quoted) -}}
{%- endfor -%} }
{%- elif value is sequence -%}[
{%- for each in value -%}{{ shown(each) }}{{ ', ' if not loop.last }}{%- endfor -%}]
{%- elif value is none -%}null
{%- elif value is boolean -%}{{ value | lower }}{%- else -%}{{ value }}{%- endif -%}
{%- endmacro -%}
{%- set ns = namespace(last=-1, system='', open=false) -%}
{%- for m in messages -%}
{%- if m['role'] == 'system' and loop.first -%}{%- set ns.system = m.content | trim -%}
{%- elif m.role not in ['system', 'user'] and m.get('tool_calls') is none -%}{%- set ns.last = loop.index0 -%}
{%- endif -%}{%- endfor -%}
{{- bos_token ~ shown({'b': [1, 2.5, 'x'], 'a': none, 'c': {'d': true}}) }}
{%- if ns.system %}<sys>{{ ns.system }}</sys>{% endif %}
{%- for m in (messages[1:] if ns.system else messages) -%}
{%- if loop.previtem is defined and loop.previtem.role == m.role %}<same>{% endif %}
{%- if not loop.last and loop.nextitem.role != m.role -%}
<next {{ loop.nextitem.role[:4] | upper }}>{% endif %}
<{{ m.role.split('s')[0] | title }} {{ loop.index }}/{{ loop.length }}>
{{- m.content.strip() | replace('x', 'y') }}
{%- set words = 'a-b-c'.split('-') | reject('equalto', 'b') | map('upper') | list -%}
{%- set words = words + ['%s|%03d' | format('f', 7)] -%}
{{- words | join('+') }}{{ (words | length) * 2 - 1 }}
{{- '=' * 3 }}{{ '%s' % m.role }}{{ '{}!'.format('z') }}
{%- if loop.index0 >= ns.last and m.content is defined and '<' not in m.content -%}
{{- [m] | selectattr('role', 'in', ['user']) | list | length }}{% endif %}
{%- endfor %}
{{- range(3) | list }}{{ (1, 'a', none) }}
{{- {'k': [1]}.items() | list }}{{ {'k': 1} | tojson }}
{%- set tools = tools or [] %}{{ tools | default([], true) | length }}
{{- missing | default('none') }}{{ 7 // 2 ** 1 % 4 }}
{%- if add_generation_prompt %}{{ 'go' | indent(2, true) }}
{{- -1 | abs }}{{ '3' | int + 1.5 | float }}{{ [3, 1] | max }}{% endif %}"""
