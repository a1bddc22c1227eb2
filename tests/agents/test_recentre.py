"""Recentre on recorded and made-up rocking curves, with a little loop in place of the beamline service."""

from dataclasses import replace

import numpy as np
import pytest

from steering.agents.recentre import Recentre
from steering.analyses.rocking_curve import RockingCurve
from steering.core.block import FrameBlock, Inline
from steering.core.parameter import Parameter
from steering.core.result import Provenance, Result
from steering.guard import judge_value
from steering.sim.samples import RockingSample

# What the scan of 34-ID-C starts with, and its limits.
CENTRE = Parameter("centre", "deg", 0.220004, -0.5, 1.0, 0.5)
RANGE = Parameter("range", "deg", 1.0, 0.01, 1.5, 1.0)
STEP = Parameter("step", "deg", 0.005, 0.0005, 0.1, 0.05)
# Points that are measured while a decision is on its way.
LATENCY = 4


def coarse_to_fine(centre, width, step):
    """Every eighth point of a line, then the fourth, second and rest, each pass in the other direction."""
    count = round(width / step) + 1
    line = np.linspace(centre - width / 2, centre + width / 2, count)
    order = []
    for turn, stride in enumerate((8, 4, 2, 1)):
        fresh = [index for index in range(0, count, stride) if index not in set(order)]
        order += fresh[:: 1 if turn % 2 == 0 else -1]
    return [float(line[index]) for index in order]


class Scan:
    """A rocking scan with an agent that steers it, each of whose suggestions takes effect ``LATENCY`` points later."""

    def __init__(self, frame, agent, *parameters):
        self.frame, self.agent = frame, agent
        self.parameters = {item.name: item for item in parameters}
        self.analysis = RockingCurve()
        self.state = self.analysis.empty()
        self.path = self._path()
        self.done, self.suggested = [], []
        self.due = {}

    def _path(self):
        return coarse_to_fine(*(self.parameters[name].value for name in ("centre", "range", "step")))

    def run(self):
        while self.path:
            self._apply(self.due.pop(len(self.done), ()))
            self._measure(self.path.pop(0))
            result = self.result()
            self.agent.ingest(result, tuple(self.parameters.values()))
            for suggestion in self.agent.suggest():
                assert suggestion.basis == result.basis
                assert suggestion.reason
                self.suggested.append((len(self.done), suggestion.action.parameter, suggestion.action.value))
                self.due.setdefault(len(self.done) + LATENCY, []).append(suggestion.action)
        return self

    def _apply(self, actions):
        for action in actions:
            assert judge_value(action.parameter, action.value, self.parameters) == ""
            self.parameters[action.parameter] = replace(self.parameters[action.parameter], value=action.value)
            self.path = self._path()

    def _measure(self, theta):
        index = len(self.done)
        frames = self.frame(theta)[None]
        columns = {"th": np.array([theta]), "exposure": np.array([0.25])}
        block = FrameBlock("r", "primary", index, index + 1, Inline(frames), columns, {"th": "deg", "exposure": "s"})
        self.state = self.analysis.update(self.state, block, frames)
        self.done.append(theta)

    def result(self):
        count = len(self.done)
        source = Provenance("r", "rocking_curve", {}, "0", "0", "inline", count, count - 1)
        return Result(count, self.analysis.result(self.state), source)


def gaussian(peak, width=0.05, height=50_000, background=20):
    """Frames of 4 x 4 pixels with a peak of this width (FWHM) in degrees."""

    def frame(theta):
        pixels = np.zeros((4, 4), np.int32)
        pixels[1, 1] = background + round(height * float(np.exp(-4 * np.log(2) * ((theta - peak) / width) ** 2)))
        return pixels

    return frame


def curve(positions, frame, run="r"):
    """Result of a curve that was measured at these angles."""
    frames = np.stack([frame(theta) for theta in positions])
    columns = {"th": np.asarray(positions), "exposure": np.full(len(frames), 0.25)}
    block = FrameBlock(run, "primary", 0, len(frames), Inline(frames), columns, {"th": "deg", "exposure": "s"})
    analysis = RockingCurve()
    outcome = analysis.result(analysis.update(analysis.empty(), block, frames))
    return Result(1, outcome, Provenance(run, "rocking_curve", {}, "0", "0", "inline", len(frames), len(frames) - 1))


def parameters(centre=0.0, width=1.0, step=0.005, centre_step=5.0, width_step=5.0):
    return (
        Parameter("centre", "deg", centre, -5.0, 5.0, centre_step),
        Parameter("range", "deg", width, 0.01, 5.0, width_step),
        Parameter("step", "deg", step, 0.001, 0.5),
    )


def asked(agent, result, known):
    agent.ingest(result, known)
    return {item.action.parameter: item.action.value for item in agent.suggest()}


COARSE = np.linspace(-0.5, 0.5, 26)


