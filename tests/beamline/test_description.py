"""A beamline's file is checked as a whole: every mistake has a sentence and a line, and nothing is started."""

import copy
import re
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from steering.core import registry
from steering.core.binding import AgentBinding, Binding
from steering.core.errors import SteeringError
from steering.description.description import read_description
from steering.sim.speckle import GEOMETRY
from steering.sim.star import GEOMETRY as STAR_GEOMETRY

WHOLE = """\
name: Ours
motors:
  eta: {prefix: "ioc:m1", units: deg}
  x: {prefix: "ioc:m2", units: um}
  y: {prefix: "ioc:m3", units: um}
detector: {prefix: "det:", image: "det:Pva1:Image"}
scans:
  - plan: rocking
    name: rock
    title: A rocking curve
    axis: eta
    points_allowed: 2000
    parameters:
      centre: {units: deg, value: 1.0, low: 0.0, high: 2.0}
      range: {units: deg, value: 1.0, low: 0.1, high: 2.0}
      step: {units: deg, value: 0.01, low: 0.001, high: 0.1}
      exposure: {units: s, value: 0.1, low: 0.01, high: 1.0}
  - plan: map
    name: area
    title: A map
    area: {y: [0, 10], x: [0, 10]}
    parameters:
      step: {units: um, value: 1.0, low: 0.1, high: 5.0}
      exposure: {units: s, value: 0.1, low: 0.01, high: 1.0}
"""


@pytest.fixture
def said(tmp_path):
    def of(text):
        file = tmp_path / "beamline.yaml"
        file.write_text(text, encoding="utf-8")
        with pytest.raises(SteeringError) as raised:
            read_description(file)
        return str(raised.value)

    return of


def changed(*pairs):
    text = WHOLE
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def test_a_right_one_is_read(tmp_path):
    file = tmp_path / "beamline.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + WHOLE.encode())
    read = read_description(file)
    assert [scan.scan().axes for scan in read.scans] == [("eta",), ("y", "x")]
    assert read_description(None).simulate is not None


BURST = (
    "    points_allowed: 2000\n    parameters:\n",
    """    points_allowed: 2000
    frames: 20
    parameters:
      parts: {units: "", value: 4, low: 1, high: 100, decimals: 0}
""",
)


def test_how_many_parts_a_burst_has_may_be_steered(tmp_path):
    file = tmp_path / "beamline.yaml"
    file.write_text(changed(BURST))
    scan = read_description(file).scans[0].scan()
    assert scan.parted
    assert scan.parts_of({"parts": 7.0}) == 7
    assert scan.parts_of({one.name: one.value for one in scan.parameters}) == 4


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("frames: 20", "frames: 1", "A part of a burst needs frames: 2 or more."),
        ("frames: 20", "frames: 20\n    parts: 3", "The parts of a burst stand here and among the parameters."),
        ("low: 1, high: 100", "low: 0, high: 100", "A burst has 0 to 100 parts here. Allowed: 1 to 100000."),
        ("decimals: 0", "decimals: 2", "parts is a whole number without a unit."),
        ('units: "", value: 4', "units: s, value: 4", "parts is a whole number without a unit."),
    ],
)
def test_parts_that_cannot_be_steered_are_said(said, old, new, sentence):
    assert sentence in said(changed(BURST, (old, new)))


SIGNALS = (
    "scans:",
    """signals:
  heat: {set: "ioc:T", read: "ioc:T:read", units: K, tolerance: 0.5, settle: 2, timeout: 300}
  ring: {read: "ioc:I", units: mA}
scans:""",
)
HEAT = ("      exposure:", "      heat: {units: K, low: 250.0, high: 400.0, largest_step: 50.0}\n      exposure:")


NUMBERS = {"distance": 4.0, "poni1": 0.01, "poni2": 0.01, "pixel1": 75e-6, "pixel2": 75e-6, "wavelength": 1e-10}


def test_a_detector_says_where_it_stands_or_names_a_poni_file(tmp_path):
    file = tmp_path / "beamline.yaml"
    (tmp_path / "near.poni").write_text(
        'Detector_config: {"pixel1": 75e-6, "pixel2": 75e-6}\n'
        "Distance: 4\nPoni1: 0.01\nPoni2: 0.01\nWavelength: 1e-10\n"
    )
    for geometry in (NUMBERS, "near.poni"):
        file.write_text(WHOLE.replace('Pva1:Image"}', f'Pva1:Image", geometry: {geometry}}}'))
        assert read_description(file).geometry() == {"det": {**NUMBERS, "rot1": 0.0, "rot2": 0.0, "rot3": 0.0}}
    file.write_text(WHOLE)
    assert read_description(file).geometry() == {}
    simulated = read_description(Path(str(files("steering.beamline").joinpath("xpcs.yaml"))))
    assert simulated.geometry() == {"det": GEOMETRY.json()}
    simulated = read_description(Path(str(files("steering.beamline").joinpath("ptychography.yaml"))))
    assert simulated.geometry() == {"det": STAR_GEOMETRY.json()}


