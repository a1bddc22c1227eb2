"""Who may steer."""

import ipywidgets

from steering.core.desk import Desk
from steering.core.status import Lease
from steering_widgets.answer import Answer
from steering_widgets.card import button
from steering_widgets.wording import clock, escape


class LeaseRow:
    """Says who holds the lease; takes and releases it."""

    def __init__(self, desk: Desk, answer: Answer) -> None:
        """Build it; ``answer`` takes what the desk says."""
        self._desk = desk
        self._answer = answer
        self._text = ipywidgets.HTML()
        self._take = button("st-lease-take", "Take", "Become the one who may steer")
        self._release = button("st-lease-release", "Release", "Let others steer")
        self._take.on_click(lambda _: self._answer.ask(desk.take_lease, "You hold the lease."))
        self._release.on_click(lambda _: self._answer.ask(desk.release_lease, "The lease is released."))
        self.widget = ipywidgets.HBox([self._text, self._take, self._release])
        self.widget.add_class("st-lease")

    def write(self, lease: Lease) -> None:
        """Show a lease."""
        mine = lease.holder == self._desk.name
        until = f" until {clock(lease.until)}" if lease.holder and lease.until > 0 else ""
        holder = "you hold it" if mine else f"held by {lease.holder}" if lease.holder else "nobody holds it"
        self._text.value = f"<b>Lease</b> {escape(holder + until)}"
        self._take.disabled = bool(lease.holder)
        self._release.disabled = not mine
