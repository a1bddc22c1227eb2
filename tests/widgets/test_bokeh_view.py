import threading

import numpy as np
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure

from steering_widgets.bokeh_view.view import BokehView
from tests.widgets.views import Views


def make():
    source = ColumnDataSource({"x": [1.0], "y": [2.0]})
    plot = figure()
    plot.scatter("x", "y", source=source)
    view = BokehView(plot, label="plot", shared=[source])
    return source, view, Views(view)


def from_browser(source, data, view="a"):
    event = {
        "kind": "ModelChanged",
        "model": {"id": source.id},
        "attr": "data",
        "new": {"type": "map", "entries": data},
    }
    return {"kind": "patch", "view": view, "patch": {"events": [event]}}


def test_all_changes_of_an_edit_leave_in_one_message_with_their_buffers():
    source, view, views = make()
    with view.edit():
        source.stream({"x": np.array([3.0]), "y": np.array([4.0])})
        source.stream({"x": np.array([5.0]), "y": np.array([6.0])})
    (message,) = views.heard("patch")
    assert len(message["patch"]["events"]) == 2
    assert len(message["ids"]) == len(views.sent[0][1]) == 4
    assert list(source.data["x"]) == [1.0, 3.0, 5.0]


def test_an_edit_that_changes_nothing_sends_nothing():
    _, view, views = make()
    with view.edit():
        pass
    assert views.sent == []


def test_each_view_gets_a_snapshot_of_now():
    source, view, views = make()
    with view.edit():
        source.data = {"x": [7.0], "y": [8.0]}
    views.say(kind="hello", view="late")
    snapshot = views.heard("snapshot")[-1]
    assert snapshot["view"] == "late"
    assert "7.0" in str(snapshot["document"])


def test_a_change_in_one_view_calls_back_once_and_reaches_the_others_and_is_not_echoed():
    source, _, views = make()
    calls = []
    source.on_change("data", lambda attr, old, new: calls.append(new))
    message = from_browser(source, [["x", [9.0]], ["y", [9.5]]])
    views.say(**message)
    assert len(calls) == 1
    assert source.data["x"] == [9.0]
    (sent,) = views.heard("patch")
    assert sent["not"] == "a"
    assert sent["patch"] == message["patch"]


def test_what_a_callback_changes_reaches_every_view():
    source, _, views = make()
    other = ColumnDataSource({"x": [0.0]})
    plot = figure()
    plot.scatter("x", "x", source=other)
    view = BokehView(plot, label="plot")
    views = Views(view)
    other.on_change("data", lambda attr, old, new: other.update(name="touched"))
    views.say(**from_browser(other, [["x", [1.0]]]))
    assert [message.get("not") for message in views.heard("patch")] == ["a", None]


def test_two_threads_lose_no_rows():
    source, view, views = make()

    def write():
        for _ in range(100):
            with view.edit():
                source.stream({"x": np.zeros(1), "y": np.zeros(1)})

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(source.data["x"]) == 201
    assert len(views.heard("patch")) == 200


def test_bokehjs_comes_from_the_installed_package_when_a_page_asks():
    _, _, views = make()
    views.say(kind="source", view="a")
    assert views.sent[-2][0] == {"kind": "coming", "view": "a"}
    content, buffers = views.sent[-1]
    assert content == {"kind": "source", "view": "a"}
    assert b"Bokeh" in buffers[0]
    assert len(buffers[0]) > 500_000


def test_nothing_large_is_in_a_synced_trait():
    _, view, _ = make()
    state = view.get_state()
    # Its code is sent once and held by the page; what else there is goes with each saved notebook.
    assert len(str({name: value for name, value in state.items() if name not in ("_esm", "_css")})) < 2_000
