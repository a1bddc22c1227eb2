"""A technique from outside the package: one analysis file, one panel, one scan; nothing of ours is changed."""

import time
from importlib import invalidate_caches

import numpy as np
import pytest

import steering
from steering_widgets.pages.page import Page
from tests.beamline.site import embedded, over, site
from tests.widgets.test_source_and_history import find

pytestmark = pytest.mark.system
SOON = 240.0
MODULE = """
import numpy as np
import xarray as xr

from steering.core.analysis import Needs
from steering.core.result import Feature, Outcome


class MeanImage:
    name, exactness = "mean_image", "rounding"

    def __init__(self, axis="", scale=1.0):
        self.axis, self.scale = axis, scale

    @property
    def parameters(self):
        return {"axis": self.axis, "scale": self.scale}

    @property
    def needs(self):
        return Needs((self.axis,))

    def empty(self):
        return 0, 0.0

    def update(self, state, block, frames):
        return state[0] + len(frames), state[1] + frames.sum(axis=0, dtype=float)

    def merge(self, left, right):
        return left[0] + right[0], left[1] + right[1]

    def result(self, state):
        if not state[0]:
            return Outcome({}, xr.Dataset())
        mean = self.scale * state[1] / state[0]
        data = xr.Dataset({"mean": (("row", "column"), mean, {"units": "counts"})})
        return Outcome({"brightest": Feature(float(mean.max()), float("nan"), "counts")}, data)


class Raises(MeanImage):
    name = "raises"

    def update(self, state, block, frames):
        raise ZeroDivisionError("always")


class Hangs(MeanImage):
    name = "hangs"

    def update(self, state, block, frames):
        import os
        import time

        while not os.path.exists(os.environ["STRANGER_GATE"]):
            time.sleep(0.05)
        return super().update(state, block, frames)


class NeedsMore(MeanImage):
    name = "needs_more"

    def __init__(self, model):
        super().__init__()


class Bright:
    name = "bright"

    def __init__(self, limit=0.0):
        self.limit, self.result = limit, None

    def ingest(self, result, parameters):
        self.result = result

    def suggest(self):
        from steering.core.action import SetParameter
        from steering.core.agent import Suggestion

        if self.result.outcome.features["brightest"].value < self.limit:
            return []
        return [Suggestion(SetParameter("exposure", 0.05), "it is bright", self.result.basis)]


class Panel:
    def __init__(self, desk, look):
        import ipywidgets

        self.look, self.shown = look, None
        self.widget = ipywidgets.HTML("")

    @staticmethod
    def fits(data):
        return "mean" in data

    def refresh(self):
        result = self.look.result.value
        if result is self.shown or result is None:
            return False
        self.shown = result
        self.widget.value = f"{result.provenance.label}: {result.provenance.frames} frames"
        return True

    def close(self):
        self.widget.close()
"""
POINTS = """
[steering.analyses]
mean_image = stranger:MeanImage
raises = stranger:Raises
hangs = stranger:Hangs
needs_more = stranger:NeedsMore

[steering.agents]
bright = stranger:Bright

[steering.widgets]
stranger = stranger:Panel
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A distribution of somebody else's, for this process and all that it starts."""
    folder = tmp_path / "somewhere"
    about = folder / "stranger-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "stranger.py").write_text(MODULE)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(POINTS)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("STRANGER_GATE", str(tmp_path / "gate"))
    monkeypatch.syspath_prepend(folder)
    invalidate_caches()


def described():
    description = embedded()
    rocking = description["scans"][0]
    rocking["analyses"] = [
        {"analysis": "mean_image", "label": "mean", "parameters": {"scale": 2.0}},
        {"analysis": "raises", "label": "broken"},
        {"analysis": "hangs", "label": "stuck"},
        "rocking_curve",
    ]
    rocking["agents"] = [{"agent": "bright", "of": "mean"}]
    return description


def test_a_technique_from_outside_runs_live_and_is_shown_without_a_line_changed(tmp_path, installed):
    with site(tmp_path, speed=10.0) as place:
        assert place.serve(described()), place.log
        session = steering.open(workspace=place.workspace)
        page = Page(session)
        page.follow()
        try:
            assert "The analysis needs_more cannot be loaded: " in session.board.notice.value
            session.take_lease()
            session.set_mode("bright", "automatic")
            # Ten seconds long, unless the agent makes it faster, as it should once the one that hangs is left behind.
            run = session.start("rocking", step=0.02, exposure=2.0)
            # One hangs, and the others are whole without it.
            deadline = time.monotonic() + SOON
            while {label: one.provenance.frames for label, one in session.results.items()} != {
                "mean": 51, "broken": 0, "rocking_curve": 51,
            }:  # fmt: skip
                assert time.monotonic() < deadline, session.results
                time.sleep(0.05)
            assert "The analysis stuck takes longer than the " in session.board.notice.value
            (tmp_path / "gate").touch()
            session.wait(SOON)
            results = dict(session.results)
            # It has what it would have had, once it goes on.
            np.testing.assert_array_equal(
                results.pop("stuck").outcome.data["mean"].values, results["mean"].outcome.data["mean"].values / 2.0
            )
            # One fails for each frame, and costs the others none.
            assert {label: one.provenance.frames for label, one in results.items()} == {
                "mean": 51, "broken": 0, "rocking_curve": 51,
            }  # fmt: skip
            assert "The analysis broken (raises) failed for 51 frames; the newest: " in session.board.notice.value
            assert "always (zero division error)" in session.board.notice.value
            frames = over(session, run).frames().values
            assert frames.shape[0] == 51
            found = results["mean"].outcome.data["mean"]
            np.testing.assert_allclose(found.values, 2.0 * frames.mean(axis=0), rtol=1e-9)
            assert session.record[run].result("mean")["mean"].attrs["units"] == "counts"
            # Its agent has steered the scan.
            decided = [one for one in session.board.rulings.value if one.kind == "set"]
            assert decided[0].who.startswith("bright for ")
            assert (decided[0].subject, decided[0].new) == ("exposure", "0.05 s")
            assert decided[0].basis.startswith("mean_image@")
            # Its panel is shown, and ours may be chosen: an image of whatever it is.
            (theirs,) = page._guests
            while theirs.widget.layout.display is not None or "51 frames" not in theirs.widget.children[0].value:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            assert theirs.widget.children[0].value == "mean: 51 frames"
            menu = page._views._choice.widget
            assert menu.options == ("stranger", "Image")
            menu.value = "Image"
            array = find(page.widget, "st-panel-array")
            while array.layout.display is not None:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            assert theirs.widget.layout.display == "none"
        finally:
            page.close()
            session.shutdown()
