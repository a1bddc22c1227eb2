"""Which parts of the frames analyses look at or leave out, as outlines for the image."""

from collections.abc import Mapping, Sequence
from typing import Any

from steering.core.asked import Asked
from steering.core.errors import SteeringError
from steering_widgets.panels.asked import AskedField

# What is drawn of one analysis: more outlines than this nobody tells apart.
_MOST = 30


def regions_of(
    label: str, asked: Sequence[Asked], parameters: Mapping[str, Any], *, draft: bool = False
) -> list[dict[str, object]]:
    """Find the regions among the parameters of an analysis.

    Args:
        label: What the analysis is called.
        asked: Its parameters; those of kind ``"region"`` are looked at, those of kind ``"regions"`` left out.
        parameters: Their values.
        draft: Whether they only stand in a form.

    Returns:
        One a region, as ``ImageView.regions`` has them; one that cannot be read is left out.
    """
    found: list[dict[str, object]] = []
    for one in asked:
        value = parameters.get(one.name)
        if not value or one.kind not in ("region", "regions"):
            continue
        masked = one.kind == "regions"
        name = f"{label}: left out" if masked else label
        for region in (value if masked else [value])[:_MOST]:
            try:
                rows, columns = ([int(end) for end in region[side]] for side in ("rows", "columns"))
            except (KeyError, TypeError, ValueError):
                continue
            if len(rows) == len(columns) == 2:
                found.append({"name": name, "rows": rows, "columns": columns, "masked": masked, "draft": draft})
    return found


def drafts_of(label: str, fields: Sequence[AskedField]) -> list[dict[str, object]]:
    """Find the regions that stand in the fields of a form; a field that cannot be read has none yet."""
    found: list[dict[str, object]] = []
    for field in fields:
        try:
            value = field.value()
        except SteeringError:
            continue
        found += regions_of(label, (field.asked,), {field.asked.name: value}, draft=True)
    return found
