"""A run of several analyses: one is looked at, and a person chooses which."""

import xarray as xr

from steering.core.result import Feature, Outcome, Provenance, Result
from steering.loop.trend import TrendGatherer
from steering_widgets.plots.look import Look
from tests.widgets.fake import FakeDesk


def result(label, value, version=1):
    source = Provenance("run", "scalars", {}, "1a2b3c4d", "0.1.0", "local", 3, 2, label=label)
    return Result(version, Outcome({"total": Feature(value, 0.1, "counts")}, xr.Dataset()), source)


def put(desk, **values):
    results = {label: result(label, value) for label, value in values.items()}
    trends = {}
    for label, one in results.items():
        gatherer = TrendGatherer()
        gatherer.add(one)
        trends[label] = gatherer.trend
    desk.board.results.set(results)
    desk.board.trends.set(trends)
    desk.board.result.set(next(iter(results.values()), None))
    return results


def test_the_main_one_is_shown_and_nothing_is_to_choose_while_there_is_no_other():
    desk = FakeDesk()
    look = Look(desk)
    assert look.result.value is None
    results = put(desk, main=1.0)
    assert look.refresh()
    assert look.result.value is results["main"]
    assert look.widget.layout.display == "none"
    assert not look.refresh()
    look.close()


def test_what_is_chosen_stays_chosen_as_results_come_and_the_main_one_is_shown_when_it_goes():
    desk = FakeDesk()
    look = Look(desk)
    put(desk, main=1.0, spot=2.0)
    look.refresh()
    assert look.widget.layout.display is None
    menu = look.widget.children[0]
    assert tuple(menu.options) == ("main", "spot")
    menu.value = "spot"
    assert look.refresh()
    assert look.result.value.outcome.features["total"].value == 2.0
    assert look.trend.value.features["total"].values.tolist() == [2.0]
    results = put(desk, main=1.5, spot=2.5)
    look.refresh()
    assert look.result.value is results["spot"]
    results = put(desk, main=1.7)
    look.refresh()
    assert look.result.value is results["main"]
    assert look.trend.value.features["total"].values.tolist() == [1.7]
    put(desk)
    look.refresh()
    assert look.result.value is None
    look.close()
