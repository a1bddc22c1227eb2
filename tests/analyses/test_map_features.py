"""The map's points and features."""

import numpy as np
import pytest

from steering.analyses.map_features import MapFeatures
from steering.core.block import FrameBlock, Inline


def mapped(sx, sy, counts, exposure=0.1, analysis=None, **columns):
    counts = np.asarray(counts)
    frames = np.zeros((len(counts), 4, 6), counts.dtype)
    frames[:, 1, 4] = counts
    chosen = {"sx": np.asarray(sx, float), "sy": np.asarray(sy, float)} | columns
    chosen["exposure"] = np.broadcast_to(exposure, len(counts)).astype(float)
    units = {"sx": "um", "sy": "um", "exposure": "s"}
    block = FrameBlock("r", "primary", 0, len(counts), Inline(frames), chosen, units)
    made = analysis or MapFeatures()
    return made.result(made.update(made.empty(), block, frames))


def test_features_are_those_of_counting_and_of_the_cell():
    outcome = mapped([0, 1, 2], [5, 5, 6], [10, 40, 90], sx_step=np.full(3, 1.0), sy_step=np.full(3, 0.5))
    found = {name: (item.value, item.uncertainty, item.units) for name, item in outcome.features.items()}
    assert found["points"] == (3.0, 0.0, "1")
    assert found["total"] == (140.0, pytest.approx(np.sqrt(140)), "counts")
    mean = pytest.approx(1400 / 3)
    assert found["mean_intensity"] == (mean, pytest.approx(np.sqrt(140) / 0.1 / 3), "counts/s")
    assert found["maximum"] == (pytest.approx(900), pytest.approx(np.sqrt(90) / 0.1), "counts/s")
    assert found["sx_at_maximum"] == (2.0, pytest.approx(1 / np.sqrt(12)), "um")
    assert found["sy_at_maximum"] == (6.0, pytest.approx(0.5 / np.sqrt(12)), "um")


def test_a_step_of_an_axis_that_goes_down_is_no_error_below_zero():
    features = mapped([2, 1, 0], [5, 5, 5], [10, 40, 90], sx_step=np.full(3, -1.0), sy_step=np.full(3, 0.5)).features
    assert features["sx_at_maximum"].uncertainty == pytest.approx(1 / np.sqrt(12))


def test_points_come_in_frame_order_with_all_that_belongs_to_them():
    data = mapped([3, 1, 2], [0, 0, 0], [1, 2, 3], grid=np.array([0.0, 1.0, 1.0])).data
    assert data["sx"].values.tolist() == [3, 1, 2]
    assert data["grid"].values.tolist() == [0, 1, 1]
    assert data["frame"].values.tolist() == [0, 1, 2]
    assert data["com_row"].values.tolist() == [1, 1, 1]
    assert data["com_column"].values.tolist() == [4, 4, 4]
    assert set(data.coords) == {"sx", "sy"}
    assert all(variable.dims == ("point",) for variable in data.variables.values())


def test_without_grid_and_cells_there_is_one_grid_of_unknown_cells():
    outcome = mapped([0, 1], [0, 0], [1, 2])
    assert outcome.data["grid"].values.tolist() == [0, 0]
    assert np.isnan(outcome.data["sx_step"].values).all()
    assert np.isnan(outcome.features["sx_at_maximum"].uncertainty)


def test_what_cannot_be_used_is_left_out_and_counted():
    outcome = mapped([np.nan, 1, 2, 3], [0, np.nan, 0, 0], [1, 2, 3, 4], [0.1, 0.1, 0.0, 0.1])
    assert outcome.data.attrs["left_out"] == 3
    assert outcome.features["points"].value == 1
    assert outcome.features["total"].value == 4


def test_other_axes_can_be_named_and_make_the_same_analysis_again():
    chosen = MapFeatures(("y", "x"), "count_time")
    assert MapFeatures(**chosen.parameters).parameters == {"axes": ["y", "x"], "exposure": "count_time"}
    outcome = mapped([0], [0], [1], analysis=MapFeatures(("sx", "th")), th=np.array([2.0]))
    assert outcome.features["th_at_maximum"].units == "unknown"


@pytest.mark.parametrize("axes", [("sx",), ("sx", "sx"), ("a", "b", "c")])
def test_a_map_needs_two_axes(axes):
    with pytest.raises(ValueError, match="two different axes"):
        MapFeatures(axes)
