"""Arrays as images, the view that fits a result, and panels that others have installed."""

import threading
import time

import ipywidgets
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from steering.core.result import Outcome, Provenance, Result
from steering_widgets.pages import guests
from steering_widgets.pages.guests import Guest
from steering_widgets.pages.page import Page
from steering_widgets.parts.card import Card
from steering_widgets.plots.array import ArrayPanel, limits_of, names_of, picture_of
from steering_widgets.plots.look import Look
from tests.widgets.fake import FakeDesk
from tests.widgets.views import is_shown


def image(rows=3, columns=4, layers=0, **coordinates):
    shape = (*((layers,) if layers else ()), rows, columns)
    dims = (*(("layer",) if layers else ()), "y", "x")
    values = np.arange(np.prod(shape), dtype=float).reshape(shape)
    data = xr.Dataset({"phase": (dims, values, {"units": "rad"})})
    return data.assign_coords({name: (name, along, {"units": "um"}) for name, along in coordinates.items()})


def result(data, version=1, analysis="theirs"):
    source = Provenance("run", analysis, {}, "1a2b3c4d", "0.1.0", "local", 3, 2, label=analysis)
    return Result(version, Outcome({}, data), source)


@pytest.fixture
def desk():
    return FakeDesk()


def test_an_array_is_drawn_with_its_axes_and_units(desk):
    panel = ArrayPanel(desk)
    assert panel.refresh()
    assert "is drawn here" in panel.widget.children[-1].value
    desk.board.result.set(result(image(x=[0.0, 2.0, 4.0, 6.0], y=[30.0, 20.0, 10.0])))
    assert panel.refresh()
    until(lambda: not panel.refresh() and not panel._late)
    drawn = panel._source.data
    assert (drawn["x"], drawn["dw"], drawn["y"], drawn["dh"]) == ([-1.0], [8.0], [5.0], [30.0])
    # An axis that runs downwards is turned, so that the lowest position is at the bottom.
    assert drawn["image"][0][0].tolist() == [8.0, 9.0, 10.0, 11.0]
    assert panel._plot.xaxis[0].axis_label == "x (µm)"
    assert panel._bar.title == "Phase (rad)"
    panel.close()


def test_what_an_analysis_says_of_its_result_is_shown(desk):
    panel = ArrayPanel(desk)
    desk.board.result.set(result(xr.Dataset(attrs={"remark": "2 frames are there."})))
    assert panel.fits(desk.board.result.value.outcome.data)
    panel.refresh()
    assert "2 frames are there." in panel.widget.children[-1].value
    desk.board.result.set(result(image(x=[0.0, 1.0, 2.0, 3.0], y=[0.0, 1.0, 2.0]), version=2))
    until(lambda: not panel.refresh() and not panel._late)
    assert "frames" not in panel.widget.children[-1].value
    # Both axes are in um, so what is round stays round.
    assert panel._plot.match_aspect
    panel.close()


def test_another_layer_and_another_array_are_chosen(desk):
    data = image(layers=3).assign(amplitude=(("y", "x"), np.ones((3, 4)), {"units": "1"}))
    desk.board.result.set(result(data))
    panel = ArrayPanel(desk)
    panel.refresh()
    assert panel._name.value == "amplitude"
    assert panel._layer.layout.display == "none"
    panel._name.widget.value = "phase"
    assert panel.refresh()
    assert (panel._layer.layout.display, panel._layer.max) == (None, 2)
    panel._layer.value = 2
    assert panel.refresh()
    assert panel._source.data["image"][0][0, 0] == 24.0
    # A later result of fewer layers shows what there is.
    desk.board.result.set(result(image(layers=1), 2))
    assert panel.refresh()
    until(lambda: not panel.refresh() and not panel._late)
    assert panel._source.data["image"][0][0, 0] == 0.0
    panel.close()


