"""Flows: made once, run once through all steps, waiting for people, failing, cancelled and resumed."""

import threading

import pytest

from steering.globus.compute import Compute
from steering.globus.errors import CancelledError, GlobusError, LoginError, MissingError
from steering.globus.flow import Flows
from steering.globus.flow_values import Definition
from steering.globus.payload import source_of
from tests.globus.test_compute import decay
from tests.globus.test_transfer import in_thread

pytestmark = pytest.mark.system

ANYTHING = {"type": "object"}
TRANSFER = "https://actions.globus.org/transfer/transfer"
OPTIONS = "https://actions.globus.org/weboption/wait_for_option"


def of(*states, title="test"):
    """Make a definition of states, one after the other; each is a name and what it has."""
    names = [name for name, _ in states]
    linked = {}
    for (name, state), following in zip(states, [*names[1:], None], strict=True):
        ends = "Next" in state or state["Type"] in ("Choice", "Fail")
        link = {} if ends else {"Next": following} if following else {"End": True}
        linked[name] = {**state, **link}
    return Definition(title, {"StartAt": names[0], "States": linked}, ANYTHING)


def passing(**more):
    return {"Type": "Pass", "Parameters": {"is": 1}, "ResultPath": "$.passed", **more}


def action(url, parameters, path="$.acted", **more):
    return {"Type": "Action", "ActionUrl": url, "Parameters": parameters, "ResultPath": path, **more}


@pytest.fixture
def flows(login):
    return Flows(login)


@pytest.fixture
def ran(flows):
    """Make and run a flow; return how it ended."""

    def run(definition, tag="tag", **body):
        return flows.wait(flows.run(flows.make(definition), body, tag))

    return run


@pytest.fixture
def sending(raw, eagle):
    parameters = {
        "source_endpoint_id": raw.id,
        "destination_endpoint_id": eagle.id,
        "transfer_items": [{"source_path.$": "$.source", "destination_path.=": "'/runs' + source", "recursive": True}],
    }
    return of(("Send", action(TRANSFER, parameters, "$.sent", WaitTime=1000)))


def test_a_whole_flow_runs_as_apss_does(flows, login, raw, eagle, double):
    polaris, index = double.compute.endpoint("polaris"), double.search.make("runs")
    function = Compute(login).register(source_of(decay))
    group = double.auth.person.groups[0]
    compute = {
        "endpoint_id": polaris.id,
        "user_endpoint_config": {"queue.$": "$.queue", "account": "aps", "walltime": "1:00:00"},
        "tasks": [{"function_id": function, "args": [[1.0, 3.0]], "kwargs": {"factor": 2.0}}],
    }
    entry = {
        "search_index": index,
        "subject.=": "'globus://eagle' + source",
        "id": "metadata",
        "visible_to": [f"urn:globus:groups:id:{group}"],
        "content": {"project_metadata": {"tau0.$": "$.computed.details.result[0].tau0"}},
    }
    rule = {"endpoint_id": eagle.id, "path.=": "'/runs' + source", "permissions": "r"}
    rule |= {"principal_type": "group", "principal": group, "operation": "CREATE"}
    items = [{"source_path.$": "$.source", "destination_path.=": "'/runs' + source", "recursive": True}]
    ends = {"source_endpoint_id": raw.id, "destination_endpoint_id": eagle.id}
    definition = of(
        ("Transfer", action(TRANSFER, {**ends, "transfer_items": items}, "$.sent")),
        ("Compute", action("https://compute.actions.globus.org/v3", compute, "$.computed")),
        ("Catalogue", action("https://actions.globus.org/search/ingest", entry, "$.written")),
        ("Distribute", action("https://actions.globus.org/transfer/set_permission", rule, "$.shared")),
    )
    seen = []
    status = flows.wait(
        flows.run(flows.make(definition), {"source": "/run/", "queue": "preemptable"}, "run-7"), seen.append
    )
    assert status.state == "done"
    assert status.output["computed"]["details"]["result"] == [{"tau0": 4.0, "n": 2}]
    assert (eagle.folder / "runs/run/frames.h5").exists()
    effects = double.control.effects()
    once = ("transfer_tasks", "functions_run", "entries_written", "rules_made", "flow_runs", "flows_made")
    assert {name: effects[name] for name in once} == dict.fromkeys(once, 1)


