import gc
import importlib
import subprocess
import sys

import pytest

from steering.machine.loading import loading


def test_nothing_is_collected_while_it_loads_and_again_after():
    with loading():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_who_does_not_collect_does_not_collect_after():
    gc.disable()
    try:
        with loading():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_needless_grammar_is_not_found_within_only(monkeypatch):
    monkeypatch.delitem(sys.modules, "rfc3987_syntax", raising=False)
    with loading(), pytest.raises(ImportError):
        importlib.import_module("rfc3987_syntax")
    assert "rfc3987_syntax" not in sys.modules


def test_who_asks_for_pages_needs_no_command_for_it():
    code = "import sys; from steering.machine.loading import loading\nwith loading(): import httpx\n"
    code += "print(httpx.Client().headers['user-agent'].partition('/')[0], 'rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("python-httpx False\n", "")


def test_who_has_it_already_keeps_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "rfc3987_syntax", gc)
    with loading():
        assert sys.modules["rfc3987_syntax"] is gc
    assert sys.modules["rfc3987_syntax"] is gc


FOUND = """
import sys
from steering.machine.loading import find_epics
find_epics()
find_epics()
import aioca, p4p.client.thread, p4p.server
from epicscorelibs.ca import dbr
from ophyd_async.epics import core
from ophyd_async.epics.core import _signal
# Both kinds of channels are there, and nothing of what builds libraries.
assert _signal.CaSignalBackend.__module__.endswith("_aioca")
assert _signal.PvaSignalBackend.__module__.endswith("_p4p")
print(sorted({name.partition(".")[0] for name in sys.modules} & {"setuptools", "Cython"}))
"""


@pytest.mark.parametrize("first", ["", "import setuptools_dso"], ids=["found first", "loaded before"])
def test_epics_is_found_whole_and_nothing_that_builds_is_loaded(first):
    done = subprocess.run(
        [sys.executable, "-c", first + FOUND], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ("['Cython', 'setuptools']\n" if first else "[]\n")
