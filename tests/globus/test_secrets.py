"""Planted secrets are searched for wherever people or programs look: logs, exceptions, reprs, arguments, files."""

import json
import logging
import threading
import traceback
import uuid
from pathlib import Path

import psutil
import pytest

from steering.globus.account import Account
from steering.globus.compute import Compute, ComputeOrder, new_group
from steering.globus.errors import GlobusError
from steering.globus.flow import Flows
from steering.globus.login import Login
from steering.globus.payload import source_of
from steering.globus.search import Entry, SearchIndex
from steering.globus.sending import Sending
from steering.globus.transfer import Files, Transfers
from tests.globus.test_compute import CONFIG, begun, decay, until_there
from tests.globus.test_flow import of, passing


@pytest.fixture
def heard(caplog):
    """Hear everything that anybody logs."""
    caplog.set_level(logging.DEBUG)
    for name in ("globus_sdk", "urllib3", "requests", "steering"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


@pytest.fixture
def secrets(double, login, person):
    """Return all secrets there are by now."""

    def know():
        content = [json.loads(one.file.read_text()) for one in (login, person) if one.file.exists()]
        tokens = [value for one in content for token in one["tokens"].values() for value in token.values()]
        words = [value for value in tokens if isinstance(value, str) and value.startswith(("Ag", "Rg"))]
        return [double.auth.secret, double.key, *words]

    return know


def searched(secrets, text):
    return [secret[:6] for secret in secrets if secret in text]


def work(login, person, raw, eagle, double, tmp_path):
    """Do everything once."""
    transfers = Transfers(login)
    Sending(transfers, tmp_path / "note.json").send(raw.id, eagle.id, (Files("/run/", "/run/", folder=True),))
    transfers.share(eagle.id, "/run/", double.auth.person.identity)
    assert Transfers(person).list(eagle.id, "/run/")
    compute = Compute(login)
    order = ComputeOrder(new_group(), double.compute.endpoint("polaris").id, compute.register(source_of(decay)))
    result = compute.wait(
        compute.submit(ComputeOrder(order.group, order.endpoint, order.function, ([1.0],), config=CONFIG))
    )
    index = SearchIndex(login, double.search.make("runs"))
    index.ingest(Entry("globus://run", {"result": result}, ("public",)))
    flows = Flows(login)
    flows.wait(flows.run(flows.make(of(("One", passing()))), {}, "tag"))
    return [transfers, compute, index, flows, login, person]


def test_no_secret_is_logged_shown_or_kept_beside_the_logins(
    login, person, raw, eagle, double, tmp_path, workspace, heard, secrets
):
    made = work(login, person, raw, eagle, double, tmp_path)
    double.control.expire_tokens()
    made[0].list(raw.id)
    known = secrets()
    assert len(known) > 8
    assert len(heard.text) > 1000
    assert searched(known, heard.text) == []
    assert searched(known, repr([*made, *map(vars, made)])) == []
    logins = {login.file, person.file}
    for file in [*workspace.directory.rglob("*"), *tmp_path.rglob("*")]:
        if file.is_file() and file not in logins:
            assert searched(known, file.read_bytes().decode(errors="replace")) == [], file
    assert all(file.stat().st_mode & 0o077 == 0 for file in logins)


def test_no_exception_holds_a_secret(login, person, raw, eagle, double, secrets, workspace, patience, heard):
    transfers, theirs = Transfers(login), Transfers(person)
    transfers.list(raw.id)
    # Not in the text of this test, which a traceback quotes.
    word, code = (f"planted-{uuid.uuid4()}" for _ in range(2))
    wrong = Login(workspace, patience, Account(double.auth.service.identity, word))
    double.control.need_consent(raw.id)
    trials = [
        lambda: transfers.list(raw.id),
        lambda: transfers.list("nothing"),
        lambda: theirs.list(eagle.id, "/"),
        wrong.begin,
        lambda: person.begin().finish(code),
        lambda: (double.control.forget_logins(), theirs.list(eagle.id, "/")),
    ]
    known = [*secrets(), word, code]
    for trial in trials:
        with pytest.raises(GlobusError) as caught:
            trial()
        error = caught.value
        shown = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error)) + str(error)
        # A debugger or a crash report also sees what a chained exception holds.
        assert (error.__cause__, error.__context__) == (None, None)
        assert searched(known, shown) == []
    assert searched(known, heard.text) == []


def test_no_process_has_a_secret_in_its_arguments(login, double, secrets, tmp_path):
    compute, file = Compute(login), tmp_path / "go"
    endpoint = double.compute.endpoint("polaris")
    function = compute.register(source_of(until_there))
    task = compute.submit(ComputeOrder(new_group(), endpoint.id, function, (str(file),), config=CONFIG))
    begun(file)
    me = psutil.Process()
    lines = [" ".join(process.cmdline()) for process in (me, *me.children(recursive=True))]
    assert len(lines) > 1
    assert searched(secrets(), "\n".join(lines)) == []
    file.touch()
    compute.wait(task)
    assert threading.active_count() < 100


def test_what_globus_echoes_is_cleaned(login, raw, double, secrets, monkeypatch):
    from steering.globus_double_data.call import RefusedError

    transfers = Transfers(login)
    transfers.list(raw.id)
    token = next(one for one in secrets() if one.startswith("Ag"))

    def echo(collection, call):
        raise RefusedError(400, "BadRequest", f"the header was 'Authorization: Bearer {token}'")

    monkeypatch.setattr(double.collections, "for_data", echo)
    with pytest.raises(GlobusError, match=r"\(withheld\)") as caught:
        transfers.list(raw.id)
    assert token not in "".join(traceback.format_exception(caught.value))


def test_the_note_of_a_transfer_is_private(login, raw, eagle, tmp_path):
    note = Path(tmp_path / "note.json")
    Sending(Transfers(login), note).send(raw.id, eagle.id, (Files("/run/", "/run/", folder=True),))
    assert note.stat().st_mode & 0o077 == 0
