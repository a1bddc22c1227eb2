"""Flows run without anybody beside them: what keeps one from going on is told to whoever has a session open."""

import asyncio
from dataclasses import replace

import pytest

from steering.core.board import Board
from steering.flow_runner.desk import Flows
from steering.flow_runner.orders import order
from steering.flow_runner.troubles import Troubles, trouble_of
from steering.flow_steps.flow_state import ASKED, FlowState, StepState
from steering.session.notices import Notices
from tests.flow_runner.test_returned import until
from tests.flow_runner.workspaces import UID, flow, measured

WELL = FlowState("keep-3f2a", "keep", "3f2a", "running")
QUESTION = f"{ASKED}Publish? (yes, no). Answer: steering globus answer 7 OPTION."


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (WELL, ""),
        (replace(WELL, status="succeeded"), ""),
        (replace(WELL, status="cancelled", why="Cancelled by ana."), ""),
        (
            replace(WELL, status="failed", why="Free space. Resume."),
            "The flow run keep-3f2a has failed. Free space. Resume.",
        ),
        (replace(WELL, status="interrupted", why="Go on: x."), "The flow run keep-3f2a was cut off. Go on: x."),
        (
            replace(WELL, steps=(StepState("distribute", "running", QUESTION),)),
            f"The flow run keep-3f2a waits. {QUESTION}",
        ),
        # Asked before it was cancelled, and answered.
        (replace(WELL, status="cancelled", steps=(StepState("distribute", "running", QUESTION),)), ""),
        (replace(WELL, steps=(StepState("distribute", "done", QUESTION),)), ""),
        (replace(WELL, steps=(StepState("transfer", "running", "It copies."),)), ""),
    ],
)
def test_a_trouble_is_what_keeps_a_flow_from_going_on(state, said):
    assert trouble_of(state) == said


def test_each_is_told_once_and_taken_back_and_what_was_so_before_is_not_told():
    told = []
    troubles = Troubles(lambda *one: told.append(one))
    old, bad = replace(WELL, id="old", status="failed"), replace(WELL, status="failed", why="No room.")
    for states in (
        (old,),
        (old, WELL),
        (old, bad),
        (old, bad),
        (old, WELL),
        (WELL,),
        (replace(old, why="Again."), WELL),
    ):
        troubles.look(states)
    assert told == [
        ("flow keep-3f2a", "The flow run keep-3f2a has failed. No room."),
        ("flow keep-3f2a", ""),
        ("flow old", "The flow run old has failed. Again."),
    ]


async def test_a_session_says_that_a_flow_has_failed_until_it_goes_on(workspace):
    measured(workspace, UID)
    board = Board()
    flows = Flows(workspace, board)
    following = asyncio.create_task(flows.follow(lambda _: None, Notices(board.notice).say))
    journal, _ = order(workspace, "keep", flow(compute=None, distribute=None), UID)
    await until(lambda: flows.states.value)
    assert board.notice.value == ""
    with journal:
        journal.write("ended", {"status": "failed", "why": "The disk of the store is full. Free space, and resume."})
    await until(lambda: board.notice.value)
    assert board.notice.value == (
        f"The flow run {journal.id} has failed. The disk of the store is full. Free space, and resume."
    )
    with journal:
        journal.write("resumed")
    await until(lambda: not board.notice.value)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
