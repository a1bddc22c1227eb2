"""The formats that the JupyterLab server has loaded before the first page asks for them."""

from types import SimpleNamespace

from steering.commands.lab_server import load_exporters


def test_formats_are_named_without_looking_again_and_one_that_cannot_be_loaded_costs_only_itself(caplog):
    looked, loaded = [], []

    def look(config=None):
        looked.append(config)
        return ["html", "broken", "pdf"]

    def load(name):
        if name == "broken":
            raise RuntimeError("no such thing")
        loaded.append(name)

    base = SimpleNamespace(get_export_names=look, get_exporter=load)
    load_exporters(base)
    assert loaded == ["html", "pdf"]
    assert "cannot be exported as broken" in caplog.text
    # Whoever changes the list changes their own.
    base.get_export_names().clear()
    assert base.get_export_names() == ["html", "broken", "pdf"]
    assert looked == [None]
    # With a configuration of one's own, which is no key of a cache, other formats may be there.
    assert base.get_export_names({"disabled": "pdf"})
    assert looked == [None, {"disabled": "pdf"}]
