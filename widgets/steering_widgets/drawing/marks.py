"""Where on a plot a decision took effect, and where an agent came to say something."""

from collections.abc import Sequence
from dataclasses import dataclass

from steering.core.agent import Suggestion
from steering.core.plan import Plan
from steering.core.proposal import Ruling, author_of
from steering.core.status import BeamlineStatus
from steering_widgets.drawing.plot import ADVICE_COLOUR, MARK_COLOUR
from steering_widgets.parts.units import with_shown_units
from steering_widgets.parts.wording import action_text, basis_text

# Past so many, only the newest are drawn; the journal has all.
_MOST = 200


@dataclass(frozen=True)
class Mark:
    """A decision at the point before which it took effect; or what an agent said, at the newest point then.

    Attributes:
        place: Position of that point on each axis of the plan, in its unit.
        point: Number of the point, from 1.
        who: Who proposed it, or said it.
        change: What it changed, from what to what; or what it would do.
        reason: Why, as far as anybody said so.
        colour: Of the mark.
    """

    place: tuple[float, ...]
    point: int
    who: str
    change: str
    reason: str
    colour: str = MARK_COLOUR


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


def marks_of_advice(
    advice: Sequence[Suggestion], rulings: Sequence[Ruling], plan: Plan, status: BeamlineStatus
) -> list[Mark]:
    """Place what agents came to say in a run; what was decided on it is a decision's mark already.

    Args:
        advice: Of the run.
        rulings: Of the run.
        plan: Of the same run.
        status: Of its beamline, for what parameters are called.
    """
    if not plan.known:
        return []
    done = [ruling for ruling in rulings if ruling.accepted and ruling.before_point]
    # Who is "recentre for ana" where an agent proposed; where a person accepted, the basis names the agent.
    decided = {(ruling.who.split(" for ")[0], ruling.basis) for ruling in done}
    decided |= {author_of(ruling.basis)[::-1] for ruling in done}
    return [
        Mark(
            plan.at(max(one.point - 1, 0)), one.point, one.agent, f"suggests: {action_text(one.action, status)}",
            with_shown_units(one.reason), ADVICE_COLOUR,
        )
        for one in advice
        if (one.agent, one.basis) not in decided
    ]  # fmt: skip


def change_of(ruling: Ruling) -> str:
    """Write what a ruling changed: ``centre 0.2 ° → 0.22 °``."""
    change = f"{ruling.old} → {ruling.new}" if ruling.old and ruling.new else ruling.new or ruling.old
    name = ruling.subject or ruling.kind
    return with_shown_units(f"{name} {change}".strip())


def _why(ruling: Ruling) -> str:
    basis = f"on {basis_text(ruling.basis)}" if ruling.basis else ""
    return with_shown_units(". ".join(part.rstrip(".") for part in (ruling.reason, ruling.outcome, basis) if part))
