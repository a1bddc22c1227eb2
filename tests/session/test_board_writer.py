"""What a follower hands on, and to whom."""

import asyncio
from types import SimpleNamespace

from steering.session.board_writer import BoardWriter


def test_what_comes_late_of_a_run_before_is_no_reason_to_steer_this_one():
    given, shown = [], []
    follower = BoardWriter.__new__(BoardWriter)
    follower._shown_source = SimpleNamespace(publish=lambda followed, result: shown.append(result))
    follower._agents = SimpleNamespace(ingest=lambda result, main, alarms: given.append(result))
    follower._news, follower._record = asyncio.Event(), None
    follower._documents = SimpleNamespace(labels=("curve",), run="now", alarms_of=lambda label: ())
    of = {run: SimpleNamespace(provenance=SimpleNamespace(run=run, label="curve")) for run in ("before", "now")}
    for result in of.values():
        follower._publish(follower._documents, result)
    assert shown == [of["before"], of["now"]]
    assert given == [of["now"]]
