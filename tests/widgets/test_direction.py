"""What the frame's view is told of where its detector stands."""

import time
from dataclasses import replace

import pytest

from steering.core.history import FrameSpan, SeenRun
from steering.sources.documents import DocumentSource
from steering_widgets.frames.frame import FramePanel
from tests.geometry.test_geometry import RECORDED
from tests.widgets.fake import FakeDesk

NUMBERS = RECORDED[0][0].json()


@pytest.fixture
def panel():
    desk = FakeDesk()
    made = FramePanel(desk)
    made.desk = desk
    yield made
    made.close()


def test_it_is_that_of_the_run_whose_frames_are_shown(panel):
    board = panel.desk.board
    panel.refresh()
    assert panel.image.geometry is None
    panel.desk.geometry = NUMBERS
    panel.desk.start("rocking")
    panel.refresh()
    assert panel.image.geometry == NUMBERS
    # A run that was opened beside it hides nothing, and one without a geometry has none.
    board.runs.set((*board.runs.value, SeenRun("other", "align", time.time())))
    panel.refresh()
    assert panel.image.geometry == NUMBERS
    board.span.set(FrameSpan("other"))
    panel.refresh()
    assert panel.image.geometry is None


@pytest.mark.parametrize("wrong", [{"distance": "far"}, {**NUMBERS, "distance": float("nan")}, {**NUMBERS, "a": [1]}])
def test_a_document_that_says_nonsense_says_nothing(panel, wrong):
    panel.desk.start("rocking")
    board = panel.desk.board
    board.runs.set(tuple(replace(run, geometry=wrong) for run in board.runs.value))
    panel.refresh()
    assert panel.image.geometry is None


@pytest.mark.parametrize(("detector", "stands"), [("", NUMBERS), ("waxs", {"distance": 0.2}), ("other", {})])
async def test_a_run_that_starts_brings_that_of_its_detector(detector, stands):
    source = DocumentSource(detector=detector)
    source.feed("start", {"uid": "a", "time": 1.0, "geometry": {"det": NUMBERS, "waxs": {"distance": 0.2}}})
    items = source.items()
    started = await anext(items)
    assert started.geometry == stands
    await items.aclose()
    source.close()
