"""Answers that are none, as of a proxy or of a network's login page: a sentence, never a traceback."""

import shlex

import pytest

from steering.globus.compute import Compute, ComputeOrder, new_group
from steering.globus.errors import GlobusError, consent
from steering.globus.flow import Flows
from steering.globus.flow_values import Question, read_events, read_question, read_status
from steering.globus.login import Login
from steering.globus.payload import source_of
from steering.globus.search import Entry, SearchIndex
from steering.globus.transfer import Files, TransferOrder, Transfers
from tests.globus.test_compute import CONFIG, decay
from tests.globus.test_flow import of, passing

pytestmark = pytest.mark.system

CONTENTS = ["<html>Log in to the guest network</html>", "", "[]", "null", '"x"', "3", "{}", '{"DATA": 3, "gmeta": 1}']
DEEP = "[" * 2000 + "]" * 2000


@pytest.fixture
def calls(login, raw, eagle, double):
    """All that clients ask, by name."""
    transfers, compute, flows = Transfers(login), Compute(login), Flows(login)
    index = SearchIndex(login, double.search.make("runs"))
    endpoint = double.compute.endpoint("polaris").id
    function = compute.register(source_of(decay))
    order = TransferOrder(transfers.new_submission(), raw.id, eagle.id, (Files("/run/", "/run/", folder=True),))
    flow = flows.make(of(("One", passing())))
    run = flows.run(flow, {}, "tag")
    flows.wait(run)
    return {
        "list": lambda: transfers.list(raw.id),
        "begin": transfers.new_submission,
        "submit": lambda: transfers.submit(order),
        "wait": lambda: transfers.wait("x"),
        "share": lambda: transfers.share(eagle.id, "/run/", double.auth.person.identity),
        "register": lambda: compute.register(source_of(decay)),
        "online": lambda: compute.online(endpoint),
        "compute": lambda: compute.submit(ComputeOrder(new_group(), endpoint, function, ([1.0],), config=CONFIG)),
        "find run": lambda: compute.find("x"),
        "ingest": lambda: index.ingest(Entry("globus://x", {}, ("public",))),
        "get": lambda: index.get("globus://x"),
        "find": lambda: index.find("x"),
        "make": lambda: flows.make(of(("One", passing()), title="another")),
        "run": lambda: flows.run(flow, {}, "another tag"),
        "status": lambda: flows.status(run),
        "log": lambda: flows.log(run),
        "questions": lambda: flows.questions(run),
        "answer": lambda: flows.answer(Question("x", run, "Keep?", "", {"a": "keep"}), "keep"),
    }


@pytest.mark.parametrize("content", [*CONTENTS, DEEP], ids=lambda content: content[:12] or "empty")
def test_what_is_no_answer_gives_a_sentence(calls, double, content):
    said = {}
    for name, call in calls.items():
        double.control.garble(content, times=1000)
        try:
            said[name] = f"nothing: {call()!r}"
        except GlobusError as error:
            said[name] = str(error)
        double.control.clear()
    expected = ("is not what Globus says", "could not")
    assert {name: words for name, words in said.items() if not any(one in words for one in expected)} == {}


@pytest.mark.parametrize("content", CONTENTS)
def test_a_login_that_is_garbled_gives_a_sentence(double, workspace, patience, content):
    double.control.garble(content, "auth", times=1000)
    with pytest.raises(GlobusError, match="not what Globus says"):
        Transfers(Login(workspace, patience))


@pytest.mark.parametrize("after", ["nan", "inf", "-5", "soon", "", "1e999", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_an_odd_retry_after_is_waited_out_as_usual(login, raw, double, after):
    double.control.refuse("transfer", 503, times=1, retry_after=after)
    assert Transfers(login).list(raw.id)


def test_a_consent_that_is_refused_is_not_kept(login, raw, double):
    double.control.refuse("auth", 400, times=1)
    with pytest.raises(GlobusError):
        login.begin(["urn:globus:auth:scope:transfer.api.globus.org:nothing"])
    assert Transfers(login).list(raw.id)


# A terminal would clear its screen, a reader be misled, and a shell do more than it was asked for.
TRICK = "\x1b[2J\x07\u202eKeep\r\nthe run?"
SCOPE = "urn:x'; touch /tmp/pwned; '\n"


def test_words_from_elsewhere_do_nothing_to_a_terminal_or_a_shell():
    failed = {"run_id": "r", "status": "FAILED", "details": {"description": TRICK}}
    asked = {
        "id": "q", "run": {"id": "r"}, "context": {"title": TRICK, "text": TRICK},
        "options": [{"option_id": "a", "label": TRICK}],
    }  # fmt: skip
    question = read_question(asked)
    for said in (read_status(failed).reason, question.title, question.text, question.options["a"]):
        assert said == "[2J Keep the run?"
    command = consent([SCOPE])
    assert shlex.split(command) == ["steering", "globus", "login", "--consent", SCOPE.strip()]


@pytest.mark.parametrize("when", ["0000-01-01T00:00:00", "+999999-01-01", "yesterday", 7, None])
def test_a_time_that_is_none_gives_a_sentence(patience, when):
    entry = {"code": "ActionStarted", "time": when, "details": {"state_name": "One"}}
    with pytest.raises(GlobusError, match="is not what Globus says"):
        patience.ask("read the log", lambda: read_events([entry]))
