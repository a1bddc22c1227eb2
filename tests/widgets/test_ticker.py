"""When panels are refreshed, and when what they say is written."""

from hypothesis import given
from hypothesis import strategies as st

from steering_widgets.pages.ticker import LINGER_SECONDS, UNSEEN_SECONDS, Ticker, _Round
from steering_widgets.parts import calm as module
from steering_widgets.parts.card import Card

LOOKS = st.lists(st.tuples(st.floats(0.001, 0.02), st.booleans()), min_size=50, max_size=400)


class Counted:
    """A panel whose remark counts how often it was refreshed."""

    def __init__(self):
        self.widget = Card("counted", "Counted", [])
        self.count = 0

    def refresh(self):
        self.count += 1
        self.widget.remark(f"{self.count} results")
        return True


def head(card):
    return card.children[0].value


def test_plots_that_are_due_go_along_with_the_next_frame():
    one = _Round([], 0.2, 0.1)
    assert one.is_due(10.0, went=True)
    assert not one.is_due(10.1, went=True)
    assert not one.is_due(10.25, went=False)
    assert one.is_due(10.26, went=True)


def test_without_frames_they_go_by_themselves():
    one = _Round([], 0.2, 0.1)
    assert one.is_due(10.0, went=False)
    assert not one.is_due(10.29, went=False)
    assert one.is_due(10.31, went=False)


@given(LOOKS)
def test_whenever_frames_come_panels_are_refreshed_no_more_often_and_not_much_later(looks):
    one, now, times = _Round([], 0.2, 0.1), 100.0, []
    for pause, went in looks:
        now += pause
        if one.is_due(now, went=went):
            times.append(now)
    beats = [int(time // 0.2) for time in times]
    assert len(set(beats)) == len(beats)
    gaps = [after - before for before, after in zip([100.0, *times], [*times, now], strict=True)]
    assert max(gaps) <= 0.2 + 0.2 + 0.1 + 0.02 + 1e-6


@given(LOOKS)
def test_what_nobody_has_in_sight_is_refreshed_seldom_but_never_forgotten(looks):
    seen, away = Counted(), Counted()
    one, now = _Round([seen, away], 0.2, 0.1), 100.0
    last, gaps = 100.0, []
    for pause, went in looks:
        now += pause
        if one.is_due(now, went=went):
            chosen = one.chosen(now, lambda panel: panel is seen)
            assert seen in chosen
            if away in chosen:
                gaps.append(now - last)
                last = now
    assert all(UNSEEN_SECONDS <= gap <= UNSEEN_SECONDS + 0.2 + 0.1 + 0.02 for gap in gaps[1:])
    assert now - last <= UNSEEN_SECONDS + 0.4
    # The last news come into a panel out of sight too, before the thread sleeps.
    assert UNSEEN_SECONDS + 0.5 + 0.1 < LINGER_SECONDS


def test_counts_beside_a_title_move_twice_a_second_and_the_last_one_is_written(monkeypatch):
    now = 100.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    panel, ticker = Counted(), Ticker([], [], [], print)
    ticker.tick([panel])
    assert "1 results" in head(panel.widget)
    now += 0.2
    ticker.tick([panel])
    assert "1 results" in head(panel.widget)
    now += 0.4
    panel.refresh = lambda: False
    ticker.tick([panel])
    assert "2 results" in head(panel.widget)


def test_other_words_beside_a_title_stand_there_at_once(monkeypatch):
    monkeypatch.setattr(module.time, "monotonic", lambda: 100.0)
    card = Card("words", "Words", [])
    card.remark("3 results")
    card.remark("4 results")
    card.remark("no result yet")
    assert "no result yet" in head(card)
