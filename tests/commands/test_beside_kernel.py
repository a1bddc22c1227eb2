"""A cell that is run beside its kernel: the page that joins meanwhile is answered."""

import threading
from types import SimpleNamespace

import pytest

from steering.commands.beside_kernel import run_beside
from steering.core.cell import Cell
from steering.core.errors import SteeringError


def dashboard(hellos):
    return SimpleNamespace(hellos=Cell(hellos))


def test_the_cell_runs_once_the_page_has_drawn_and_the_kernel_is_free_meanwhile():
    allowed, shown = threading.Event(), dashboard(0)
    names = {"wait": allowed.wait, "dashboard": shown}
    running = run_beside("begun = True\nwait()\nrun = 'a1b2'", names)
    assert "begun" not in names
    shown.hellos.set(1)
    allowed.set()
    running.join(10)
    assert names["run"] == "a1b2"


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (SteeringError("Ben holds the lease."), "Ben holds the lease."),
        (TimeoutError(), "The session did not answer in time."),
        (NameError("name 'sesion' is not defined"), "name 'sesion' is not defined (name error)."),
    ],
)
def test_a_scan_that_cannot_start_is_a_sentence_on_the_page(error, why):
    def start():
        raise error

    session = SimpleNamespace(board=SimpleNamespace(notice=Cell("")))
    run_beside("start()", {"start": start, "session": session, "dashboard": dashboard(1)}).join(10)
    assert session.board.notice.value == f"The scan was not started. {why} Choose it, and press Start."
