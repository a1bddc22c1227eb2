"""Each plot's numbers can be taken home as CSV: all of them, with units, and what they are of."""

import csv
import re
import resource
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from steering.core.errors import SteeringError
from steering.core.history import Course, Trend
from steering.core.result import Outcome, Provenance, Result
from steering_widgets.drawing.kept_file import Table, write_table
from steering_widgets.plots.array import ArrayPanel
from steering_widgets.plots.curve import CurvePanel
from steering_widgets.plots.lines import LinesPanel
from steering_widgets.plots.map import MapPanel
from steering_widgets.plots.scalars import ScalarsPanel
from steering_widgets.plots.trend import TrendPanel
from tests.widgets.fake import FakeDesk
from tests.widgets.views import find

POINTS = 10_000


def result(data):
    source = Provenance("run-1", "made", {"kept": 5}, "h", "1.0", "here", 9, 8)
    return Result(3, Outcome({}, data), source)


def column(values, units, dims="point"):
    return (dims, np.asarray(values), {"units": units})


def curve():
    th = np.linspace(-1, 1, POINTS)
    return xr.Dataset(
        {
            "intensity": column(np.hypot(th, 3), "counts/s"),
            "intensity_error": column(np.full(POINTS, 0.5), "counts/s"),
            "frame": column(np.arange(POINTS), "1"),
            "ring": column(np.full(POINTS, 100.0), "mA"),
        },
        {"th": column(th, "deg")},
    )


def area():
    y, x = (one.ravel() for one in np.mgrid[0:3, 0:4].astype(float))
    names = {"intensity": column(y + x, "counts/s"), "frame": column(np.arange(12), "1")}
    steps = {"x_step": column(np.ones(12), "um"), "y_step": column(np.ones(12), "um")}
    return xr.Dataset(names | steps, {"x": column(x, "um"), "y": column(y, "um")})


def curves():
    tau = np.geomspace(1e-3, 1, 8)
    rows = {"g2": 1.1, "g2_error": 0.01, "g2_fit": 1.09}
    data = {name: (("bin", "tau"), np.full((20, 8), value), {"units": "1"}) for name, value in rows.items()}
    places = {"tau": ("tau", tau, {"units": "s"}), "q": ("bin", np.arange(20) / 100, {"units": "1/angstrom"})}
    return xr.Dataset(data, places)


def image():
    phase = (("y", "x"), np.arange(12.0).reshape(3, 4), {"units": "rad"})
    places = {"x": column(np.arange(4) * 0.5, "um", "x"), "y": column(np.arange(3) * 2.0, "um", "y")}
    return xr.Dataset({"phase": phase}, places)


def read(path):
    lines = path.read_text().splitlines()
    said = [line for line in lines if line.startswith("#")]
    header, *rows = csv.reader(line for line in lines if not line.startswith("#"))
    return said, header, np.array(rows, dtype=float)


@pytest.fixture
def desk(tmp_path):
    made = FakeDesk()
    made.past = SimpleNamespace(folder=tmp_path / "exports")
    return made


def taken(desk, panel, name):
    """Press the button; return what is said then, and the files that were written."""
    panel.refresh()
    find(panel.widget, f"st-{name}-csv").click()
    panel.refresh()
    said = re.sub("<[^>]*>", "", find(panel.widget, f"st-{name}-written").value)
    return said, sorted(desk.past.folder.glob(f"{name}-*.csv"))


@pytest.mark.parametrize(
    ("kind", "name", "data", "header", "rows"),
    [
        (CurvePanel, "curve", curve, "th (deg),intensity (counts/s),intensity_error (counts/s),frame", POINTS),
        (MapPanel, "map", area, "x (um),y (um),intensity (counts/s),frame,x_step (um),y_step (um)", 12),
        (ArrayPanel, "array", image, "x (um),y (um),phase (rad)", 12),
        (
            ScalarsPanel, "scalars", curve,
            "th (deg),intensity (counts/s),intensity_error (counts/s),frame,ring (mA)", POINTS,
        ),
    ],
)  # fmt: skip
def test_every_point_of_a_plot_is_written_with_its_units(desk, kind, name, data, header, rows):
    desk.board.result.set(result(data()))
    said, (path,) = taken(desk, kind(desk), name)
    assert said == f"Written: {path}"
    about, found, numbers = read(path)
    assert found == header.split(",")
    assert len(numbers) == rows
    assert {"# run: run-1", "# analysis: made 1.0", '# parameters: {"kept": 5}', "# frames: 9", "# version: 3"} <= set(
        about
    )


