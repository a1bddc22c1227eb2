"""Who may steer, for how long, and who asks for it."""

import ipywidgets

from steering.core.desk import Desk
from steering.core.status import Lease
from steering_widgets.parts.answer import Answer
from steering_widgets.parts.card import button
from steering_widgets.parts.wording import countdown, escape


class LeaseRow:
    """Says who holds the lease; takes and releases it, asks for it, and hands it to who asks."""

    def __init__(self, desk: Desk, answer: Answer) -> None:
        """Build it; ``answer`` takes what the desk says."""
        self._desk = desk
        self._text = ipywidgets.HTML()
        self._take = button("st-lease-take", "Take", "Become the one who may steer")
        self._ask = button("st-lease-ask", "Ask for it", "Ask the holder for the lease")
        self._release = button("st-lease-release", "Release", "Let others steer")
        self._give = button("st-lease-give", "Hand over", "Give the lease to who asks for it", strong=True)
        self._keep = button("st-lease-keep", "Keep", "Turn down who asks for the lease")
        self._take.on_click(lambda _: answer.ask(desk.take_lease, "You hold the lease."))
        self._ask.on_click(lambda _: answer.ask(desk.ask_for_lease, "The holder is asked."))
        self._release.on_click(lambda _: answer.ask(desk.release_lease, "The lease is released."))
        self._give.on_click(lambda _: answer.ask(desk.give_lease, "The lease is handed over."))
        self._keep.on_click(lambda _: answer.ask(desk.keep_lease, "You keep the lease."))
        buttons = ipywidgets.HBox([self._take, self._ask, self._release, self._give, self._keep])
        buttons.add_class("st-lease-buttons")
        self.widget = ipywidgets.HBox([self._text, buttons])
        self.widget.add_class("st-lease")

    def write(self, lease: Lease) -> None:
        """Show a lease."""
        mine = bool(lease.holder) and lease.holder == self._desk.name
        others = bool(lease.holder) and not mine
        if mine and lease.asked:
            text = f"<b>{escape(lease.asked)}</b> asks for it; it is theirs in {countdown(lease.until)} unless you act"
        elif mine:
            # Short, as a line that is broken now and then makes the whole page jump.
            text = f'<span title="Renewed while you look or act">you hold it; {countdown(lease.until)} left</span>'
        elif others:
            asked = ", and you ask for it" if lease.asked == self._desk.name else ""
            text = f"held by {escape(lease.holder)}{asked}; {countdown(lease.until)} left unless they look or act"
        else:
            text = "nobody holds it"
        value = f"<b>Lease</b> {text}"
        if self._text.value != value:
            self._text.value = value
        # Who is asked sees it also where the bar is folded.
        (self.widget.add_class if mine and lease.asked else self.widget.remove_class)("st-lease-asked")
        _show(self._take, shown=not lease.holder)
        _show(self._ask, shown=others and lease.asked != self._desk.name)
        _show(self._release, shown=mine and not lease.asked)
        _show(self._give, shown=mine and bool(lease.asked))
        _show(self._keep, shown=mine and bool(lease.asked))


def _show(one: ipywidgets.Button, *, shown: bool) -> None:
    display = None if shown else "none"
    if one.layout.display != display:
        one.layout.display = display
    if one.disabled == shown:
        one.disabled = not shown
