"""A cell that is run beside its kernel: the page that joins meanwhile is answered."""

import threading
from types import SimpleNamespace

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


def test_a_scan_that_cannot_start_is_a_sentence_on_the_page():
    def start():
        raise SteeringError("Ben holds the lease.")

    session = SimpleNamespace(board=SimpleNamespace(notice=Cell("")))
    run_beside("start()", {"start": start, "session": session, "dashboard": dashboard(1)}).join(10)
    assert session.board.notice.value == ("The scan was not started. Ben holds the lease. Choose it, and press Start.")