def test_a_flow_is_made_once_and_brought_up_to_date(flows, double):
    first = flows.make(of(("One", passing())))
    assert flows.make(of(("One", passing()))) == first
    assert double.control.effects()["flows_made"] == 1
    assert flows.make(of(("One", passing(Comment="changed")))) == first
    assert double.control.effects()["flows_made"] == 2
    assert flows.make(of(("One", passing()), title="test of another")) != first


def test_a_lost_answer_makes_no_second_flow_and_no_second_run(flows, double):
    double.control.lose("flows", times=2, path="/flows", method="POST")
    flow = flows.make(of(("One", passing())))
    double.control.lose("flows", times=2, path="/run", method="POST")
    runs = {flows.run(flow, {}, "tag") for _ in range(3)}
    assert runs == {flows.find(flow, "tag")}
    assert flows.find(flow, "another") is None
    effects = double.control.effects()
    assert (effects["flows_made"], effects["flow_runs"]) == (1, 1)


def test_a_run_is_found_among_many(flows, double):
    flow = flows.make(of(("One", passing())))
    runs = [flows.run(flow, {}, f"tag-{number}") for number in range(60)]
    assert flows.find(flow, "tag-0") == runs[0]
    assert double.control.effects()["flow_runs"] == 60


def test_states_do_what_they_say(ran):
    named = {"Variable": "$.name", "StringEquals": "gel"}
    choice = {
        "Type": "Choice",
        "Choices": [
            {"Variable": "$.tau", "NumericGreaterThan": 1.0, "Next": "Slow"},
            {
                "And": [named, {"Variable": "$.x", "IsPresent": False}],
                "Next": "Gel",
            },
        ],
        "Default": "Other",
    }
    sums = {"total.=": "tau * 2 + len(name)", "parts.=": "pathsplit('/a/b')", "named.$": "$.name"}
    sums |= {"rest.$": "$.many[1:]", "both.=": "[`$.many[0]`, name]"}
    definition = of(
        ("Sum", {"Type": "ExpressionEval", "Parameters": sums, "ResultPath": "$.sums", "Next": "Wait"}),
        ("Wait", {"Type": "Wait", "Seconds": 1, "Next": "Choose"}),
        ("Choose", choice),
        ("Slow", {"Type": "Pass", "Result": {"is": "slow"}, "ResultPath": "$.kind", "Next": "End"}),
        ("Gel", {"Type": "Pass", "Result": {"is": "gel"}, "ResultPath": "$.kind", "Next": "End"}),
        ("Other", {"Type": "Pass", "Result": {"is": "other"}, "ResultPath": "$.kind", "Next": "End"}),
        ("End", passing()),
    )
    assert ran(definition, "a", tau=2.0, name="gel", many=[1]).output["kind"] == {"is": "slow"}
    assert ran(definition, "b", tau=0.5, name="gel", many=[1]).output["kind"] == {"is": "gel"}
    output = ran(definition, "c", tau=0.5, name="dust", many=[1, 2, 3]).output
    assert output["kind"] == {"is": "other"}
    sums = {"total": 5.0, "parts": ["/a", "b"], "named": "dust", "rest": [2, 3], "both": [1, "dust"]}
    assert output["sums"] == sums


def test_a_failure_is_said_with_its_step(ran, sending, double):
    double.control.fail_transfers(1, "the quota is used up")
    with pytest.raises(
        GlobusError, match=r"failed in Send: Send failed: the quota is used up\. Look at it: https://app"
    ):
        ran(sending, source="/run/")


