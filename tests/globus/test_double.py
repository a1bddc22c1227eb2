"""The double itself: served by a command, reached by the SDK as it is, controlled by HTTP, and never upset."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import globus_sdk
import httpx
import pytest
from globus_sdk.globus_app import ClientApp, GlobusAppConfig, UserApp
from globus_sdk.login_flows import LoginFlowManager
from hypothesis import given
from hypothesis import strategies as st

from steering.globus_double.control import ORDERS
from steering.globus_double.definition import problems
from steering.globus_double.expressions import ExpressionError, compute
from steering.globus_double_data.scope import parse
from steering.testing.globus import DoubleGlobus, main

pytestmark = pytest.mark.system

MEMORY = GlobusAppConfig(token_storage="memory")


def exported(process):
    found = {}
    for line in process.stdout:
        if line.startswith("#"):
            return found
        name, _, value = line.removeprefix("export ").strip().partition("=")
        found[name] = value.strip("'")
    raise AssertionError(found)


@contextmanager
def served(tmp_path):
    """The command, and what it prints for a shell."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.txt").write_text("a")
    command = [sys.executable, "-m", "steering.testing.globus", "--collection", f"raw={tmp_path / 'raw'}", "--lifeline"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process, exported(process)


def test_the_command_serves(tmp_path):
    with served(tmp_path) as (process, shown):
        environment = {**os.environ, **shown, "STEERING_HOME": str(tmp_path / "home")}
        listing = ["-m", "steering.cli", "globus", "ls", f"{shown['GLOBUS_COLLECTION_RAW']}:/"]
        done = subprocess.run(
            [sys.executable, *listing], env=environment, capture_output=True, text=True, timeout=60, check=True
        )
        assert done.stdout == "a.txt  1 bytes\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_command_ends(tmp_path, number):
    with served(tmp_path) as (process, shown):
        assert httpx.get(shown["STEERING_GLOBUS_DOUBLE"], trust_env=False).status_code == 401
        process.send_signal(number)
        assert process.wait(30) == 0


@pytest.mark.parametrize("collection", ["", "raw", "=x", "a b=x", "raw="])
def test_a_collection_that_is_none_is_said(capsys, collection):
    assert main(["--collection", collection]) == 1
    assert "Allowed: NAME=FOLDER" in capsys.readouterr().err


def test_a_port_that_is_taken_is_said(double, capsys):
    assert main(["--port", str(double.port)]) == 1
    assert f"Port {double.port} on 127.0.0.1 cannot be used" in capsys.readouterr().err


def test_the_sdks_own_app_of_a_service_account_works(double, raw):
    app = ClientApp("test", client_id=double.auth.service.identity, client_secret=double.auth.secret, config=MEMORY)
    client = globus_sdk.TransferClient(app=app)
    assert [one["name"] for one in client.operation_ls(raw.id, path="/run/")] == ["frames.h5", "notes.txt"]
    assert client.endpoint_search("raw")["DATA"][0]["id"] == raw.id
    assert client.get_endpoint(raw.id)["display_name"] == "raw"
    assert client.operation_stat(raw.id, "/run/notes.txt")["size"] == 4
    client.operation_rename(raw.id, "/run/notes.txt", "/run/renamed.txt")
    assert (raw.folder / "run/renamed.txt").exists()


def test_the_sdks_own_app_of_a_person_works_with_consents(double, eagle, login, helpers):
    class Visit(LoginFlowManager):
        def run_login_flow(self, auth_parameters):
            url = self._get_authorize_url(auth_parameters, "https://auth.globus.org/v2/web/auth-code")
            return self.login_client.oauth2_exchange_code_for_tokens(helpers.code_of(url))

    native = globus_sdk.NativeAppAuthClient(double.auth.native)
    manager = Visit(native, request_refresh_tokens=True)
    config = GlobusAppConfig(token_storage="memory", request_refresh_tokens=True, login_flow_manager=manager)
    app = UserApp("test", login_client=native, config=config)
    client = globus_sdk.TransferClient(app=app).add_app_data_access_scope(eagle.id)
    rule = {"principal_type": "identity", "principal": double.auth.person.identity, "path": "/", "permissions": "r"}
    double.transfer.give(eagle.id, rule)
    double.control.need_consent(eagle.id)
    assert client.operation_ls(eagle.id)["length"] == 0
    double.control.expire_tokens()
    assert client.operation_ls(eagle.id)["length"] == 0


def test_the_sdks_own_retries_work(double, raw):
    app = ClientApp("test", client_id=double.auth.service.identity, client_secret=double.auth.secret, config=MEMORY)
    client = globus_sdk.TransferClient(app=app)
    client.retry_config.max_sleep = 0.01
    double.control.refuse("transfer", 503, times=2, retry_after=1)
    assert client.operation_ls(raw.id)


def ask(double, order=None, key=None, **arguments):
    headers = {"Authorization": f"Bearer {double.key if key is None else key}"}
    url = f"{double.address}control"
    with httpx.Client(trust_env=False, headers=headers) as client:
        return client.get(url) if order is None else client.post(f"{url}/{order}", json=arguments)


def test_another_process_orders_faults_and_reads_the_counts(double, login, raw, told):
    from steering.globus.transfer import Transfers

    transfers = Transfers(login)
    assert ask(double, "refuse", service="transfer", status=503, times=2).json() == {"done": None}
    transfers.list(raw.id)
    assert len(told) == 2
    assert ask(double).json() == double.control.effects()


def test_orders_need_the_key_and_right_arguments(double):
    assert ask(double, key="wrong").status_code == 401
    assert ask(double, "clear", key="other").status_code == 401
    assert ask(double, "order").status_code == 404
    assert ask(double, "__init__").status_code == 404
    assert ask(double, "refuse", nothing=1).status_code == 400
    assert {"refuse", "lose", "preempt", "clear"} <= set(ORDERS)


def addresses(double):
    return [
        (route.method, f"{double.address}{service.name}{route.path.format(id='x', task='x', rule='x', identity='x')}")
        for service in double._services
        for route in service.routes()
    ]


BODIES = [b"", b"{", b"[]", b"null", b"\xff", b'{"a":' * 5000, b'{"title": 1e999}', b'{"DATA": {}}', b'{"tasks": 3}']


def test_nothing_that_is_sent_upsets_it(double, login):
    servers = {service.name: service.server for service in double._services}
    tokens = {name: login.authorizer(server).access_token for name, server in servers.items() if name != "auth"}
    tokens["auth"] = tokens["transfer"]
    with httpx.Client(trust_env=False) as client:
        for method, url in addresses(double):
            service = url.removeprefix(double.address).partition("/")[0]
            headers = {"Authorization": f"Bearer {tokens[service]}"}
            for body in BODIES:
                answer = client.request(method, url, content=body, headers=headers)
                assert answer.status_code < 500 or "offline" in answer.text, (method, url, body, answer.text)
            nobody = client.request(method, url)
            assert nobody.status_code < 500


def test_a_token_for_one_service_opens_no_other(double, login):
    token = login.authorizer("search.api.globus.org").access_token
    with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {token}"}) as client:
        assert client.get(f"{double.address}transfer/v0.10/submission_id").status_code == 403
        assert client.get(f"{double.address}flows/flows").status_code == 403


def test_it_leaves_no_thread(tmp_path):
    before = set(threading.enumerate())
    with DoubleGlobus() as double:
        double.control.stall_transfers()
        ends = (double.collection("a", tmp_path / "a"), double.collection("b", tmp_path / "b"))
        (tmp_path / "a" / "x").write_text("x")
        body = {"DATA": [{"source_path": "/x", "destination_path": "/x"}]}
        double.transfer.submit(body, double.auth.service, ends)
    left = [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("double-")]
    assert left == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
KEYS = st.sampled_from(
    ["StartAt", "States", "Type", "Next", "End", "Choices", "Parameters", "a.$", "a.=", "Catch", "And"]
)


@given(st.dictionaries(KEYS, JSON), st.dictionaries(st.text(max_size=3), st.dictionaries(KEYS, JSON)))
def test_no_definition_upsets_the_rules(definition, states):
    assert isinstance(problems(definition), list)
    kinds = ("Action", "Pass", "Choice", "Wait", "ExpressionEval", "Fail")
    for kind in kinds:
        typed = {name: {**state, "Type": kind} for name, state in states.items()}
        assert isinstance(problems({**definition, "States": typed}), list)


@given(st.text(max_size=40))
def test_no_expression_does_more_than_fail(text):
    try:
        compute(text, {"a": 1})
    except ExpressionError as error:
        assert str(error)  # noqa: PT017


@given(st.text(alphabet="ab[]* :/", max_size=20))
def test_no_scope_does_more_than_fail(text):
    try:
        parse(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017


def test_scopes_are_read_with_what_depends_on_them():
    text = "openid urn:globus:auth:scope:x.org:all[*https://auth.globus.org/scopes/c/data_access[openid] email]"
    first, second = parse(text)
    assert (first.scope, second.scope) == ("openid", "urn:globus:auth:scope:x.org:all")
    assert second.dependents == ("https://auth.globus.org/scopes/c/data_access", "openid", "email")
    assert SimpleNamespace(**vars(first)).dependents == ()
