"""A flow run as a table of its steps."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from steering.flow_steps.flow_state import FlowState, StepState, latency_class
from steering.flows.feature_json import read_features
from steering_widgets.parts.units import with_shown_units
from steering_widgets.parts.wording import age, escape, feature_text

_HEADINGS = ("Step", "State", "Copied", "Time")
_MB = 1e6
# So many features of a result are told here; all of them are in the catalogue.
_MOST_FEATURES = 4


def steps_html(state: FlowState) -> str:
    """Write how a flow run stands: why, and a row for each step."""
    kind = "st-error" if state.status == "failed" else "st-warn" if state.status == "interrupted" else ""
    why = (
        f'<div class="st-flow-why {kind}" role="status">{escape(with_shown_units(state.why))}</div>'
        if state.why
        else ""
    )
    head = "".join(f'<th scope="col">{heading}</th>' for heading in _HEADINGS)
    rows = "".join(_row(one, state) for one in state.steps)
    return (
        f'{why}<div class="st-scroll" tabindex="0" role="region" aria-label="Steps of {escape(state.id)}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(step: StepState, state: FlowState) -> str:
    seconds = step.ended - step.began if step.ended >= step.began else math.nan
    tries = f" (try {step.tries})" if step.tries > 1 else ""
    below = "".join(f'<tr class="st-why"><td></td><td colspan="3">{one}</td></tr>' for one in _below(step, state))
    return (
        f'<tr class="st-flow-step" data-step="{escape(step.name)}"><td>{escape(step.name)}</td>'
        f'<td class="st-flow-{escape(step.status.replace(" ", "-"))}">{escape(step.status)}{tries}</td>'
        f"<td>{_copied(step)}</td><td>{f'{seconds:.1f} s' if math.isfinite(seconds) else ''}</td></tr>{below}"
    )


def _copied(step: StepState) -> str:
    if not step.bytes_total:
        return ""
    done, total = step.bytes / _MB, step.bytes_total / _MB
    if step.status != "running":
        return f"{done:.1f} MB" if step.bytes else ""
    rate = f", {step.rate / _MB:.0f} MB/s" if step.rate else ""
    left = f", {step.remaining:.0f} s left" if math.isfinite(step.remaining) else ""
    bar = f'<progress max="{step.bytes_total}" value="{step.bytes}" aria-label="{escape(step.name)}"></progress>'
    return f"{bar} {done:.1f} of {total:.1f} MB{rate}{left}"


def _below(step: StepState, state: FlowState) -> Iterator[str]:
    """Yield what is said below a step: why it is as it is, where its files are, what it has found and when."""
    if step.why and step.why != state.why:
        yield escape(with_shown_units(step.why))
    if "folder" in step.outcome:
        yield f"in {escape(str(step.outcome['folder']))}"
    found = cast("Mapping[str, Mapping[str, Mapping[str, Any]]]", step.outcome.get("features") or {})
    for label, features in found.items():
        yield f"{escape(label)}: {', '.join(_features(list(features.items())))}"
    if found and step.status == "done":
        took = step.ended - state.ordered
        seconds = f" ({took:.1f} s after the order)" if took >= 0 else ""
        yield f"It came back {latency_class(took)}{seconds}, {age(step.ended)} ago."


def _features(features: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[str]:
    for name, one in read_features(dict(features[:_MOST_FEATURES])).items():
        if math.isfinite(one.value):
            yield escape(f"{name} {feature_text(one)}")
    if len(features) > _MOST_FEATURES:
        yield f"and {len(features) - _MOST_FEATURES} more"