def test_a_failure_is_caught_and_tried_on_another_queue(flows, login, double):
    polaris = double.compute.endpoint("polaris")
    function = Compute(login).register(source_of(decay))

    def on(queue):
        config = {"queue": queue, "account": "aps"}
        return {
            "endpoint_id": polaris.id,
            "user_endpoint_config": config,
            "tasks": [{"function_id": function, "args": [[1.0]]}],
        }

    url = "https://compute.actions.globus.org/v3"
    catch = [{"ErrorEquals": ["ActionFailedException"], "Next": "Preemptable", "ResultPath": "$.refused"}]
    definition = of(
        ("Demand", action(url, on("demand"), Catch=catch, Next="Done")),
        ("Preemptable", action(url, on("preemptable"))),
        ("Done", passing()),
    )
    output = flows.wait(flows.run(flows.make(definition), {}, "tag")).output
    assert "access to the queue demand is denied" in output["refused"]["Cause"]
    assert output["acted"]["details"]["result"][0]["n"] == 1


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"Type": "Fail", "Error": "Bad", "Cause": "the beam is gone"}, "the beam is gone"),
        (action("https://example.org/action", {}), "no action provider"),
        (action("https://actions.globus.org/hello_world", {"sleep_time": 50}, WaitTime=5), "did not end in 5 s"),
        (action("https://actions.globus.org/hello_world", {"echo.$": "$.nowhere"}), "leads to nothing"),
        (action("https://actions.globus.org/hello_world", {"echo.=": "1 / 0"}), "cannot be computed"),
    ],
)
def test_what_goes_wrong_in_a_state_is_said(ran, state, message):
    with pytest.raises(GlobusError, match=message):
        ran(of(("One", state)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"StartAt": "Nowhere"}, "'Nowhere' is no state"),
        ({"States": {}}, "at least one state"),
        ({"Extra": 1}, "Extra inputs are not permitted"),
        ({"States": {"One": {"Type": "Task", "End": True}}}, "'Task' is no type"),
        ({"States": {"One": {"Type": "Pass"}}}, "either Next or End"),
        ({"States": {"One": {"Type": "Pass", "Next": "Two"}}}, "'Two' is no state"),
        ({"States": {"One": {"Type": "Wait", "Next": "One"}}}, "A wait has one of"),
        ({"States": {"One": {"Type": "Action", "ActionUrl": "x", "InputPath": "$.a", "End": True}}}, "is no URL"),
        ({"States": {"One": {"Type": "Choice", "Choices": [{"Next": "One"}]}}}, "A rule has one comparison"),
        ({"States": {"One": passing(ResultPath="a", End=True)}}, "does not begin with"),
        ({"States": {"One": {"Type": "Pass", "Parameters": {"a.$": "$.b[x]"}, "End": True}}}, "is no path"),
        ({"States": {"One": {"Type": "Pass", "Parameters": {"a.=": "(("}, "End": True}}}, "is no expression"),
    ],
)
def test_a_definition_against_the_rules_is_refused(flows, change, message):
    made = of(("One", passing()))
    with pytest.raises(GlobusError, match=message):
        flows.make(Definition("test", {**made.states, **change}, ANYTHING))


def test_expressions_reach_nothing_but_the_state(ran):
    for text in ("__import__('os')", "().__class__", "open('/etc/passwd')", "[x for x in [1]]", "name.__class__"):
        definition = of(("One", {"Type": "Pass", "Parameters": {"a.=": text}, "ResultPath": "$.b"}), title=text)
        with pytest.raises(GlobusError, match=r"not allowed|no function|cannot be computed"):
            ran(definition, name="x")


def test_an_input_that_the_flow_does_not_take_is_said(flows):
    schema = {"type": "object", "required": ["source"], "properties": {"source": {"type": "string"}}}
    flow = flows.make(Definition("test", of(("One", passing())).states, schema))
    with pytest.raises(GlobusError, match="'source' is a required property"):
        flows.run(flow, {}, "tag")
    with pytest.raises(GlobusError, match="3 is not of type 'string'"):
        flows.run(flow, {"source": 3}, "tag")


def asking():
    page = {"page_title": "Keep the sample?", "preamble_text": "It has aged."}
    parameters = {"options": [{"name": "keep"}, {"name": "change"}], "landing_page": page}
    return of(("Ask", action(OPTIONS, parameters, "$.answer", WaitTime=1000)))