@pytest.mark.parametrize(
    ("geometry", "sentence"),
    [
        ("none.poni", "none.poni cannot be read: No such file"),
        ({**NUMBERS, "distance": -4.0}, "geometry: the geometry's distance is -4 m. Allowed: above 0, in m."),
        ({"distance": 4.0}, "geometry: the geometry lacks poni1"),
        ([1], "geometry: the geometry is [1]. Write its keys with numbers"),
    ],
)
def test_each_mistake_of_a_geometry_is_one_sentence(said, geometry, sentence):
    assert sentence in said(WHOLE.replace('Pva1:Image"}', f'Pva1:Image", geometry: {geometry}}}'))


def test_signals_are_read_and_steered(tmp_path):
    file = tmp_path / "beamline.yaml"
    file.write_text(changed(SIGNALS, HEAT, ("    axis: eta", "    axis: eta\n    read: [ring]")))
    read = read_description(file)
    rock, area = read.scans
    assert rock.signals(read.signals) == ("ring", "heat")
    assert area.signals(read.signals) == ()
    heat = {item.name: item for item in rock.scan().parameters}["heat"]
    assert (heat.units, heat.value, heat.low, heat.high, heat.largest_step) == ("K", 250.0, 250.0, 400.0, 50.0)
    started = rock.scan().starting((heat,))
    assert (started.parameters, started.axes, started.analyses) == ((heat,), ("eta",), rock.scan().analyses)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (
            "[eta, rnig]",
            "There is no motor, signal or device 'rnig'. Allowed: eta, x, y, heat, ring. Did you mean ring?",
        ),
        ("[ring, eta, ring]", "ring is in the baseline already. Name it once."),
    ],
)
def test_the_baseline_names_what_there_is(said, tmp_path, names, sentence):
    assert sentence in said(changed(SIGNALS, ("signals:", f"baseline: {names}\nsignals:")))
    file = tmp_path / "beamline.yaml"
    file.write_text(changed(SIGNALS, ("signals:", "baseline: [eta, ring]\nsignals:")))
    assert read_description(file).baseline == ("eta", "ring")


NO_UNIT = ('read: "ioc:T:read", units: K, tolerance: 0.5', 'read: "ioc:T:read"')
CHOICE = ("      heat: {units: K, low: 250.0, high: 400.0, largest_step: 50.0}", "      heat: {choices: [low, high]}")


def test_a_parameter_may_be_a_choice(tmp_path):
    file = tmp_path / "beamline.yaml"
    for more, value in (("", 0.0), (", value: high", 1.0), (", value: 1", 1.0)):
        choice = CHOICE[1].replace("]}", "]" + more + "}")
        file.write_text(changed(SIGNALS, HEAT, (CHOICE[0], choice), NO_UNIT))
        heat = {item.name: item for item in read_description(file).scans[0].scan().parameters}["heat"]
        assert (heat.units, heat.value, heat.low, heat.high, heat.choices) == ("", value, 0, 1, ("low", "high"))


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        ("{choices: [low, high], value: hi}", "heat: the value 'hi' is none of its choices. Allowed: low, high."),
        ("{choices: [low, high], value: 2}", "heat = 2 is none of its choices. Allowed: low, high."),
        ("{choices: [low, high], high: 5}", "heat has choices, so it takes no limits and no units."),
        ("{choices: [low, low]}", "heat: each choice needs a name of its own, not 'low', 'low'."),
        ("{choices: [low, ' ']}", "heat: each choice needs a name of its own, not 'low', ' '."),
        ("{choices: [off, on]}", "item 1 must be a text, not False. Put it in quotation marks."),
        ("{choices: []}", "The key 'low' is missing."),
        ("{choices: low}", "choices must be a list, not 'low'."),
    ],
)
def test_each_mistake_of_a_choice_is_one_sentence(said, choice, sentence):
    message = said(changed(SIGNALS, HEAT, (CHOICE[0], f"      heat: {choice}"), NO_UNIT))
    assert sentence in message, message


