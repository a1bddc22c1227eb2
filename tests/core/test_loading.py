import gc
import importlib
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


def test_who_has_it_already_keeps_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "rfc3987_syntax", gc)
    with loading():
        assert sys.modules["rfc3987_syntax"] is gc
    assert sys.modules["rfc3987_syntax"] is gc