@pytest.fixture(scope="module")
def sample():
    return RockingSample.load()


def recorded(sample):
    random = np.random.default_rng(0)
    return lambda theta: sample.frame({"th": theta}, 0.25, random)


@pytest.fixture(scope="module")
def steered(sample):
    return Scan(recorded(sample), Recentre(), CENTRE, RANGE, STEP).run()


def test_the_recorded_scan_needs_at_most_80_points_with_the_decision_on_its_way(steered):
    assert len(steered.done) <= 80
    assert {name for _, name, _ in steered.suggested} == {"centre", "range"}


def test_it_decides_once_and_only_after_the_coarse_pass(steered):
    points = {count for count, _, _ in steered.suggested}
    assert len(steered.suggested) == 2
    assert 24 <= points.pop() <= 26
    assert not points


def test_the_steered_scan_gives_the_peak_and_width_of_all_201_frames(sample, steered):
    whole = curve(sample.theta, recorded(sample)).outcome.features
    found = steered.result().outcome.features
    for name in ("peak", "fwhm", "centre_of_mass"):
        difference = abs(found[name].value - whole[name].value)
        assert difference <= np.hypot(found[name].uncertainty, whole[name].uncertainty), name
    assert found["fwhm"].value == pytest.approx(0.050, abs=0.005)


def test_the_steered_scan_samples_the_whole_peak_at_the_full_step(sample, steered):
    rates = curve(sample.theta, recorded(sample)).outcome.data["intensity"].values
    bright = sample.theta[rates > 0.1 * rates.max()]
    measured = np.array(steered.done)
    assert all(np.abs(measured - theta).min() < 1e-3 for theta in bright)


@pytest.mark.parametrize("offset", [-0.02, -0.015, -0.01, -0.005, 0.005, 0.01, 0.015, 0.02])
def test_where_the_coarse_pass_happens_to_fall_does_not_matter(sample, offset):
    scan = Scan(recorded(sample), Recentre(), replace(CENTRE, value=CENTRE.value + offset), RANGE, STEP).run()
    features = scan.result().outcome.features
    assert len(scan.done) <= 80
    assert features["peak"].value == pytest.approx(0.2150, abs=0.005)
    assert features["fwhm"].value == pytest.approx(0.050, abs=0.005)


def test_a_scan_that_nobody_steers_measures_every_point(sample):
    class Silent(Recentre):
        def suggest(self):
            return ()

    assert len(Scan(recorded(sample), Silent(), CENTRE, RANGE, STEP).run().done) == 201


@pytest.mark.parametrize("peak", [-0.35, -0.1, 0.0, 0.22, 0.4])
def test_a_made_up_peak_is_found_wherever_it_is(peak):
    scan = Scan(gaussian(peak), Recentre(), *parameters()).run()
    features = scan.result().outcome.features
    assert len(scan.done) <= 90
    assert features["fwhm"].value == pytest.approx(0.05, abs=0.002)
    assert scan.parameters["centre"].value == pytest.approx(peak, abs=0.0125)


@pytest.mark.parametrize(("centre_step", "width_step"), [(0.07, 0.1), (5.0, 0.05), (0.02, 5.0), (0.001, 0.3)])
def test_what_the_largest_step_forbids_goes_in_several_that_the_guard_accepts(centre_step, width_step):
    agent, result = Recentre(), curve(COARSE, gaussian(0.3))
    free = asked(Recentre(), result, parameters())
    known = {item.name: item for item in parameters(centre_step=centre_step, width_step=width_step)}
    reach = [-0.5, 0.5]
    for _ in range(400):
        steps = asked(agent, result, tuple(known.values()))
        for name, value in steps.items():
            assert judge_value(name, value, known) == ""
            known[name] = replace(known[name], value=value)
            half = known["range"].value / 2
            reach += [known["centre"].value - half, known["centre"].value + half]
        if not steps:
            break
    assert {name: known[name].value for name in free} == free
    assert (min(reach), max(reach)) == (-0.5, 0.5)


def test_a_range_that_widens_moves_first():
    fine = np.linspace(-0.05, 0.05, 41)
    agent = Recentre(widths=8)
    agent.ingest(curve(fine, gaussian(0.02, width=0.03)), parameters(width=0.1, step=0.0025))
    assert [item.action.parameter for item in agent.suggest()] == ["centre", "range"]
    agent.ingest(curve(COARSE, gaussian(0.3), run="next"), parameters())
    assert [item.action.parameter for item in agent.suggest()] == ["range", "centre"]


def test_values_are_clipped_to_the_limits():
    known = (Parameter("centre", "deg", 0.0, -0.1, 0.1), Parameter("range", "deg", 1.0, 0.3, 1.0), parameters()[2])
    assert asked(Recentre(), curve(COARSE, gaussian(0.3)), known) == {"centre": 0.1, "range": 0.3}


def test_values_are_rounded_to_the_decimals_and_lie_on_the_grid():
    values = asked(Recentre(), curve(COARSE, gaussian(0.1234567)), parameters())
    for value in values.values():
        assert type(value) is float
        assert value == round(value, 4)
        assert value / 0.005 == pytest.approx(round(value / 0.005))


SILENT = {
    "nothing was measured": np.empty(0),
    "the far end was not seen": COARSE[COARSE < 0.35],
    "the near end was not seen": COARSE[COARSE > -0.35],
    "only both ends and the peak were seen": np.array([-0.5, 0.06, 0.08, 0.1, 0.12, 0.14, 0.5]),
}


@pytest.mark.parametrize("positions", SILENT.values(), ids=SILENT)
def test_it_waits_until_the_range_has_been_seen(positions):
    result = curve(positions, gaussian(0.1)) if len(positions) else replace_outcome_with_nothing()
    assert asked(Recentre(), result, parameters()) == {}
    assert asked(Recentre(), curve(COARSE, gaussian(0.1)), parameters()) != {}


def replace_outcome_with_nothing():
    analysis = RockingCurve()
    return Result(1, analysis.result(analysis.empty()), Provenance("r", "rocking_curve", {}, "0", "0", "i", 0, -1))


def test_a_coarse_step_counts_as_seen_when_each_of_its_points_was_measured():
    line = curve(np.linspace(-0.5, 0.5, 6), gaussian(0.1, width=0.4))
    assert asked(Recentre(), line, parameters(step=0.2)) != {}
    assert asked(Recentre(), line, parameters(step=0.1)) == {}


def test_noise_and_a_single_hot_frame_are_no_peak():
    random = np.random.default_rng(3)
    noise = curve(COARSE, lambda theta: random.poisson(100, (4, 4)).astype(np.int32))
    hot = curve(COARSE, lambda theta: np.full((4, 4), 1 + 100_000 * (abs(theta - COARSE[12]) < 1e-9), np.int32))
    assert {"peak", "fwhm"} <= noise.outcome.features.keys() & hot.outcome.features.keys()
    assert asked(Recentre(), noise, parameters()) == {}
    assert asked(Recentre(), hot, parameters()) == {}


def test_a_peak_that_only_its_neighbours_share_is_one():
    narrow = gaussian(COARSE[14], width=0.035)
    data = curve(COARSE, narrow).outcome.data["intensity"].values
    assert int(np.sum(data > data.max() / 2)) == 1
    assert asked(Recentre(), curve(COARSE, narrow), parameters()) != {}


def test_a_flank_without_its_other_side_is_left_alone():
    assert asked(Recentre(), curve(COARSE, gaussian(0.5)), parameters()) == {}


def test_small_changes_are_not_worth_a_new_path():
    agent = Recentre()
    first = asked(agent, curve(COARSE, gaussian(0.1)), parameters())
    followed = parameters(centre=first["centre"], width=first["range"])
    near, half = np.linspace(-0.2, 0.2, 81) + 0.1, first["range"] / 2
    assert asked(agent, curve(near, gaussian(0.11)), followed) == {}
    assert asked(agent, curve(near, gaussian(0.1, width=0.06)), followed) == {}
    assert "centre" in asked(agent, curve(near, gaussian(0.1 + 0.5 * half)), followed)
    assert "range" in asked(agent, curve(near, gaussian(0.1, width=0.09)), followed)


def test_it_does_not_nag_about_what_was_not_followed():
    agent, result = Recentre(), curve(COARSE, gaussian(0.1))
    assert asked(agent, result, parameters()) != {}
    assert asked(agent, result, parameters()) == {}


def test_another_run_begins_afresh():
    agent = Recentre()
    first = asked(agent, curve(COARSE, gaussian(0.1)), parameters())
    assert asked(agent, curve(COARSE, gaussian(0.1), run="next"), parameters()) == first


def test_a_value_that_somebody_else_set_is_a_new_start():
    agent, result = Recentre(), curve(COARSE, gaussian(0.1))
    first = asked(agent, result, parameters())
    assert asked(agent, result, parameters(centre=-0.2)) == {}, "the range now reaches beyond what was seen"
    wider = curve(np.linspace(-0.7, 0.5, 31), gaussian(0.1))
    assert asked(agent, wider, parameters(centre=-0.2)) == pytest.approx(first)


def test_other_results_and_other_scans_are_left_alone():
    result = curve(COARSE, gaussian(0.1))
    assert asked(Recentre(), result, ()) == {}
    assert asked(Recentre(), result, parameters()[2:]) == {}
    assert asked(Recentre(axis="phi"), result, parameters()) == {}


@pytest.mark.parametrize("chosen", [{"widths": 0.0}, {"widths": float("nan")}, {"coverage": 0.0}, {"coverage": 1.0}])
def test_impossible_choices_are_refused(chosen):
    with pytest.raises(ValueError, match="allowed are"):
        Recentre(**chosen)