def test_positions_that_are_not_evenly_spaced_are_not_drawn_as_if_they_were():
    picture = picture_of(image(x=[0.0, 1.0, 5.0, 6.0])["phase"])
    assert picture.x == ("x", "", -0.5, 3.5)


@given(rows=st.integers(1, 1300), columns=st.integers(1, 1300), gaps=st.booleans(), seed=st.integers(0, 99))
def test_what_is_binned_keeps_its_mean_and_fits_a_screen(rows, columns, gaps, seed):
    values = np.random.default_rng(seed).normal(size=(rows, columns))
    if gaps:
        values[: rows // 2] = np.nan
    picture = picture_of(xr.DataArray(values, dims=("y", "x")))
    assert max(picture.values.shape) <= 512
    if picture.binned == (1, 1):
        assert np.array_equal(picture.values, values, equal_nan=True)
        return
    first = values[: picture.binned[0], : picture.binned[1]]
    expected = np.nan if not np.isfinite(first).any() else first[np.isfinite(first)].mean()
    assert picture.values[0, 0] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize(
    "values", [np.zeros((2, 2)), np.full((2, 2), np.nan), np.array([[1.0, np.inf]]), np.array([[-1.0, 0.0]])]
)
def test_colours_have_limits_whatever_is_drawn(values, logarithmic):
    low, high = limits_of(values, logarithmic=logarithmic)
    assert np.isfinite([low, high]).all()
    assert low < high
    assert low > 0 or not logarithmic


def test_what_is_no_image_is_not_offered():
    data = xr.Dataset({"a": ("x", [1.0]), "text": (("x", "y"), [["a"]]), "none": (("x", "z"), np.empty((1, 0)))})
    assert names_of(data) == []
    assert not ArrayPanel.fits(data)


def shown(page):
    return [name for name in ("curve", "map", "array", "scalars") if is_shown(page.widget, f"st-panel-{name}")]


def opened(desk, request):
    page = Page(desk)
    page._ticker.stop()
    request.addfinalizer(page.close)
    return page


def test_the_view_that_fits_the_result_is_shown_and_another_may_be_chosen(desk, request):
    page = opened(desk, request)
    assert shown(page) == ["curve"]
    desk.start("map")
    page.refresh()
    assert shown(page) == ["map"]
    desk.advance(20)
    page.refresh()
    assert shown(page) == ["map"]
    # A result that no panel is made for: an image, or its columns.
    desk.board.result.set(result(image().assign(total=("y", [1.0, 2.0, 3.0], {"units": "counts"}))))
    page.refresh()
    assert shown(page) == ["array"]
    menu = page._views._choice.widget
    assert menu.options == ("Image", "Columns")
    menu.value = "Columns"
    assert page.refresh()
    assert shown(page) == ["scalars"]


class Theirs:
    """A stranger's panel."""

    def __init__(self, desk):
        self.desk, self.closed, self.looks = desk, False, 0
        self.widget = Card("theirs", "Theirs", [])

    @staticmethod
    def fits(data):
        return "phase" in data

    def refresh(self):
        self.looks += 1
        return False

    def close(self):
        self.closed = True


def guest(load, desk, request, look=None):
    made = Guest("theirs", load, desk, look or Look(desk), lambda: True)
    request.addfinalizer(made.close)
    return made


def until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_panel_that_others_have_installed_is_built_refreshed_and_closed(desk, request):
    look = Look(desk)
    made = guest(lambda: Theirs, desk, request, look)
    until(lambda: made.built.value)
    until(lambda: made._panel.looks > 1)
    assert made.complaint.value == ""
    assert (made.of_results, made.shows.value) == (True, False)
    look.result.set(result(image()))
    until(lambda: made.shows.value)
    look.result.set(result(xr.Dataset()))
    until(lambda: not made.shows.value)
    made.close()
    until(lambda: made._panel.closed)


class Hanging(Theirs):
    free = threading.Event()

    def refresh(self):
        self.free.wait(60)
        return False


class Slow(Theirs):
    free = threading.Event()

    def __init__(self, desk):
        self.free.wait(60)
        super().__init__(desk)


class Raising(Theirs):
    def refresh(self):
        if self.looks < 3:
            self.looks += 1
            raise ZeroDivisionError("no width")
        return super().refresh()


def no_such_module():
    raise ModuleNotFoundError("No module named 'theirs'")


class Plain:
    """Has no widget."""

    def __init__(self, desk):
        self.desk = desk


@pytest.mark.parametrize(
    ("load", "sentence"),
    [
        (no_such_module, "The panel theirs cannot be built: No module named 'theirs'"),
        (lambda: Plain, "The panel theirs cannot be built: 'Plain' object has no attribute 'widget'"),
        (lambda: lambda: None, "The panel theirs cannot be built: "),
        (lambda: Slow, "The panel theirs is not there after 0.1 s. The other panels go on."),
        (lambda: Hanging, "The panel theirs has not answered for 0.1 s. The other panels go on."),
        (lambda: Raising, "The panel theirs cannot be shown: no width (zero division error). The other panels go on."),
    ],
)
def test_a_panel_that_goes_wrong_is_named(desk, request, monkeypatch, load, sentence):
    monkeypatch.setattr(guests, "PATIENCE", 0.1)
    request.addfinalizer(Hanging.free.set)
    request.addfinalizer(Slow.free.set)
    Hanging.free.clear()
    Slow.free.clear()
    made = guest(load, desk, request)

    def said():
        made.check()
        return made.complaint.value.startswith(sentence)

    until(said)
    # What is over is not said any more.
    Hanging.free.set()
    Slow.free.set()
    if load is not no_such_module and made._panel is not None:
        until(lambda: made.complaint.value == "")


def test_a_page_goes_on_beside_a_panel_that_hangs(desk, request, monkeypatch):
    monkeypatch.setattr(guests, "PATIENCE", 0.1)
    Hanging.free.clear()
    request.addfinalizer(Hanging.free.set)
    hang = guest(lambda: Hanging, desk, request)
    monkeypatch.setattr("steering_widgets.pages.page.invite", lambda *_: [hang])
    page = opened(desk, request)
    until(lambda: hang.built.value)
    desk.start("rocking")
    desk.advance(5)

    def said():
        page._ticker.tick((*page._panels, *page._plots, page))
        return "The panel theirs has not answered" in page._notice.widget.children[0].value

    until(said)
    assert (shown(page), hang.widget.layout.display) == (["curve"], "none")


def test_a_panel_of_others_goes_before_ours_where_it_fits(desk, request, monkeypatch):
    invited = []
    monkeypatch.setattr(
        "steering_widgets.pages.page.invite",
        lambda desk, look, seen: invited.append(Guest("theirs", lambda: Theirs, desk, look, lambda: True)) or invited,
    )
    page = opened(desk, request)
    (theirs,) = invited
    desk.board.result.set(result(image()))

    def there():
        page.refresh()
        return theirs.widget.layout.display is None

    until(there)
    assert shown(page) == []
    menu = page._views._choice.widget
    assert menu.options == ("theirs", "Image")
    menu.value = "Image"
    page.refresh()
    assert (shown(page), theirs.widget.layout.display) == (["array"], "none")


def test_a_panel_that_is_of_no_result_is_always_there(desk, request, monkeypatch):
    class Clock:
        def __init__(self, desk):
            self.widget = ipywidgets.HTML("now")

        def refresh(self):
            return False

        def close(self):
            self.widget.close()

    clock = guest(lambda: Clock, desk, request)
    until(lambda: clock.built.value)
    monkeypatch.setattr("steering_widgets.pages.page.invite", lambda *_: [clock])
    page = opened(desk, request)
    assert (shown(page), clock.widget.layout.display) == (["curve"], None)
