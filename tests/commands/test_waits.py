"""``steering run`` says why a scan waits, to whoever watches its standard error."""

from types import SimpleNamespace

from steering.commands.run import _steer
from steering.commands.script import Script
from steering.core.cell import Cell
from steering.core.status import BeamlineStatus

RUNNING = BeamlineStatus(state="running", run="uid")
PAUSED = BeamlineStatus(state="paused", run="uid", why="The beamline paused it: the motor th does not answer.")


class Statuses:
    """A cell that has another status each time that it is read twice, and stays with the last one."""

    def __init__(self, *statuses):
        self._left = [one for status in statuses for one in (status,) * 3]

    @property
    def value(self):
        return self._left.pop(0) if len(self._left) > 1 else self._left[0]


def test_each_wait_is_said_once(capsys):
    statuses = Statuses(RUNNING, PAUSED, PAUSED, RUNNING, PAUSED, BeamlineStatus(state="idle", run="uid"))
    board = SimpleNamespace(status=statuses, notice=Cell(""))
    _steer(SimpleNamespace(board=board, wait=lambda timeout: None), "uid", Script(()), 60.0)
    assert capsys.readouterr().err == 2 * "The scan waits. The beamline paused it: the motor th does not answer.\n"