MESH = """
  - plan: spec
    name: mesh
    title: A mesh
    spec:
      type: Product
      outer: {type: Linspace, axis: y, start: 0, stop: 10, num: $rows}
      inner: {type: Snake, spec: {type: Linspace, axis: x, start: $left, stop: 5, num: 3}}
    points_allowed: 100
    parameters:
      rows: {units: "1", value: 4, low: 1, high: 40, decimals: 0}
      left: {units: um, value: 0, low: -5, high: 4}
      exposure: {units: s, value: 0.1, low: 0.01, high: 1.0}
"""


def test_a_scan_along_any_path_is_read(tmp_path):
    file = tmp_path / "beamline.yaml"
    file.write_text(WHOLE + MESH)
    mesh = read_description(file).scans[-1].scan()
    assert (mesh.axes, mesh.shaping) == (("y", "x"), {"rows", "left"})
    assert mesh.count({"rows": 4.0, "left": 0.0, "exposure": 0.1}) == 12
    assert mesh.analyses == (Binding("map_features", "map_features", ("y", "x")),)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("axis: x", "axis: z", "There is no motor 'z'. Allowed: eta, x, y."),
        ("num: $rows", "num: $lines", "no parameter 'rows'. Allowed: lines, left, exposure."),
        ("num: 3", "num: 100", "The path would have 400 points. Allowed: at most 100."),
        ("type: Snake", "type: Snail", "A path of type 'Snail' is not taken. Allowed: Concat, Linspace,"),
        ("exposure: {units: s", "exposur: {units: s", "The parameter 'exposure' is missing."),
        ("axis: y", "along: y", "The path"),
    ],
)
def test_a_mistake_in_a_path_is_a_sentence_with_its_line(said, old, new, sentence):
    assert old in MESH
    message = said(WHOLE + MESH.replace(old, new, 1))
    first = WHOLE.count("\n") + 2
    lines = [int(one) for one in re.findall(rf"  line (\d+): .*{re.escape(sentence)}", message)]
    assert lines, message
    assert min(lines) >= first


SIGNAL_MISTAKES = {
    "neither": (('{read: "ioc:I", units: mA}', "{units: mA}"), 9, "The signal ring has neither 'read' nor 'set'."),
    "only read": (("      heat:", "      ring:"), 21, "The signal ring cannot be set: its key 'set' is missing."),
    "other unit": (("heat: {units: K, low", "heat: {units: mK, low"), 21, "heat is in 'mK', but its signal in 'K'."),
    "unknown signal": (
        ("    read: [ring]", "    read: [rong]"),
        15,
        "There is no signal or device 'rong'. Allowed: heat, ring. Did",
    ),
    "unknown parameter": (
        ("      heat:", "      heet:"),
        21,
        "no parameter 'heet'. Allowed: centre, range, step, exposure, heat. Did you mean heat?",
    ),
    "name of a motor": (("  ring:", "  eta:"), 9, "'eta' is a column or a parameter of scans already."),
    "no name": (("  ring:", "  ring-current:"), 9, "The name 'ring-current' is a column of the data: letters"),
    "no PV": (('"ioc:I"', '"ioc:"'), 9, "'ioc:' is not the name of a PV."),
    "a motor": (('set: "ioc:T"', 'set: "ioc:m1"'), 8, "ioc:m1 is the motor eta. Scan it, or leave it out here."),
    "negative": (("tolerance: 0.5", "tolerance: -1"), 8, "tolerance: "),
    "forever": (("timeout: 300", "timeout: .inf"), 8, "timeout: "),
    "unknown key": (
        ("settle: 2", "setle: 2"),
        8,
        "There is no key 'setle' here. Allowed: read, set, units, tolerance,",
    ),
    "no value": (("step: {units: deg, value: 0.01, ", "step: {units: deg, "), 20, "The key 'value' of step is missing"),
}


@pytest.mark.parametrize("name", SIGNAL_MISTAKES)
def test_each_mistake_of_a_signal_is_one_sentence_with_its_line(said, name):
    change, line, sentence = SIGNAL_MISTAKES[name]
    reading = ("    axis: eta", "    axis: eta\n    read: [ring]")
    text = changed(SIGNALS, HEAT, reading)
    assert change[0] in text
    message = said(text.replace(*change, 1))
    assert re.search(rf"  line {line}: .*{re.escape(sentence)}", message), message