def test_a_file_beside_the_notebook_is_named_as_the_notebook_sees_it(desk, monkeypatch):
    monkeypatch.chdir(desk.past.folder.parent)
    desk.board.result.set(result(image()))
    said, (path,) = taken(desk, ArrayPanel(desk), "array")
    assert said == f"Written: exports/{path.name}"


def test_an_image_is_written_cell_by_cell_as_it_is_shown(desk):
    desk.board.result.set(result(image()))
    _, (path,) = taken(desk, ArrayPanel(desk), "array")
    _, _, numbers = read(path)
    assert numbers[:5].tolist() == [[0, 0, 0], [0.5, 0, 1], [1, 0, 2], [1.5, 0, 3], [0, 2, 4]]


def test_an_array_that_was_just_chosen_is_written_though_the_one_before_had_more_layers(desk):
    deep = (("layer", "y", "x"), np.zeros((3, 3, 4)), {"units": "rad"})
    desk.board.result.set(result(image().assign(depth=deep)))
    panel = ArrayPanel(desk)
    panel.refresh()
    panel._name.widget.value = "depth"
    panel.refresh()
    panel._layer.value = 2
    panel._name.widget.value = "phase"
    find(panel.widget, "st-array-csv").click()
    (path,) = desk.past.folder.glob("array-*.csv")
    about, header, numbers = read(path)
    assert {"# layer: 0", "# mean of so many cells: 1 x 1"} <= set(about)
    assert (header[2], numbers[11].tolist()) == ("phase (rad)", [1.5, 4, 11])


def test_all_lines_are_written_also_those_that_have_no_room_on_the_screen(desk):
    desk.board.result.set(result(curves()))
    _, (path,) = taken(desk, LinesPanel(desk), "lines")
    _, header, numbers = read(path)
    assert header[:4] == ["tau (s)", "g2 [q = 0 1/Å]", "g2_error [q = 0 1/Å]", "g2_fit [q = 0 1/Å]"]
    assert numbers.shape == (8, 1 + 20 * 3)


def test_a_curve_is_written_as_it_is_shown_normalised_and_as_a_difference(desk):
    desk.board.result.set(result(curve()))
    panel = CurvePanel(desk)
    panel.overlay("earlier", np.array([-0.5, 0.5]), np.array([1.0, 1.0]))
    panel.refresh()
    panel.subtract(on=True)
    _, (path,) = taken(desk, panel, "curve")
    about, _, numbers = read(path)
    assert {"# minus: earlier", "# normalised to: nothing"} <= set(about)
    assert np.abs(numbers[:, 0]).max() <= 0.5
    assert numbers[:, 1] == pytest.approx(np.hypot(numbers[:, 0], 3) - 1)


def test_a_trend_is_written_with_all_its_features(desk):
    course = Course(np.array([1.0, 2.0]), np.array([0.1, np.nan]), "deg")
    desk.board.trend.set(Trend("run-1", "made", np.array([10.0, 12.0]), np.array([3.0, 7.0]), {"peak": course}))
    _, (path,) = taken(desk, TrendPanel(desk), "trend")
    about, header, numbers = read(path)
    assert about == ["# run: run-1", "# analysis: made"]
    assert header == ["frames", "time since the first result (s)", "peak (deg)", "peak_uncertainty (deg)"]
    assert numbers[0].tolist() == [3, 0, 1, 0.1]
    assert np.isnan(numbers[1, 3])


@pytest.mark.parametrize(
    ("kind", "name"),
    [(CurvePanel, "curve"), (MapPanel, "map"), (ArrayPanel, "array"), (ScalarsPanel, "scalars"),
     (LinesPanel, "lines"), (TrendPanel, "trend")],
)  # fmt: skip
def test_where_nothing_is_shown_nothing_is_written(desk, kind, name):
    said, paths = taken(desk, kind(desk), name)
    assert (said, paths) == ("Nothing is shown yet, so nothing was written.", [])
    assert not desk.past.folder.exists()


def test_a_table_is_never_written_over_another_and_a_folder_that_cannot_be_is_said(tmp_path):
    table = Table([("a", "", [1.0])], {"sample": "two\nlines"})
    paths = {write_table(tmp_path, "curve", table) for _ in range(3)}
    assert len(paths) == 3
    assert all(path.read_text() == "# sample: two lines\na\n1.0\n" for path in paths)
    (tmp_path / "file").write_text("")
    with pytest.raises(SteeringError, match=r"The table cannot be written to .*file: .* Make room there"):
        write_table(tmp_path / "file", "curve", table)


def test_a_table_for_which_there_is_no_room_leaves_no_part_of_itself(tmp_path):
    table = Table([("a", "", [0.5] * 10_000)])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(SteeringError, match=r"The table cannot be written to .* Make room there"):
            write_table(tmp_path, "curve", table)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []
