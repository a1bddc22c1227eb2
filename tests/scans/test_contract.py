"""Every kind of scan keeps its contract; and the kit finds those that do not."""

from dataclasses import dataclass, replace
from typing import Literal

import pytest
import yaml

from steering.paths.path import Point
from steering.scans.base import ScanBase
from steering.scans.entry import ScanEntry
from steering.scans.kinds import scan_kinds
from steering.scans.rocking import RockingEntry, RockingScan
from steering.testing import ContractError, check_scan

KINDS = yaml.safe_load("""
- plan: rocking
  name: rocking
  title: A curve
  axis: th
  parameters:
    centre: &angle {units: deg, value: 0.2, low: -0.5, high: 1.0}
    range: {units: deg, value: 1.0, low: 0.1, high: 1.5}
    step: {units: deg, value: 0.05, low: 0.01, high: 0.1}
    exposure: &exposure {units: s, value: 0.25, low: 0.01, high: 5.0}
- plan: map
  name: map
  title: A map
  area: {sy: [-8, 8], sx: [-5, 5]}
  parameters: {step: &step {units: um, value: 2.5, low: 0.5, high: 10.0}, exposure: *exposure}
- plan: spec
  name: line
  title: A line
  frames: 100
  spec: {type: Linspace, axis: th, start: 0, stop: $end, num: $points}
  parameters:
    end: {units: deg, value: 1.0, low: 0.1, high: 5.0}
    points: {units: "1", value: 5, low: 2, high: 50, decimals: 0}
    exposure: *exposure
- plan: sweep
  name: turn
  title: A turn
  axis: th
  frames: 181
  parameters:
    start: *angle
    stop: {units: deg, value: 0.9, low: 0.5, high: 5.0}
    count: {units: "1", value: 2, low: 1, high: 9, decimals: 0}
    exposure: *exposure
- plan: sweep
  name: fly
  title: A map on the fly
  axis: sx
  across: {sy: [-8, 8]}
  frames: 21
  parameters:
    start: *angle
    stop: {units: um, value: 3, low: 2, high: 9}
    step: *step
    exposure: *exposure
- plan: series
  name: series
  title: Ten bursts, one a second
  frames: 1000
  parameters:
    count: {units: "1", value: 10, low: 1, high: 1000, decimals: 0}
    every: {units: s, value: 1.0, low: 0.0, high: 60.0}
    exposure: *exposure
- plan: series
  name: watch
  title: Without end
  endless: true
  parameters: {exposure: *exposure}
""")


@pytest.mark.parametrize("content", KINDS, ids=lambda content: content["name"])
def test_each_kind_of_ours_keeps_its_contract(content):
    scan = check_scan(scan_kinds()[content["plan"]], content)
    assert scan.name == content["name"]


class Farther(RockingScan):
    """Goes on behind its end."""

    def points(self, values):
        last = super().points(values)[-1]
        beyond = replace(last, positions={self.axis: last.positions[self.axis] + 9.0})
        return [*super().points(values)[:-1], beyond]


class More(RockingScan):
    """Lists more than it counts."""

    def points(self, values):
        return [*super().points(values), Point({self.axis: 0.0}, {self.axis: 0.1})]


class Elsewhere(RockingScan):
    """Lists points of another axis."""

    def points(self, values):
        return [Point({"tth": 0.0}, {"tth": 0.1})] * self.count(values)


@pytest.mark.parametrize(
    ("made", "sentence"), [(Farther, "beyond its extent"), (More, "counts 21 points"), (Elsewhere, "a point of")]
)
def test_the_kit_finds_what_a_guard_could_not_judge(made, sentence):
    class Kind(RockingEntry):
        def scan(self):
            return made(axis=self.axis, **self.common())

    with pytest.raises(ContractError, match=sentence):
        check_scan(Kind, KINDS[0])


def test_a_kind_says_what_its_file_lacks():
    with pytest.raises(ContractError, match="does not take"):
        check_scan(RockingEntry, {"plan": "rocking"})
    lacking = {**KINDS[0], "parameters": {"exposure": KINDS[0]["parameters"]["exposure"]}}
    with pytest.raises(ContractError, match=r"\['centre', 'range', 'step'\]"):
        check_scan(RockingEntry, lacking)


@dataclass(frozen=True, kw_only=True)
class Twice(ScanBase):
    """A kind from outside: each position twice."""

    axis: str

    @property
    def axes(self):
        return (self.axis,)

    @property
    def shaping(self):
        return frozenset({"step"})

    @property
    def extent(self):
        return {self.axis: (0.0, 4.0)}

    def count(self, values):
        return 2 * (int(4.0 / values["step"]) + 1)

    def spec(self, values):
        from scanspec.specs import Linspace

        count = self.count(values) // 2
        line = Linspace(self.axis, 0.0, (count - 1) * values["step"], count)
        return line.concat(line)

    def points(self, values):
        return [
            Point({self.axis: number // 2 * values["step"]}, {self.axis: values["step"]})
            for number in range(self.count(values))
        ]


class TwiceEntry(ScanEntry):
    """It in a beamline's file."""

    plan: Literal["twice"]
    axis: str

    @property
    def moved(self):
        return (self.axis,)

    @property
    def takes(self):
        return ("step",)

    def scan(self):
        return Twice(axis=self.axis, **self.common())


def test_a_kind_from_outside_keeps_it_too():
    exposure = {"units": "s", "value": 0.1, "low": 0.01, "high": 1.0}
    step = {"units": "deg", "value": 0.5, "low": 0.1, "high": 1.0}
    content = {
        "plan": "twice",
        "name": "n",
        "title": "t",
        "axis": "th",
        "parameters": {"step": step, "exposure": exposure},
    }
    assert check_scan(TwiceEntry, content).count({"step": 0.5}) == 18
