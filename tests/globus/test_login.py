"""A login: a service account's and a person's, renewed, consented, taken back, and never shown."""

import json

import pytest

from steering.core.errors import SteeringError
from steering.globus.account import Account, account
from steering.globus.errors import LoginError
from steering.globus.login import Login
from steering.globus.transfer import Transfers

pytestmark = pytest.mark.system


def test_a_service_account_logs_in_by_itself(login, raw):
    assert {one.name for one in Transfers(login).list(raw.id, "/run/")} == {"frames.h5", "notes.txt"}
    assert login.file.stat().st_mode & 0o777 == 0o600


def test_its_token_is_kept_for_the_next_process(login, workspace, raw, double, patience):
    Transfers(login).list(raw.id)
    made = double.control.effects()["tokens_made"]
    Transfers(Login(workspace, patience)).list(raw.id)
    assert double.control.effects()["tokens_made"] == made


def test_an_expired_token_is_renewed(login, person, raw, eagle, double):
    transfers = Transfers(login)
    transfers.share(eagle.id, "/", double.auth.person.identity)
    theirs = Transfers(person)
    double.control.expire_tokens()
    assert transfers.list(raw.id, "/run/")
    assert theirs.list(eagle.id, "/") == ()


def test_a_person_who_is_not_logged_in_is_told_the_command(double, workspace, patience):
    login = Login(workspace, patience, Account(double.auth.native))
    with pytest.raises(LoginError, match=r"Nobody is logged in to transfer.* steering globus login$"):
        Transfers(login)


def test_a_login_that_was_taken_back_is_asked_for_again(person, eagle, double):
    transfers = Transfers(person)
    double.control.forget_logins()
    with pytest.raises(LoginError, match=r"has run out or was taken back.*steering globus login$"):
        transfers.list(eagle.id)


def test_a_consent_that_is_missing_is_given_by_the_named_command(login, raw, double):
    double.control.need_consent(raw.id)
    with pytest.raises(LoginError, match=r"asks for a consent.*steering globus login --consent 'urn:") as caught:
        Transfers(login).list(raw.id)
    login.begin(caught.value.scopes)
    assert Transfers(login).list(raw.id)


def test_a_person_consents_too(person, raw, login, double, helpers):
    Transfers(login).share(raw.id, "/", double.auth.person.identity)
    double.control.need_consent(raw.id)
    with pytest.raises(LoginError) as caught:
        Transfers(person).list(raw.id)
    helpers.log_in(person, caught.value.scopes)
    assert Transfers(person).list(raw.id)


@pytest.mark.parametrize("consent", ["", "no[bracket", "]"])
def test_a_consent_that_is_no_scope_is_refused(login, consent):
    with pytest.raises(LoginError, match="is no scope"):
        login.begin([consent])


def test_a_wrong_secret_is_said_without_it(double, workspace, patience, raw):
    login = Login(workspace, patience, Account(double.auth.service.identity, "planted-secret"))
    with pytest.raises(LoginError, match="does not know this client with this secret") as caught:
        Transfers(login)
    assert "planted-secret" not in repr(caught.value) + str(caught.value.__context__)


def test_logging_out_takes_the_tokens_back(login, raw, double):
    transfers = Transfers(login)
    transfers.list(raw.id)
    login.end()
    assert not login.file.exists()
    made = double.control.effects()["tokens_made"]
    transfers.list(raw.id)
    assert double.control.effects()["tokens_made"] == made + 1


def test_the_secret_may_lie_in_a_private_file(workspace, tmp_path):
    file = tmp_path / "secret.json"
    file.write_text(json.dumps({"client_id": "me", "client_secret": "hush"}))
    file.chmod(0o600)
    found = account(workspace, {"STEERING_GLOBUS_SECRET_FILE": str(file)})
    assert found == Account("me", "hush")
    assert "hush" not in repr(found)


def test_a_secret_that_others_can_read_is_refused(workspace, tmp_path):
    file = tmp_path / "secret.json"
    file.write_text(json.dumps({"client_id": "me", "client_secret": "hush"}))
    file.chmod(0o644)
    with pytest.raises(LoginError, match=r"can be read by others \(0644\).*chmod 600"):
        account(workspace, {"STEERING_GLOBUS_SECRET_FILE": str(file)})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"client_id": 3, "client_secret": ["x"]}', "{", "\x00"])
def test_a_secret_file_that_holds_something_else_is_named(workspace, tmp_path, text):
    file = tmp_path / "secret.json"
    file.touch(0o600)
    file.write_text(text)
    with pytest.raises(LoginError, match="does not hold what it should"):
        account(workspace, {"STEERING_GLOBUS_SECRET_FILE": str(file)})


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "Nobody is named"),
        ({"STEERING_GLOBUS_CLIENT_ID": "me"}, "only one is set"),
        ({"STEERING_GLOBUS_SECRET_FILE": "/nowhere"}, "cannot be read"),
    ],
)
def test_who_logs_in_has_to_be_named(workspace, environment, message):
    with pytest.raises(SteeringError, match=message):
        account(workspace, environment)


def test_a_token_file_that_was_cut_off_means_a_new_login(login, raw):
    Transfers(login).list(raw.id)
    login.file.write_text(login.file.read_text()[:40])
    assert Transfers(login).list(raw.id)


def test_loopback_is_reached_past_a_proxy(login, raw, monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert Transfers(login).list(raw.id)


def test_no_repr_shows_a_secret(login, raw, double):
    Transfers(login).list(raw.id)
    tokens = json.loads(login.file.read_text())["tokens"]
    shown = repr([vars(login), login.account, login._tokens.token("transfer.api.globus.org")])
    assert double.auth.secret not in shown
    assert not any(token["access"] in shown for token in tokens.values())
