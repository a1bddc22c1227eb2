"""How flows stand is looked at often: what a look costs does not grow with what is over, or with what was done."""

import asyncio
import shutil
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.core.errors import SteeringError
from steering.flow_runner import returned
from steering.flow_runner.orders import find_journal, order
from steering.flow_runner.returned import Looked, _look, follow_flows
from steering.flow_steps import flow_journal, flow_state
from steering.flow_steps.bells import ring_all
from steering.flow_steps.flow_journal import FlowJournal, flows_folder, journals
from steering.flow_steps.flow_state import fold
from tests.flow_runner.test_returned import until
from tests.flow_runner.workspaces import UID, flow

ORDERED = {"kind": "ordered", "time": 1.0, "flow": "keep", "run": UID, "steps": ["transfer"], "by": "ana"}


@given(st.lists(st.tuples(st.sampled_from(["did", "progress", "began", "waits"]), st.integers(0, 5)), max_size=60))
def test_effects_are_folded_each_once_whatever_comes_between(lines):
    made, wanted = [ORDERED], {}
    for number, (kind, key) in enumerate(lines):
        line = {"kind": kind, "time": float(number), "step": "transfer", "bytes": 1, "bytes_total": 2}
        made.append({**line, "key": f"copy:{key}"} if kind == "did" else line)
        if kind == "did":
            wanted[f"copy:{key}"] = made[-1]
    state = fold("keep", made)
    assert state.effects == wanted
    assert fold("keep", [ORDERED]).effects == {}, "nothing of another one"


def test_ten_thousands_of_effects_are_not_copied_for_each(monkeypatch):
    replaced, replace = [], flow_state.replace
    monkeypatch.setattr(flow_state, "replace", lambda *one, **more: replaced.append(1) or replace(*one, **more))
    folded = fold("keep", [ORDERED, *({"kind": "did", "time": 1.0, "key": f"copy:{n}"} for n in range(20_000))])
    assert len(folded.effects) == 20_000
    assert len(replaced) == 2


LINES = st.lists(
    st.sampled_from(
        [
            b'{"kind": "did", "time": 2, "key": "a"}\n',
            b'{"kind": "running", "time": 2}\n',
            b'{"kind": "ended", "time": 3, "status": "failed"}\n',
            b"[1]\n",
            b"no json\n",
        ]
    )
)


@given(LINES, st.lists(st.integers(1, 60), min_size=1))
def test_a_journal_that_grows_is_read_on_and_stands_as_if_it_were_read_from_its_begin(tmp_path_factory, lines, pieces):
    journal = FlowJournal(tmp_path_factory.mktemp("flows") / "keep")
    journal.order({"flow": "keep", "run": UID, "steps": [], "by": "ana"})
    content, kept = b"".join(lines), []
    with (journal.folder / "journal.jsonl").open("ab", buffering=0) as file:
        while content:
            size = pieces[len(kept) % len(pieces)]
            file.write(content[:size])
            content = content[size:]
            state = journal.folded
            assert state == FlowJournal(journal.folder).folded
            kept.append((state, dict(state.effects)))
    for state, effects in kept:
        assert state.effects == effects, "what is written later does not change it"


def test_one_that_was_removed_and_ordered_anew_is_read_anew_and_one_that_is_spoilt_says_so_each_time(workspace):
    journal = over(workspace, "keep", "failed")
    assert journal.state.status == "failed"
    shutil.rmtree(journal.folder)
    with pytest.raises(SteeringError, match="There is no flow run"):
        _ = journal.state
    again, _ = order(workspace, "keep", flow(), UID)
    with again:
        again.write("progress", {"step": "transfer", "bytes": 1, "bytes_total": 2, "more": "x" * 10_000})
    assert journal.state.status == "ordered"
    with again:
        again.write("done", {"step": "transfer"})
    for _ in range(2):
        assert "cannot be read" in journal.state.why
        with pytest.raises(SteeringError, match="cannot be read"):
            _ = journal.folded


def over(workspace, name, status="succeeded"):
    journal, _ = order(workspace, name, flow(), UID)
    with journal:
        journal.write("ended", {"status": status, "why": ""})
    return journal


