import math
from dataclasses import replace

import pytest
import xarray as xr

from steering.core.action import EndBurst, InsertRegion, SetParameter
from steering.core.proposal import author_of, with_author
from steering.core.result import Feature, Outcome, Provenance, Result
from steering.core.status import BeamlineStatus
from steering_widgets.parts.wording import action_text, basis_text, duration, feature_text, number, plain, several
from tests.widgets.fake import ROCKING, SX, SY


@pytest.mark.parametrize(
    ("feature", "text"),
    [
        (Feature(0.22134, 0.0012, "deg"), "0.2213 ± 0.0012 °"),
        (Feature(-3.0, 0.5, "um"), "\u22123.00 ± 0.50 µm"),
        (Feature(2412.0, 31.0, "counts/s"), "2412 ± 31 counts/s"),
        (Feature(13539896.0, 7359.0, "counts/s"), "(1.35399 ± 0.00074) \u00d7 10⁷ counts/s"),
        (Feature(0.0, 0.1, "deg"), "0.00 ± 0.10 °"),
        (Feature(5.0, math.nan, "deg"), "5 ° (uncertainty not known)"),
        # A count is exact.
        (Feature(1167.0, 0.0, "1"), "1167"),
        (Feature(1234567.0, 0.0, "frames"), "1234567 frames"),
        (Feature(math.nan, 1.0, "deg"), "not known °"),
        (Feature(0.22134, 0.0012, "unknown"), "0.2213 ± 0.0012 (unit unknown)"),
    ],
)
def test_a_feature_is_written_to_two_digits_of_its_uncertainty(feature, text):
    assert feature_text(feature) == text


def test_numbers_have_no_trailing_zeros_and_can_be_read_back():
    assert number(2.5, 4) == "2.5"
    assert number(100.0, 0) == "100"
    assert number(-1.0, 2) == "\u22121"
    assert float(plain(-1.25, 3)) == -1.25


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (185, "3 min 05 s"), (4800, "1 h 20 min"), (math.nan, "not known yet")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_actions_read_with_their_units():
    status = BeamlineStatus(parameters=ROCKING.parameters, axes={"sy": SY, "sx": SX})
    assert action_text(SetParameter("exposure", 2.0), status) == "set exposure to 2\u00a0s"
    region = InsertRegion({"sy": (0.0, 2.0), "sx": (1.0, 3.0)}, {"sy": 0.5, "sx": 0.5})
    assert action_text(EndBurst(3), status) == "end the burst of point 3"
    assert action_text(EndBurst(), status) == "end the burst"
    assert action_text(region, status) == "look finer at sy 0 to 2 step 0.5 µm, sx 1 to 3 step 0.5 µm"


@pytest.mark.parametrize(("count", "words"), [(0, "0 rulings"), (1, "1 ruling"), (2, "2 rulings")])
def test_one_is_one_and_more_are_several(count, words):
    assert several(count, "ruling") == words


def test_what_something_rests_on_is_said_without_the_parameters_hash():
    about = Provenance("a", "rocking_curve", {}, "4baa9be9", "", "local", 24, 23)
    assert basis_text(Result(22, Outcome({}, xr.Dataset()), about).basis) == "rocking_curve after 24 frames"
    one = replace(about, frames=1)
    assert basis_text(Result(1, Outcome({}, xr.Dataset()), one).basis) == "rocking_curve after 1 frame"
    result = Result(22, Outcome({}, xr.Dataset()), about)
    accepted = with_author(result.basis, "recentre")
    assert basis_text(accepted) == "rocking_curve after 24 frames, suggested by recentre"
    assert author_of(accepted) == (result.basis, "recentre")
    for other in ("", "my own look at the log", "flow tau of run 12"):
        assert basis_text(other) == other
