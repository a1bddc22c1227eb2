"""Plan and forecast over HTTP: who reads may ask, nothing happens, and whatever is sent is answered with a sentence."""

import asyncio
import json
import math
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import httpx
import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steering.beamline import gate
from steering.beamline.app import Face
from steering.beamline.client import BeamlineClient
from steering.beamline.newest import Newest
from steering.beamline.pace import Pace
from steering.beamline.tokens import Tokens
from steering.core.action import Abort, InsertRegion, SetParameter, Skip
from steering.core.errors import SteeringError
from steering.core.parameter import Parameter
from steering.core.plan import Forecast, Plan
from steering.core.status import BeamlineStatus
from steering.service import told_plan
from steering.service.hub import Hub
from steering.service.starting import choose, no_such
from steering.service.told_plan import ToldPlan
from steering.service.wire import decode_forecast, decode_plan, encode_forecast, encode_plan
from tests.plans.test_docket import MAP, docket_of
from tests.plans.test_outlook import standing

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KINDS = st.sampled_from(["set", "replace", "insert", "skip", "finish", "pause", "resume", "abort", "nonsense"])
ACTIONS = st.fixed_dictionaries(
    {"kind": KINDS},
    optional={"parameter": JSON, "value": JSON, "spec": JSON, "region": JSON, "step": JSON, "points": JSON},
)


class Beamline:
    """What the routes need, around a real docket."""

    def __init__(self):
        self.docket = docket_of()
        standing(self.docket, 3)
        self.hub = Hub()
        self.tenancy = SimpleNamespace(lease=SimpleNamespace(holder="ana"))
        self._told = ToldPlan()

    def status(self):
        return BeamlineStatus("running", parameters=tuple(MAP.parameters))

    def plan(self):
        return self._told.of(self.docket, "run-1")

    def propose(self, proposal, person):
        return self.docket.propose(proposal, person, "ana")

    def forecast(self, actions, person):
        return told_plan.forecast(self.docket, "run-1", actions, person, "ana", 0.5)

    def outlook(self, name, values):
        if name != MAP.name:
            return Forecast(no_such(name, [MAP.name]))
        try:
            chosen = choose(MAP.parameters, values)
        except SteeringError as error:
            return Forecast(str(error))
        return told_plan.before_start(MAP, chosen, self.docket, 0.5)


class Service:
    """The routes in this process, and clients of them."""

    def __init__(self):
        self.beamline, self.tokens = Beamline(), Tokens()
        self.app = Face(self.beamline, self.tokens, Newest(), lambda: None).build()

    @asynccontextmanager
    async def client(self, name="ana", scopes=("read",)):
        token = self.tokens.issue(name, frozenset(scopes))
        made = BeamlineClient("http://service", token)
        await made._http.aclose()
        made._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://service", headers=made._headers
        )
        try:
            yield made
        finally:
            await made.close()


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    monkeypatch.setattr(gate, "FORECASTING", Pace(1e6, 1e6, 1e6, 1e6))


async def asked(actions, name="ana"):
    async with Service().client(name) as client:
        return await client.forecast(actions)


def test_a_forecast_has_the_path_that_would_be_and_how_long_it_takes():
    forecast = asyncio.run(asked([Skip(3), SetParameter("exposure", 0.3)]))
    assert forecast.refusal == ""
    assert forecast.plan.axes == ("sy", "sx")
    assert forecast.points_left == len(forecast.plan.left())
    # A point takes half a second now, and 0.2 s more with the longer exposure.
    assert forecast.seconds_left == pytest.approx(0.7 * forecast.points_left)


def test_a_simulated_beamline_that_runs_faster_is_forecast_so():
    docket = docket_of()
    standing(docket, 3)
    found = told_plan.forecast(docket, "run-1", [SetParameter("exposure", 0.3)], "ana", "ana", 0.5, 5.0)
    assert found.seconds_left == pytest.approx(0.54 * found.points_left)


