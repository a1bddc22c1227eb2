"""What the compute function of a flow has returned. It may be anybody's: all is looked at before any is kept."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from steering.catalogue.entry import Entry, checked_entry
from steering.catalogue.searchable import as_written
from steering.core.errors import SteeringError, said
from steering.core.result import Feature
from steering.flow_steps.result_file import read_result
from steering.flows.feature_json import read_features
from steering.flows.templates import result_name

_WRONG = (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError, OverflowError)


class _Said(BaseModel):
    """Fields that are not named here are left out."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class _Number(_Said):
    value: float | None
    uncertainty: float | None
    units: str


class _File(_Said):
    name: str
    path: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class _Outcome(_Said):
    facility: str = ""
    queue: str = ""
    features: dict[str, dict[str, _Number]]
    files: list[_File]


class _Entry(_Said):
    subject: str
    kind: Literal["run", "result"]
    visible_to: list[str]
    content: dict[str, Any]
    features: dict[str, _Number]


class _Answer(_Said):
    outcome: _Outcome
    results: dict[str, str]
    entries: list[_Entry]


@dataclass(frozen=True)
class Answer:
    """What was returned, as it was asked for.

    Attributes:
        outcome: ``facility``, ``queue`` if it says one, ``features`` by label, and ``files`` (``name``, ``path``,
            ``size``, ``sha256``), one a label in their order.
        results: Each as a JSON text that can be read, by label.
        entries: Of the catalogue, as they were made.
    """

    outcome: dict[str, Any]
    results: Mapping[str, str]
    entries: list[dict[str, Any]]


def read_answer(given: Any, run: str, flow_run: str, labels: Collection[str], *, catalogued: bool) -> Answer:
    """Read what a function returned.

    Args:
        given: That, as JSON.
        run: Uid of the run that it was asked to analyse.
        flow_run: For which.
        labels: Of the results that were asked for.
        catalogued: Whether an entry of the run and one of each result were asked for.

    Raises:
        SteeringError: If it is not what was asked for; with what is wrong.
    """
    try:
        answer = _Answer.model_validate(given)
        given_labels = set(answer.results)
        _see(given_labels == set(answer.outcome.features) == set(labels), f"the results {', '.join(answer.results)}")
        files = {one.name: one for one in answer.outcome.files}
        _see(set(files) == {result_name(run, label) for label in labels}, f"the files {', '.join(files)}")
        for label, text in answer.results.items():
            result = read_result(text)
            source = result.provenance
            _see((source.run, source.label) == (run, label), f"{source.label} of the run {source.run}")
            # What conditions are judged on is what the session is shown.
            told = read_features(answer.outcome.model_dump()["features"][label])
            _see(_alike(told, result.outcome.features), f"other features of {label}")
        entries = [one.model_dump() for one in answer.entries]
        wanted = [f"run:{run}", *(f"result:{run}:{label}" for label in labels)] if catalogued else []
        subjects = sorted(one.subject for one in answer.entries)
        _see(subjects == sorted(wanted), f"the entries {', '.join(subjects)}")
        for one in entries:
            checked_entry(read_entry(one, run, flow_run))
    except SteeringError:
        raise
    except _WRONG as error:
        raise SteeringError(f"something else ({said(error):.200})") from error
    outcome = answer.outcome.model_dump(exclude_defaults=True)
    outcome["files"] = [files[result_name(run, label)].model_dump() for label in outcome["features"]]
    return Answer(outcome, answer.results, entries)


def read_entry(one: Mapping[str, Any], run: str, flow_run: str) -> Entry:
    """Read an entry of the catalogue as the function or this process wrote it."""
    features = read_features(one["features"])
    return Entry(
        str(one["subject"]), one["kind"], run, flow_run, as_written(one["content"]), tuple(one["visible_to"]), features
    )


def _alike(told: Mapping[str, Feature], found: Mapping[str, Feature]) -> bool:
    """Compare features; the last digits of a number may change on its way through somebody's JSON."""
    numbers = [
        (one, other)
        for name in told.keys() & found.keys()
        for one, other in zip(_numbers(told[name]), _numbers(found[name]), strict=True)
    ]
    units = {name: one.units for name, one in told.items()} == {name: one.units for name, one in found.items()}
    return units and all(math.isclose(one, other, rel_tol=1e-9) for one, other in numbers)


def _numbers(feature: Feature) -> tuple[float, ...]:
    """Return value and uncertainty; one that is none is a number that no feature has."""
    return tuple(one if math.isfinite(one) else -1e300 for one in (feature.value, feature.uncertainty))


def _see(asked_for: object, found: str) -> None:
    if not asked_for:
        raise SteeringError(f"{found:.200}, which were not asked for")
