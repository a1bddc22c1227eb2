"""Where frames come from, how that goes, and which runs it has brought."""

from collections.abc import Sequence

import ipywidgets

from steering.core.desk import Desk
from steering.core.history import SeenRun
from steering.core.source import FollowedSource, SourceStatus
from steering_widgets.parts.card import Card, close_all
from steering_widgets.parts.place import Place
from steering_widgets.parts.wording import ENDS, clock, escape, several

_STATES = {"waiting": "Waiting", "live": "Live", "ended": "Ended", "lost": "Lost"}
_HINT = 'No run has come yet. Start a scan, or follow another source: session.follow("hdf5", path=...).'
# Beyond so many the table says only how many there are.
_RUNS_SHOWN = 50


class SourcePanel:
    """Name and state of the source that is shown, what became of its frames, and its runs, the newest first."""

    def __init__(self, desk: Desk) -> None:
        """Build it on a desk, which may be idle."""
        self._source = Place(desk.board.source)
        self._runs = Place(desk.board.runs)
        self._facts = ipywidgets.HTML()
        self._facts.add_class("st-source")
        self._table = ipywidgets.HTML()
        self._table.add_class("st-runs")
        self.widget = Card("source", "Source", [self._facts, self._table])

    def refresh(self) -> bool:
        """Show a newer state, and newer runs."""
        source, runs = self._source.advance(), self._runs.advance()
        if source or runs:
            self.widget.remark(self._source.value.name)
            _put(self._facts, _facts(self._source.value, self._runs.value[-1:]))
        if runs:
            self._table.value = _table(self._runs.value)
        return source or runs

    def close(self) -> None:
        """Take it off the screen."""
        close_all(self.widget)


def _put(widget: ipywidgets.HTML, text: str) -> None:
    if widget.value != text:
        widget.value = text


def _facts(source: FollowedSource, newest: Sequence[SeenRun]) -> str:
    status = source.status
    state = (
        f'<div class="st-state st-state-{status.state}" role="status" aria-live="polite">{_STATES[status.state]}</div>'
    )
    figures = "".join(f"<span>{count}<small> {escape(word)}</small></span>" for count, word in _figures(status, newest))
    detail = f"<div>{escape(status.detail)}</div>" if status.detail else ""
    rejection = f'<div class="st-error">{escape(source.last_rejection)}</div>' if source.last_rejection else ""
    return f'<div class="st-facts">{state}<div class="st-figures">{figures}</div></div>{detail}{rejection}'


def _figures(status: SourceStatus, newest: Sequence[SeenRun]) -> list[tuple[int, str]]:
    """The frames of the newest run, or of all where no run is known, and what is not as it should be with others."""
    odd = (
        (status.missed, "missed"),
        (status.rejected, "rejected"),
        (status.repeated, "came again"),
        (status.later, "out of order"),
    )
    count, of = (newest[0].frames, " read of this run") if newest else (status.frames, "")
    return [(count, f"{'frame' if count == 1 else 'frames'}{of}"), *((n, word) for n, word in odd if n)]


def _table(runs: Sequence[SeenRun]) -> str:
    if not runs:
        return f'<div class="st-next">{escape(_HINT)}</div>'
    rows = "".join(_row(run) for run in list(reversed(runs))[:_RUNS_SHOWN])
    events = sum(run.events for run in runs)
    count = several(len(runs), "run")
    whole = f"{count}, {several(events, 'event')} in all their streams" if events else count
    return (
        f'<div class="st-faint st-runs-count">{whole}</div>'
        '<div class="st-scroll" tabindex="0" role="region" aria-label="Runs"><table><thead><tr>'
        '<th scope="col">Run</th><th scope="col">Plan</th><th scope="col">Started</th>'
        '<th scope="col" class="st-right">Frames</th><th scope="col" class="st-right" '
        'title="Points, decisions, and what was read before and after">Events</th>'
        f'<th scope="col">Status</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _row(run: SeenRun) -> str:
    # A run's events are known at its end.
    events = str(run.events) if run.events else ""
    plan = escape(run.plan).replace("_", "_<wbr>")
    kind = ' class="st-error"' if run.status in ("abort", "fail") else ""
    return (
        f'<tr><td title="{escape(run.uid)}">{escape(run.uid[:8])}</td><td>{plan}</td>'
        f'<td>{clock(run.started)}</td><td class="st-right">{run.frames}</td><td class="st-right">{events}</td>'
        f"<td{kind}>{escape(ENDS.get(run.status, run.status))}</td></tr>"
    )
