"""A double of Globus with two collections, and logins to it."""

import re
import urllib.request
from types import SimpleNamespace

import pytest

from steering.globus.account import Account
from steering.globus.login import Login
from steering.globus.patience import Pace, Patience
from steering.testing.globus import DoubleGlobus

QUICK = Pace(first=0.01, growth=1.5, longest=0.1, settle=0.2)


@pytest.fixture
def double(tmp_path, monkeypatch):
    """A double of Globus, to which the environment leads."""
    with DoubleGlobus(time_scale=0.01) as made:
        for name, value in made.environment().items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def raw(double, tmp_path):
    """A collection that holds a run of two files."""
    made = double.collection("raw", tmp_path / "raw")
    (made.folder / "run").mkdir()
    (made.folder / "run" / "frames.h5").write_bytes(bytes(range(256)) * 4096)
    (made.folder / "run" / "notes.txt").write_text("cold")
    return made


@pytest.fixture
def eagle(double, tmp_path):
    """An empty collection."""
    return double.collection("eagle", tmp_path / "eagle")


@pytest.fixture
def told():
    """What was said while something waited."""
    return []


@pytest.fixture
def patience(told):
    """Waits a short while between questions."""
    return Patience(pace=QUICK, told=told.append)


@pytest.fixture
def login(double, workspace, patience):
    """A service account's login."""
    return Login(workspace, patience)


@pytest.fixture
def person(double, workspace, patience):
    """A person's login that has been made."""
    made = Login(workspace, patience, Account(double.auth.native))
    log_in(made)
    return made


def log_in(login, consents=()):
    """Do what a person does: visit the page, copy the code."""
    attempt = login.begin(consents)
    attempt.finish(code_of(attempt.url))


def code_of(url):
    """Read the code from the page, past any proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return re.search("<code>(.*?)</code>", opener.open(url).read().decode()).group(1)


@pytest.fixture
def helpers():
    """What tests do themselves."""
    return SimpleNamespace(log_in=log_in, code_of=code_of)