def test_an_analysis_may_need_what_a_signal_gives(said, tmp_path):
    analysis = "    analyses: [{analysis: rocking_curve, parameters: {exposure: ring}}]"
    message = said(changed(SIGNALS, ("    axis: eta", f"    axis: eta\n    read: [ring]\n{analysis}")))
    assert "The analysis rocking_curve needs ring in s; this scan records it in mA." in message


def test_analyses_and_agents_are_bound_to_the_scan(tmp_path):
    file = tmp_path / "beamline.yaml"
    file.write_text(
        changed(
            (
                "    axis: eta",
                """    axis: eta
    analyses: [rocking_curve, {analysis: centre_of_mass, label: spot, parameters: {kept: 5}}]
    agents: [{agent: recentre, label: mine, of: spot, parameters: {widths: 4}}]""",
            )
        )
    )
    rock, area = (scan.scan() for scan in read_description(file).scans)
    assert rock.analyses == (
        Binding("rocking_curve", "rocking_curve", ("eta",)),
        Binding("spot", "centre_of_mass", ("eta",), {"kept": 5}),
    )
    assert rock.agents == (AgentBinding("mine", "recentre", "spot", {"widths": 4}),)
    assert area.analyses == (Binding("map_features", "map_features", ("y", "x")),)
    assert area.agents == ()