def test_flow_runs_that_are_over_are_neither_opened_nor_locked_again(workspace, monkeypatch):
    for number in range(10):
        over(workspace, f"keep{number}", ("succeeded", "failed", "cancelled")[number % 3])
    going, _ = order(workspace, "going", flow(), UID)
    opened, read = [], FlowJournal._read_on
    monkeypatch.setattr(FlowJournal, "_read_on", lambda self: opened.append(self.id) or read(self))
    held, taken = [], flow_journal._taken
    monkeypatch.setattr(flow_journal, "_taken", lambda file, *kind: held.append(file.name) or taken(file, *kind))
    looked = Looked()
    assert len(_look(flows_folder(workspace), looked)) == 11
    opened.clear()
    held.clear()
    for _ in range(5):
        assert _look(flows_folder(workspace), looked) == []
    assert (opened, held) == ([], [])
    # Whoever takes one up is seen, though nothing is written yet, and whoever lets go or is killed.
    with going:
        assert [(one.id, one.status) for one in _look(flows_folder(workspace), looked)] == [(going.id, "running")]
        assert _look(flows_folder(workspace), looked) == []
    assert [(one.id, one.status) for one in _look(flows_folder(workspace), looked)] == [(going.id, "ordered")]
    again = FlowJournal(flows_folder(workspace) / f"keep1-{UID[:8]}")
    with again:
        again.write("resumed")
    assert [(one.id, one.status) for one in _look(flows_folder(workspace), looked)] == [(again.id, "ordered")]


def test_a_flow_run_that_is_removed_in_that_moment_is_left_out(workspace, monkeypatch):
    over(workspace, "keep")
    gone = over(workspace, "gone")
    held = FlowJournal.held.fget

    def removed(self):
        if self.id == gone.id:
            (self.folder / "journal.jsonl").unlink()
        return held(self)

    monkeypatch.setattr(FlowJournal, "held", property(removed))
    assert [one.id for one in _look(flows_folder(workspace), Looked())] == [f"keep-{UID[:8]}"]


def test_to_list_or_find_flow_runs_none_is_folded(workspace, monkeypatch):
    ids = [over(workspace, name).id for name in ("one", "two", "three")]

    def folded(*_):
        raise AssertionError

    monkeypatch.setattr(flow_journal, "Fold", folded)
    assert [one.id for one in journals(workspace)] == ids[::-1]
    assert find_journal(workspace, ids[0]).id == ids[0]
    assert find_journal(workspace, "tw").id == ids[1]


async def test_a_flow_that_writes_without_end_is_looked_at_now_and_then(workspace, monkeypatch):
    happened, look, sleep = [], returned._look, asyncio.sleep

    async def paused(seconds):
        happened.append(seconds)
        await sleep(0.001)

    monkeypatch.setattr(returned, "_look", lambda *args: happened.append("look") or look(*args))
    monkeypatch.setattr(returned, "asyncio", Paused(paused))
    journal, _ = order(workspace, "keep", flow(), UID)
    seen = []
    following = asyncio.create_task(follow_flows(flows_folder(workspace), seen.append, seen.append))
    with journal:
        while happened.count("look") < 4:
            journal.write("progress", {"step": "transfer", "bytes": 1, "bytes_total": 2}, sync=False)
            await sleep(0)
        journal.write("ended", {"status": "failed", "why": "No room."})
    # The last word is never missed.
    await until(lambda: seen[-1][0].status == "failed")
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert happened[::2] == ["look"] * len(happened[::2])
    assert all(0.02 <= seconds <= 0.5 for seconds in happened[1::2])


async def test_a_look_that_takes_long_is_followed_by_a_longer_pause(workspace, monkeypatch):
    pauses, clock = [], iter([0.0, 0.01, 1.0, 3.0, 4.0, 4.0])

    async def paused(seconds):
        pauses.append(seconds)
        await asyncio.sleep(0.001)

    monkeypatch.setattr(returned, "_look", lambda *_: [])
    monkeypatch.setattr(returned, "time", SimpleNamespace(monotonic=lambda: next(clock, 5.0)))
    monkeypatch.setattr(returned, "asyncio", Paused(paused))
    flows_folder(workspace).mkdir(parents=True, exist_ok=True)
    following = asyncio.create_task(follow_flows(flows_folder(workspace), pauses.append, pauses.append))
    while len(pauses) < 3:
        ring_all(flows_folder(workspace))
        await asyncio.sleep(0.001)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert pauses[:3] == pytest.approx([0.1, 0.5, 0.02])


class Paused:
    """The module asyncio, whose pauses are others."""

    def __init__(self, paused):
        self.sleep = paused

    def __getattr__(self, name):
        return getattr(asyncio, name)
