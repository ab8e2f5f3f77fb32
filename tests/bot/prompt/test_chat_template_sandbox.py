"""The sandbox holds every chat template: none opens a file, runs a command or changes a message."""

from pathlib import Path

import pytest

from tests.bot.prompt.template_layout import LOOP, A, U, complaint, laid_out


@pytest.mark.parametrize(
    "escape",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''['__class__']['__base__'] }}",
        "{{ '{0.__class__.__init__.__globals__}'.format(cycler) }}",
        "{{ cycler.__init__.__globals__.os.popen('touch CANARY').read() }}",
        "{{ self.__init__.__globals__.__builtins__.open('CANARY', 'w') }}",
        "{{ raise_exception.__globals__['datetime'] }}",
        "{{ strftime_now.__globals__.time }}",
        "{{ lipsum.__globals__['os'].mkdir('CANARY') }}",
        "{{ (messages | map('length')).gi_frame.f_globals }}",
        "{{ messages.append(1) }}",
        "{{ messages.clear() }}",
        "{{ messages[0].update(role='user') }}",
    ],
)
def test_no_template_leaves_the_sandbox(escape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = complaint(LOOP + escape.replace("CANARY", str(tmp_path / "canary")))
    assert found.startswith("The chat template refuses this conversation: ")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    "attempt",
    [
        "{{ ''.__class__ }}",
        "{{ '' | attr('__class__') }}",
        "{{ ['', ''] | map(attribute='__class__') | join }}",
        "{{ ('{0.__class__}' | attr('format'))(1) }}",
        "{% set found = ''.__class__ %}",
    ],
)
def test_what_the_sandbox_hides_is_empty(attempt: str) -> None:
    assert laid_out(LOOP + attempt, U, A) == "[0][1]"