def test_a_flow_waits_for_a_persons_answer(flows):
    run = flows.run(flows.make(asking()), {}, "tag")
    waiting = in_thread(lambda: flows.wait(run))
    tick = threading.Event()
    others = Flows(flows._login)
    while not (asked := others.questions(run)):
        tick.wait(0.01)
    question = asked[0]
    assert (question.title, question.text, set(question.options.values())) == (
        "Keep the sample?",
        "It has aged.",
        {"keep", "change"},
    )
    with pytest.raises(GlobusError, match=r"'perhaps' does not answer.*Allowed: keep, change"):
        others.answer(question, "perhaps")
    others.answer(question, "change")
    assert waiting.result(30).output["answer"]["details"]["name"] == "change"
    assert others.questions() == ()
    with pytest.raises(GlobusError, match="already closed"):
        others.answer(question, "keep")


def test_a_lost_answer_answers_once(flows, double):
    run = flows.run(flows.make(asking()), {}, "tag")
    tick = threading.Event()
    while not (asked := flows.questions(run)):
        tick.wait(0.01)
    double.control.lose("flows", path="/respond")
    flows.answer(asked[0], "keep")
    assert flows.wait(run).output["answer"]["details"]["name"] == "keep"


def test_a_run_is_cancelled_with_what_it_does(flows, sending, double):
    double.control.stall_transfers()
    run = flows.run(flows.make(sending), {"source": "/run/"}, "tag")
    tick = threading.Event()
    while not double.control.effects()["transfer_tasks"]:
        tick.wait(0.01)
    flows.cancel(run)
    flows.cancel(run)
    with pytest.raises(GlobusError, match="was cancelled"):
        flows.wait(run)
    with pytest.raises(GlobusError, match="was cancelled, and cannot go on"):
        flows.resume(run)
    double.control.stall_transfers("")
    assert double.control.effects()["files_moved"] == 0


def test_a_run_rests_until_a_consent_is_given_and_goes_on(flows, login, sending, raw, double):
    double.control.need_consent(raw.id)
    run = flows.run(flows.make(sending), {"source": "/run/"}, "tag")
    with pytest.raises(
        LoginError, match=r"rests: A consent is required.*steering globus login --consent 'https://auth"
    ) as caught:
        flows.wait(run)
    login.begin(caught.value.scopes)
    double.control.lose("flows", path="/resume")
    flows.resume(run)
    flows.resume(run) if flows.status(run).state != "done" else None
    assert flows.wait(run).state == "done"
    assert double.control.effects()["files_moved"] == 2


def test_a_person_consents_to_a_flow(person, login, double, helpers):
    definition = of(("One", passing()))
    flow = Flows(person).make(definition)
    with pytest.raises(LoginError, match=r"steering globus login --consent 'https://auth.*_user'") as caught:
        Flows(person).run(flow, {}, "tag")
    helpers.log_in(person, caught.value.scopes)
    theirs = Flows(person)
    assert theirs.wait(theirs.run(flow, {}, "tag")).state == "done"
    with pytest.raises(MissingError, match="No Flow exists"):
        Flows(login).run(flow, {}, "tag")


def test_a_wait_is_cancelled_and_the_run_goes_on(flows, patience):
    run = flows.run(flows.make(asking()), {}, "tag")
    waiting = threading.Event()
    outcome = in_thread(lambda: flows.wait(run, lambda _: waiting.set()))
    assert waiting.wait(30)
    patience.cancelled.set()
    assert isinstance(outcome.exception(30), CancelledError)
    patience.cancelled.clear()
    assert flows.status(run).state == "active"


def test_the_log_says_what_happened_and_no_secret(flows):
    parameters = {"echo_string": "hi", "password": "planted-secret", "__Private_Parameters": ["password"]}
    definition = of(
        ("Say", action("https://actions.globus.org/hello_world", parameters)),
        ("Keep", passing(ResultPath="$._private_note")),
    )
    run = flows.run(flows.make(definition), {"_private_token": "planted-secret"}, "tag")
    status = flows.wait(run)
    log = flows.log(run)
    assert "The Flow Instance started execution" in log[0]
    assert "planted-secret" not in repr([status, log])


def test_what_is_not_there_is_said(flows):
    with pytest.raises(MissingError, match="No Run exists"):
        flows.wait("00000000-0000-0000-0000-000000000000")
    with pytest.raises(MissingError, match="No Flow exists"):
        flows.run("00000000-0000-0000-0000-000000000000", {}, "tag")