ONE_MISTAKE = {
    "unknown axis": (
        ("axis: eta", "axis: theta"),
        11,
        "There is no motor 'theta'. Allowed: eta, x, y. Did",
    ),
    "unknown axis of a map": (("{y: [0, 10]", "{z: [0, 10]"), 21, "There is no motor 'z'. Allowed: eta, x, y."),
    "unknown analysis": (
        ("    axis: eta", "    axis: eta\n    analysis: rocking"),
        12,
        "There is no analysis 'rocking'. Allowed: background, centre_of_mass,",
    ),
    "both ways": (
        ("    axis: eta", "    axis: eta\n    analysis: scalars\n    analyses: [scalars]"),
        12,
        "Both 'analysis' and 'analyses' are given.",
    ),
    "unknown analysis of several": (
        ("    axis: eta", "    axis: eta\n    analyses:\n      - scalars\n      - rocking_curv"),
        14,
        f"There is no analysis 'rocking_curv'. Allowed: {', '.join(registry.names('analyses')[:4])},",
    ),
    "twice one label": (
        ("    axis: eta", "    axis: eta\n    analyses:\n      - scalars\n      - {analysis: scalars}"),
        14,
        "Two analyses have the label 'scalars'. Give each its own: label: NAME.",
    ),
    "parameter of an analysis": (
        ("    axis: eta", "    axis: eta\n    analyses: [{analysis: centre_of_mass, parameters: {keep: 3}}]"),
        12,
        "The analysis centre_of_mass has no parameter 'keep'. It takes: kept, region, masked.",
    ),
    "value of a parameter": (
        ("    axis: eta", "    axis: eta\n    analyses: [{analysis: centre_of_mass, parameters: {kept: 0}}]"),
        12,
        "The analysis centre_of_mass does not fit a scan of eta: ",
    ),
    "axes of an analysis": (
        ("    axis: eta", "    axis: eta\n    analyses: [{analysis: rocking_curve, axes: [x]}]"),
        12,
        "The scan does not move 'x'. Allowed: eta.",
    ),
    "number of axes": (
        ("    axis: eta", "    axis: eta\n    analyses: [map_features]"),
        12,
        "The analysis map_features does not fit a scan of eta: a map has two different axes",
    ),
    "column that is not recorded": (
        ("    axis: eta", "    axis: eta\n    analyses: [{analysis: rocking_curve, parameters: {exposure: dwell}}]"),
        12,
        "The analysis rocking_curve needs the column 'dwell', which this scan does not record. Allowed: eta, exposure.",
    ),
    "unit of a column": (
        ("    axis: eta", "    axis: eta\n    analyses: [{analysis: rocking_curve, parameters: {exposure: eta}}]"),
        12,
        "The analysis rocking_curve needs eta in s; this scan records it in deg.",
    ),
    "unknown key of an analysis": (
        ("    axis: eta", "    axis: eta\n    analyses: [{analysis: scalars, lable: a}]"),
        12,
        "There is no key 'lable' here. Allowed: analysis, label, axes, detector, parameters. Did you mean label?",
    ),
    "analyses that are no list": (
        ("    axis: eta", "    axis: eta\n    analyses: 3"),
        12,
        "analyses must be a list, not 3",
    ),
    "unknown agent": (
        ("    axis: eta", "    axis: eta\n    agents: [recenter]"),
        12,
        f"There is no agent 'recenter'. Allowed: {', '.join(registry.names('agents'))}. Did you mean recentre?",
    ),
    "agent of no analysis": (
        ("    axis: eta", "    axis: eta\n    agents: [{agent: recentre, of: curve}]"),
        12,
        "The scan has no analysis 'curve'. Allowed: rocking_curve.",
    ),
    "parameter of an agent": (
        ("    axis: eta", "    axis: eta\n    agents: [{agent: recentre, parameters: {widths: -1}}]"),
        12,
        "The agent recentre does not fit this: widths = -1 and coverage = 0.9",
    ),
    "missing parameter": (
        ("      step: {units: deg, value: 0.01, low: 0.001, high: 0.1}\n", ""),
        13,
        "The parameter 'step' is missing. The plan rocking takes: centre, range, step, exposure.",
    ),
    "unknown parameter": (("      centre:", "      center:"), 14, "no parameter 'center'."),
    "limits reversed": (
        ("low: 0.0, high: 2.0", "low: 2.0, high: 0.0"),
        14,
        "the limits 2 to 0 deg are reversed.",
    ),
    "value outside": (("value: 1.0, low: 0.0", "value: 3.0, low: 0.0"), 14, "centre = 3 deg is outside its limits."),
    "not a number": (("value: 1.0, low: 0.0", "value: one, low: 0.0"), 14, "value must be a number, not 'one'."),
    "not finite": (("value: 1.0, low: 0.0", "value: .nan, low: 0.0"), 14, "value is nan, which is not a finite number"),
    "infinite": (("high: 2.0}\n      range", "high: .inf}\n      range"), 14, "high is inf, which is not a finite"),
    "step of zero": (("low: 0.001", "low: 0.0"), 16, "step: the lowest value, 0 deg, must be above 0 deg."),
    "no largest step": (("high: 0.1}", "high: 0.1, largest_step: 0}"), 16, "the largest step, 0 deg, must be above 0"),
    "duplicate names": (("name: area", "name: rock"), 19, "Two scans have the name 'rock'."),
    "duplicate key": (("name: Ours", "name: Ours\nname: Mine"), 2, "The key 'name' is here a second time."),
    "duplicate axis": (("  y:", "  x:"), 5, "The key 'x' is here a second time."),
    "same record": (("ioc:m3", "ioc:m2"), 5, "The motors x and y are the same record ioc:m2."),
    "unit": (("step: {units: deg", "step: {units: mm"), 16, "step is in 'mm', but eta in deg."),
    "exposure": (("exposure: {units: s", "exposure: {units: ms"), 17, "The exposure is in s, not in 'ms'."),
    "detector without colon": (('prefix: "det:"', 'prefix: "det"'), 6, "'det' does not end with a colon."),
    "motor with colon": (("ioc:m1", "ioc:m1:"), 3, "'ioc:m1:' is no motor record, as IOC:m1 is"),
    "motor with field": (("ioc:m1", "ioc:m1.VAL"), 3, "'ioc:m1.VAL' is no motor record"),
    "unknown key": (
        ("axis: eta", "axis: eta\n    pointsallowed: 3"),
        12,
        "no key 'pointsallowed' here. Allowed: name",
    ),
    "unknown plan": (
        ("plan: map", "plan: grid"),
        18,
        "There is no plan 'grid'. Allowed: 'map', 'own', 'rocking', 'series', 'spec', 'sweep'.",
    ),
    "simulated sample": (
        ("name: Ours", "name: Ours\nsimulate: {samples: {a: nocolon}}"),
        2,
        "a must be written as package.module:Class",
    ),
    "simulated limits": (
        ("name: Ours", "name: Ours\nsimulate: {motors: {rot: {units: deg, low: 9, high: 1}}}"),
        2,
        "rot: the limits 9 to 1 deg are not in order.",
    ),
    "simulated name": (
        ("name: Ours", "name: Ours\nsimulate: {motors: {r t: {units: deg, low: 0, high: 1}}}"),
        2,
        "'r t' is no name",
    ),
    "simulated key": (
        ("name: Ours", "name: Ours\nsimulate: {sample: {}}"),
        2,
        "no key 'sample' here. Allowed: samples",
    ),
    "suspender without signal": (
        ("name: Ours", "name: Ours\nsuspenders: [{signal: ring, low: 50}]"),
        2,
        "There is no signal 'ring'. Allowed: none.",
    ),
    "suspender without limits": (
        ("name: Ours", "name: Ours\nsuspenders: [{signal: ring}]"),
        2,
        "ring: give 'low', 'high', or both with low below high, in its unit.",
    ),
    "suspender of no scan": (
        ("name: Ours", "name: Ours\nsuspenders: [{signal: ring, low: 50, scans: [rok]}]"),
        2,
        "There is no scan 'rok'. Allowed: rock, area. Did you mean rock?",
    ),
    "no plan": (("  - plan: map\n    name: area", "  - name: area"), 18, "The key 'plan' is missing."),
    "area reversed": (("y: [0, 10]", "y: [10, 0]"), 21, "The area along y, 10 to 0, is not in order."),
    "area of one axis": (("{y: [0, 10], x: [0, 10]}", "{x: [0, 10]}"), 21, "The area of a map has two axes"),
    "area of three numbers": (("y: [0, 10]", "y: [0, 5, 10]"), 21, "not"),
    "too many points": (
        ("points_allowed: 2000", "points_allowed: 20"),
        12,
        "101 points, more than points_allowed, 20.",
    ),
    "motor of a number": (('eta: {prefix: "ioc:m1", units: deg}', "eta: 3"), 3, "eta must be keys with values, not 3."),
    "no motors": (("  eta:", "  # eta:"), 11, "There is no motor 'eta'."),
    "nan to be safe": (("scans:", "safe: {a:b: .nan}\nscans:"), 7, "a:b cannot be set to nan."),
}


