"""An analysis that looks at a part of the detector says what it would say of frames that are no larger."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steering.analyses.centre_of_mass import CentreOfMass
from steering.analyses.map_features import MapFeatures
from steering.analyses.rocking_curve import RockingCurve
from steering.contract.analysis import split
from steering.core.pixels import Bad
from steering.testing.analysis import check_analysis
from steering.testing.blocks import make_block

REGION = {"rows": [2, 9], "columns": [3, 12]}
ROWS, COLUMNS = 12, 16
PARTS = (slice(None), slice(*REGION["rows"]), slice(*REGION["columns"]))
KINDS = ["u2", "u4", "i4", "f4", "f8"]


def block_of(count):
    return make_block(np.zeros((count, ROWS, COLUMNS), "u2"), 0)


def frames_of(kind, seed, lowest):
    random = np.random.default_rng(seed)
    frames = random.integers(0, 200, (4, ROWS, COLUMNS)).astype(kind)
    if np.dtype(kind).kind == "i":
        frames[1, 5, 5] = frames[2, 4, 7] = -1
        frames[2, 0, 0] = lowest
    elif np.dtype(kind).kind == "u":
        frames[1, 5, 5] = frames[2, 0, 0] = np.iinfo(kind).max
    else:
        frames[1, 5, 5] = np.nan
    return frames


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 99),
    lowest=st.sampled_from([-1, -2, -7]),
    saturated=st.sampled_from([np.inf, 150.0]),
    masked=st.booleans(),
)
def test_only_its_pixels_count_and_centres_are_those_of_the_whole_frame(kind, seed, lowest, saturated, masked):
    frames = frames_of(kind, seed, lowest)
    mask = np.zeros((ROWS, COLUMNS), bool)
    mask[4:6, 8] = masked
    block = replace(block_of(len(frames)), bad=Bad(mask, saturated))
    whole = CentreOfMass(region=REGION)
    found = whole.result(whole.update(whole.empty(), block, frames)).data
    # What is no count in the whole frame is none in the part; as floats with NaN it is none in any frame.
    none = mask | ~np.isfinite(frames.astype(float)) | (frames >= saturated)
    top = np.iinfo(kind).max if np.dtype(kind).kind == "u" else None
    none = none | (frames == top) if top is not None else none
    if np.dtype(kind).kind == "i":
        marks = np.array([-2 <= frame.min() < 0 for frame in frames])
        none = none | (marks[:, None, None] & (frames < 0))
    part = np.where(none, np.nan, frames.astype(float))[PARTS]
    plain = CentreOfMass()
    expected = plain.result(plain.update(plain.empty(), block_of(len(frames)), part)).data
    for name, offset in (
        ("frame_sum", 0),
        ("frame_maximum", 0),
        ("com_row", 2),
        ("com_column", 3),
        ("frame_masked", 0),
    ):
        np.testing.assert_allclose(found[name].values, expected[name].values + offset, rtol=1e-12, err_msg=name)


def test_a_region_keeps_the_contract_and_makes_the_same_again():
    for analysis in (CentreOfMass(region=REGION), RockingCurve(region=REGION), MapFeatures(region=REGION)):
        frames = np.random.default_rng(3).integers(0, 200, (6, ROWS, COLUMNS)).astype("u2")
        check_analysis(analysis, list(split(make_block(frames, 0))))
        assert analysis.parameters["region"] == REGION
        assert type(analysis)(**analysis.parameters).parameters == analysis.parameters
    assert "region" not in CentreOfMass().parameters


MASKED = [{"rows": [0, 3], "columns": [0, 16]}, {"rows": [2, 8], "columns": [5, 7]}]


@settings(max_examples=30, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 99),
    lowest=st.sampled_from([-1, -2, -7]),
    region=st.sampled_from([None, REGION]),
    known=st.booleans(),
)
def test_parts_that_are_left_out_are_as_if_a_mask_of_the_detector_had_them(kind, seed, lowest, region, known):
    frames = frames_of(kind, seed, lowest)
    own = np.zeros((ROWS, COLUMNS), bool)
    own[9, 9] = known
    mask = own.copy()
    for one in MASKED:
        mask[slice(*one["rows"]), slice(*one["columns"])] = True
    given_masks, drawn = CentreOfMass(region=region), CentreOfMass(region=region, masked=MASKED)
    expected = given_masks.update(given_masks.empty(), replace(block_of(len(frames)), bad=Bad(mask)), frames)
    found = drawn.update(drawn.empty(), replace(block_of(len(frames)), bad=Bad(own)), frames)
    assert drawn.result(found).data.identical(given_masks.result(expected).data)
    assert drawn.result(found).features["masked"].value > 0


def test_masks_keep_the_contract_and_make_the_same_again():
    frames = np.random.default_rng(3).integers(0, 200, (6, ROWS, COLUMNS)).astype("u2")
    for analysis in (CentreOfMass(masked=MASKED), RockingCurve(masked=MASKED), MapFeatures(masked=MASKED)):
        check_analysis(analysis, list(split(make_block(frames, 0))))
        assert analysis.parameters["masked"] == MASKED
        assert type(analysis)(**analysis.parameters).parameters == analysis.parameters
    assert "masked" not in CentreOfMass().parameters


def test_a_mask_beyond_the_frame_is_said_and_so_are_too_many():
    analysis = CentreOfMass(masked=[*MASKED, {"rows": [0, 13], "columns": [0, 5]}])
    with pytest.raises(ValueError, match="reaches beyond the frame of 12 x 16 px"):
        analysis.update(analysis.empty(), block_of(2), np.zeros((2, ROWS, COLUMNS), "u2"))
    with pytest.raises(ValueError, match="at most 100 items"):
        CentreOfMass(masked=MASKED * 51)


def test_a_region_beyond_the_frame_is_said_with_both_sizes():
    analysis = CentreOfMass(region={"rows": [0, 13], "columns": [0, 5]})
    said = r"rows 0 to 13 and columns 0 to 5 px reaches beyond the frame of 12 x 16 px"
    with pytest.raises(ValueError, match=said):
        analysis.update(analysis.empty(), block_of(2), np.zeros((2, ROWS, COLUMNS), "u2"))


@pytest.mark.parametrize(
    ("region", "said"),
    [
        ({"rows": [5, 5], "columns": [0, 3]}, "the rows run from 5 to 5 px: the first must be below the second"),
        ({"rows": [0, 5], "columns": [9, 3]}, "the columns run from 9 to 3 px"),
        ({"rows": [-1, 5], "columns": [0, 3]}, "greater than or equal to 0"),
        ({"rows": [0, 5]}, "Field required"),
        ({"rows": [0, 5], "columns": [0, 3], "depth": [0, 1]}, "Extra inputs are not permitted"),
        ({"rows": [0, 2.5], "columns": [0, 3]}, "valid integer"),
    ],
)
def test_what_is_no_region_is_said(region, said):
    with pytest.raises(ValueError, match=said):
        RockingCurve(region=region)