def test_who_watches_is_told_what_the_guard_would_say():
    forecast = asyncio.run(asked([Skip(3)], name="bob"))
    assert "held by ana, so bob cannot steer" in forecast.refusal


def test_a_scan_that_is_not_started_says_its_points_and_how_long_they_take():
    async def ask(scan, values):
        async with Service().client() as client:
            return await client.outlook(scan, values)

    coarse, longer = (asyncio.run(ask(MAP.name, values)) for values in ({"step": 2.0}, {"step": 2.0, "exposure": 0.3}))
    assert coarse.points_left == MAP.count({one.name: one.value for one in MAP.parameters} | {"step": 2.0})
    # As long as the last one of its kind, and 0.2 s more with the longer exposure.
    assert coarse.seconds_left == pytest.approx(0.5 * coarse.points_left)
    assert longer.seconds_left == pytest.approx(0.7 * coarse.points_left)
    assert "Allowed:" in asyncio.run(ask(MAP.name, {"exposure": 1e9})).refusal
    assert asyncio.run(ask("nonsense", {})).refusal == f"There is no scan 'nonsense'. This beamline has: {MAP.name}."
    # On a simulated beamline that runs five times faster 0.2 s of exposure are over after 0.04 s.
    values = {one.name: one.value for one in MAP.parameters} | {"step": 2.0, "exposure": 0.3}
    fast = told_plan.before_start(MAP, values, Beamline().docket, 0.5, 5.0)
    assert fast.seconds_left == pytest.approx(0.54 * coarse.points_left)
    first = told_plan.before_start(MAP, {one.name: one.value for one in MAP.parameters}, None, math.nan)
    # Nothing was measured yet, so it takes as long as its exposures, and longer.
    exposure = next(one.value for one in MAP.parameters if one.name == "exposure")
    assert first.seconds_left == pytest.approx(exposure * first.points_left)
    assert first.at_least
    assert not fast.at_least
    other = told_plan.before_start(replace(MAP, name="other"), values, Beamline().docket, 0.5)
    assert (other.seconds_left, other.at_least) == (pytest.approx(0.7 * coarse.points_left), False)
    # A burst of three parts is exposed for three times as long.
    parts = replace(MAP, parameters=(*MAP.parameters, Parameter("parts", "", 1, 1, 9, decimals=0)))
    parted = told_plan.before_start(parts, values | {"parts": 3.0}, Beamline().docket, 0.5)
    assert parted.seconds_left == pytest.approx((0.7 + 2 * 0.3) * coarse.points_left)
    endless = SimpleNamespace(own_path=False, endless=True)
    assert told_plan.before_start(endless, {}, None, math.nan).points_left == 0


def test_asking_changes_nothing():
    async def ask():
        service = Service()
        async with service.client() as client:
            plan = service.beamline.plan()
            progress = service.beamline.docket.progress
            await client.forecast([InsertRegion({"sy": (0, 1), "sx": (0, 1)}, {"sy": 0.5, "sx": 0.5}), Skip(1)])
            assert service.beamline.plan() is plan
            assert service.beamline.docket.progress is progress
            assert service.beamline.docket.said == []
            assert service.beamline.hub.since(-1, 0)[1] == []

    asyncio.run(ask())


def test_without_a_token_nothing_is_said():
    async def ask():
        async with Service().client() as client:
            client._http.headers["Authorization"] = "Bearer nonsense"
            for path in ("/plan", "/forecasts"):
                answer = await client._http.request("GET" if path == "/plan" else "POST", path)
                assert answer.status_code == 401

    asyncio.run(ask())


