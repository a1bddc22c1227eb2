"""News of flows reach whoever listens, and a listener that has just come is not taken for one that was killed."""

import os
import threading

from steering.flow_steps.bells import Bell, ring_all


def test_a_listener_that_comes_while_others_ring_hears(tmp_path):
    over = threading.Event()

    def ring():
        while not over.is_set():
            ring_all(tmp_path)

    ringing = [threading.Thread(target=ring) for _ in range(2)]
    for one in ringing:
        one.start()
    try:
        for _ in range(300):
            with Bell(tmp_path) as bell:
                assert bell.wait(30)
    finally:
        over.set()
        for one in ringing:
            one.join()
    assert list((tmp_path / "bells").iterdir()) == []


def test_what_a_killed_process_left_is_removed(tmp_path):
    with Bell(tmp_path) as bell:
        pass
    # As after a kill: the pipe is there, and nobody reads it.
    os.mkfifo(bell.path)
    ring_all(tmp_path)
    assert not bell.path.exists()