@pytest.mark.parametrize("name", ONE_MISTAKE)
def test_each_mistake_is_one_sentence_with_its_line(said, name):
    change, line, sentence = ONE_MISTAKE[name]
    message = said(changed(change))
    assert re.search(rf"  line {line}: .*{re.escape(sentence)}", message), message
    # A wrong name may be a missing right one, too.
    assert re.search(r"has (one|2) mistake", message), message


def test_all_mistakes_are_said_at_once_in_the_order_of_the_lines(said):
    message = said(
        changed(
            ("axis: eta", "axis: theta"),
            ("low: 0.0, high: 2.0", "low: 2.0, high: 0.0"),
            ("name: area", "name: rock"),
            ('prefix: "det:"', 'prefix: "det"'),
            ("step: {units: um", "step: {units: deg"),
        )
    )
    assert "has 5 mistakes; nothing was started:" in message
    lines = [int(number) for number in re.findall(r"^  line (\d+)", message, re.MULTILINE)]
    assert lines == sorted(lines)
    assert len(lines) == 5


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has one mistake"),
        ("- 1\n- 2\n", "must be keys with values"),
        ("name: [1\n", r"is not YAML: line 2"),
        ("a: &a [*a]", "something in it contains itself"),
        ("!!python/object:os.system {}", "is not YAML: line 1"),
        ("name: \x00", "is not YAML"),
        ("12", "must be keys with values"),
    ],
)
def test_what_is_no_description_is_said(said, text, sentence):
    assert re.search(sentence, said(text))


def test_a_file_that_is_not_there_or_not_text_is_said(tmp_path):
    with pytest.raises(SteeringError, match=r"cannot be read: No such file.*Give --beamline"):
        read_description(tmp_path / "none.yaml")
    (tmp_path / "odd.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(SteeringError, match="is not text in UTF-8"):
        read_description(tmp_path / "odd.yaml")


def places(content, path=()):
    yield path
    if isinstance(content, dict):
        for key, value in content.items():
            yield from places(value, (*path, key))
    if isinstance(content, list):
        for number, value in enumerate(content):
            yield from places(value, (*path, number))


PLACES = [place for place in places(yaml.safe_load(WHOLE)) if place]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.floats(),
    st.text(max_size=8),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
)


@given(place=st.sampled_from(PLACES), odd=ODD)
def test_whatever_stands_at_one_place_it_is_read_or_said(tmp_path_factory, place, odd):
    content = copy.deepcopy(yaml.safe_load(WHOLE))
    inner = content
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = odd
    file = tmp_path_factory.mktemp("odd") / "beamline.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    said = "line 1: Nothing"
    try:
        read_description(file)
    except SteeringError as error:
        said = str(error)
    assert re.search(r"^ *line \d+: [A-Za-z'\"]|is not YAML", said, re.MULTILINE)
    assert "pydantic" not in said


def test_the_embedded_one_and_that_of_the_docs_are_right():
    assert files("steering.beamline").joinpath("embedded.yaml").is_file()
    read_description(None)