def test_who_asks_too_often_is_told_so_and_can_still_abort(monkeypatch):
    monkeypatch.setattr(gate, "FORECASTING", Pace(0.001, 2.0, 1.0, 9.0))

    async def ask():
        service = Service()
        async with service.client("ana", ("read", "operate")) as client:
            for _ in range(2):
                await client.forecast([Skip(1)])
            with pytest.raises(SteeringError, match="ana asks too often"):
                await client.forecast([Skip(1)])
            ruling = await client.propose(Abort(), id="", basis="", agent="", proposed_at=0.0)
            assert ruling.accepted

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "Field required"),
        ([], "actions = []"),
        ({"actions": []}, "at least 1 item"),
        ({"actions": [{"kind": "skip", "points": 1}] * 21}, "at most 20 items"),
        ({"actions": [{"kind": "nonsense"}]}, "does not match any of the expected tags"),
        ({"actions": [{"kind": "set", "parameter": "exposure", "value": "0.1"}]}, "exposure = '0.1' is not a number"),
        ({"actions": [{"kind": "skip", "points": True}]}, "points = True"),
        ({"actions": [{"kind": "skip", "points": 1}], "id": "x"}, "Extra inputs are not permitted"),
        ({"scan": 3}, "malformed (scan: Input should be a valid string)"),
        ({"scan": "map", "values": []}, "malformed (values: "),
        ({"scan": "map", "points": 3}, "malformed (points: Extra inputs are not permitted)"),
    ],
)
def test_what_cannot_be_read_is_answered_with_a_sentence(sent, words):
    async def ask():
        async with Service().client() as client:
            with pytest.raises(SteeringError) as error:
                await client.forecast_json(sent)
            assert words in str(error.value)

    asyncio.run(ask())


# Of all examples: to build it takes a tenth of a second.
SERVICE = Service()


SCANS = st.fixed_dictionaries(
    {"scan": JSON | st.just(MAP.name)},
    optional={"values": JSON | st.dictionaries(st.sampled_from(["step", "exposure", "x"]), JSON, max_size=2)},
)


@given(JSON | st.fixed_dictionaries({"actions": JSON | st.lists(ACTIONS, max_size=3)}) | SCANS)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_sent_has_an_answer_that_a_person_can_read(sent):
    async def ask():
        async with SERVICE.client() as client:
            answer = await client._http.post("/forecasts", content=json.dumps(sent).encode("utf-8", "surrogatepass"))
            content = orjson.loads(answer.content)
            assert answer.status_code in (200, 400, 422)
            said = content["refusal"] if answer.status_code == 200 else content["detail"]
            assert isinstance(said, str)
            assert answer.status_code == 200 or said.endswith(".")
            assert len(said) < 1000

    asyncio.run(ask())


def test_a_plan_and_a_forecast_survive_the_wire():
    plan = Plan.of("run-1", ("sy", "sx"), [[0.1, 1 / 3], [2.0, -5e-9]], 2, 1)
    read = decode_plan(orjson.loads(encode_plan(plan))["plan"])
    assert np.array_equal(read.positions, plan.positions)
    assert (read.run, read.axes, read.count, read.done) == ("run-1", ("sy", "sx"), 2, 1)
    forecast = decode_forecast(orjson.loads(encode_forecast(Forecast("no", plan, 1, math.nan, at_least=True))))
    assert (forecast.refusal, forecast.points_left) == ("no", 1)
    assert math.isnan(forecast.seconds_left)
    assert forecast.at_least
    assert not decode_plan(orjson.loads(encode_plan(Plan("run-1")))["plan"]).known


def test_the_told_plan_is_one_object_until_the_path_changes():
    told, docket = ToldPlan(), docket_of()
    assert told.of(None, "") is told.of(docket, "")
    assert not told.of(docket, "run-1").known
    standing(docket, 2)
    plan = told.of(docket, "run-1")
    assert told.of(docket, "run-1") is plan
    assert (plan.count, plan.done) == (MAP.count({"step": 2.5}), 0)
    standing(docket, 5)
    assert told.of(docket, "run-1") is not plan
    assert told.of(docket, "").run == ""
