"""Where on a plot a decision took effect."""

from collections.abc import Sequence
from dataclasses import dataclass

from steering.core.plan import Plan
from steering.core.proposal import Ruling
from steering_widgets.parts.units import with_shown_units

# Past so many, only the newest are drawn; the journal has all.
_MOST = 200


@dataclass(frozen=True)
class Mark:
    """A decision at the point before which it took effect.

    Attributes:
        place: Position of that point on each axis of the plan, in its unit.
        point: Number of the point, from 1.
        who: Who proposed it.
        change: What it changed, from what to what.
        reason: Why, as far as anybody said so.
    """

    place: tuple[float, ...]
    point: int
    who: str
    change: str
    reason: str


def marks_of(rulings: Sequence[Ruling], plan: Plan) -> list[Mark]:
    """Place the decisions of a run that took effect, oldest first; one after the last point stands at the last point.

    Args:
        rulings: Of the run.
        plan: Of the same run.
    """
    if not plan.known:
        return []
    return [
        Mark(plan.at(ruling.before_point - 1), ruling.before_point, ruling.who, change_of(ruling), _why(ruling))
        for ruling in rulings[-_MOST:]
        if ruling.accepted and ruling.before_point
    ]


def change_of(ruling: Ruling) -> str:
    """Write what a ruling changed: ``centre 0.2 ° → 0.22 °``."""
    change = f"{ruling.old} → {ruling.new}" if ruling.old and ruling.new else ruling.new or ruling.old
    name = ruling.subject or ruling.kind
    return with_shown_units(f"{name} {change}".strip())


def _why(ruling: Ruling) -> str:
    basis = f"on {ruling.basis}" if ruling.basis else ""
    return with_shown_units(". ".join(part.rstrip(".") for part in (ruling.reason, ruling.outcome, basis) if part))
