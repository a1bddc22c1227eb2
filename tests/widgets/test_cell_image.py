"""A large map is an image of its coarsest grid, with finer cells above it; a small or an uneven one is rectangles."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from steering.core.result import Outcome, Provenance, Result
from steering_widgets.drawing import cell_image
from steering_widgets.drawing.cell_image import image_of
from steering_widgets.drawing.cells import make_cells
from steering_widgets.drawing.region import MapAxes
from steering_widgets.plots.map import MapPanel
from tests.widgets.fake import FakeDesk

AXES = MapAxes(x="sx", y="sy", x_units="um", y_units="um")


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Large begins at few cells here."""
    monkeypatch.setattr(cell_image, "LEAST_CELLS", 30)


def grid(rows, columns, step=0.5, corner=(3.0, -2.0), jitter=0.0, seed=0):
    """A map as it is measured, there and back; the value of a point says where it is."""
    random = np.random.default_rng(seed)
    row, column = np.divmod(np.arange(rows * columns), columns)
    column = np.where(row % 2, columns - 1 - column, column)
    off = jitter * step * random.uniform(-1, 1, (2, len(row)))
    values = {
        "sx": corner[0] + step * column + off[0], "sy": corner[1] + step * row + off[1],
        "intensity": 100.0 * row + column, "frame": np.arange(len(row)),
        "sx_step": np.full(len(row), step), "sy_step": np.full(len(row), step),
    }  # fmt: skip
    return xr.Dataset({name: ("point", one, {"units": "um"}) for name, one in values.items()})


def cells_of(data):
    return make_cells(data, AXES, "intensity")


@given(st.integers(6, 12), st.integers(6, 12), st.floats(0, 0.24), st.integers(0, 9))
def test_each_point_is_the_pixel_where_it_was_measured(rows, columns, jitter, seed):
    data = grid(rows, columns, jitter=jitter / 2, seed=seed)
    image = image_of(cells_of(data))
    assert image.value.tolist() == [[100.0 * row + column for column in range(columns)] for row in range(rows)]
    assert sorted(image.frame.ravel().tolist()) == [*range(rows * columns)]
    assert image.size == pytest.approx((columns * 0.5, rows * 0.5))
    assert image.corner == pytest.approx((data["sx"].values.min() - 0.25, data["sy"].values.min() - 0.25))
    assert all(len(one) == 0 for one in image.rest.values())


def test_one_that_grows_has_nothing_where_nothing_was_measured_and_what_has_no_value_lies_above():
    data = grid(8, 8).isel(point=slice(0, 59))
    data["intensity"].values[7] = np.nan
    image = image_of(cells_of(data))
    assert image.value.shape == (8, 8)
    assert np.isnan(image.value).sum() == 5 + 1
    assert image.rest["frame"].tolist() == [7]
    assert (image.frame == -1).sum() == 5


def test_finer_cells_lie_above_it():
    whole = xr.concat([grid(8, 8), grid(4, 4, step=0.25, corner=(4.0, -1.0))], "point")
    image = image_of(cells_of(whole))
    assert image.value.shape == (8, 8)
    assert image.rest["width"].tolist() == [0.25] * 16


@pytest.mark.parametrize(
    "data",
    [
        grid(5, 5),
        grid(8, 8, jitter=0.9),
        xr.concat([grid(4, 8), grid(4, 8, corner=(900.0, 900.0))], "point"),
        grid(8, 8).assign(sx=("point", np.full(64, np.nan))),
        grid(8, 8, step=0.0),
    ],
    ids=["few", "no lattice", "far apart", "no positions", "no size"],
)
def test_others_are_rectangles(data):
    assert image_of(cells_of(data)) is None


def given_to(panel, desk, data, version):
    source = Provenance(desk.board.status.value.run, "map_features", {}, "", "0", "local", 1, 0)
    desk.board.result.set(Result(version, Outcome({}, data), source))
    panel.refresh()


def test_a_map_becomes_an_image_when_it_is_large_and_is_rectangles_again_in_the_next_scan():
    desk = FakeDesk()
    desk.start("map")
    panel = MapPanel(desk)
    drawn = panel._drawn
    given_to(panel, desk, grid(5, 5), 10)
    assert drawn._rects.data_source is drawn.cells
    assert len(drawn._image.data["value"]) == 0
    given_to(panel, desk, grid(8, 8), 11)
    assert drawn._rects.data_source is drawn._above
    # The cells themselves are what a tap looks for.
    assert len(drawn.cells.data["x"]) == 64
    (value,) = drawn._image.data["value"]
    assert value[2, 3] == 203
    linear, logarithmic = drawn._pixels.values()
    assert (linear.visible, logarithmic.visible) == (True, False)
    assert linear.glyph.color_mapper.high == drawn.linear.high == 707
    panel._log.value = True
    panel.refresh()
    assert (linear.visible, logarithmic.visible) == (False, True)
    assert logarithmic.glyph.color_mapper.low == drawn.logarithmic.low == 1
    given_to(panel, desk, grid(5, 5), 12)
    assert drawn._rects.data_source is drawn.cells
    assert len(drawn._image.data["value"]) == 0
    panel.close()
