"""Add an analysis to the shown run, give one other parameters, or remove one: while the run goes on, and after it."""

from collections.abc import Mapping

import ipywidgets

from steering.contract.asked import Asked, asked_of
from steering.core import registry
from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.errors import SteeringError, said
from steering.core.json import Json
from steering.core.result import Result
from steering_widgets.frames.image import ImageView
from steering_widgets.frames.regions import regions_of, united
from steering_widgets.panels.asked import AskedField, read_fields, readable
from steering_widgets.parts.answer import Answer
from steering_widgets.parts.card import Card, button, close_all
from steering_widgets.parts.choice import Choice
from steering_widgets.parts.place import Place

# Fits any frames, and a part of the detector can be drawn for it.
_USUAL = "centre_of_mass"
_NEW = "none: add one"
_OF_SCAN = ("axis", "axes", "geometry")


class AnalysesPanel:
    """A menu of the run's analyses and of a new one, and a form that is made of the parameters of what is chosen."""

    def __init__(self, desk: Desk, image: ImageView) -> None:
        """Build it on a desk, which may be idle; regions are drawn on the image."""
        self._desk = desk
        self._image = image
        self._answer = Answer()
        self._said, self._drawn = Place(self._answer), Place(image.drawn)
        self._results, self._detectors = Place(desk.board.results), Place(desk.board.detectors)
        self._which = Choice("st-analysis-which", "Analysis to change")
        self._kind = Choice("st-analysis-kind", "Analysis")
        self._detector = Choice("st-analysis-detector", "Detector")
        self._label = ipywidgets.Text(
            description="Label", placeholder="its name", tooltip="What its results are called"
        )
        self._label.add_class("st-analysis-label")
        self._offered, self._missing = _offered()
        # Made once each: a page may still be drawing fields that are replaced.
        self._made: dict[tuple[str, str], tuple[AskedField, ...]] = {}
        self._fields = ipywidgets.Box()
        self._fields.add_class("st-start-fields")
        # Rings when something is written, so that it is seen on the frame.
        self._edits = Cell(0)
        self._edited = Place(self._edits)
        # What is drawn next is written into fields of this kind.
        self._drawing = "region"
        self._draw = button("st-analysis-draw", "Draw region", "Then drag over the frame: only that part is looked at")
        self._mask = button("st-analysis-mask", "Draw mask", "Then drag over the frame: that part is left out")
        self._apply = button(
            "st-analysis-apply", "Add", "Analyse this run in this way as well, from its first frame on", strong=True
        )
        self._remove = button("st-analysis-remove", "Remove", "Stop this analysis of the run", asks=True)
        self._draw.on_click(lambda _: self._begin_to_draw("region"))
        self._mask.on_click(lambda _: self._begin_to_draw("regions"))
        self._apply.on_click(lambda _: self._add())
        self._remove.on_click(lambda _: self._leave())
        top = ipywidgets.Box([self._which.widget, self._kind.widget, self._detector.widget, self._label])
        top.add_class("st-start-fields")
        buttons = ipywidgets.HBox([self._apply, self._draw, self._mask, self._remove])
        buttons.add_class("st-buttons")
        self.widget = Card("analyses", "Analyses", [top, self._fields, buttons])
        self._kind.offer(
            (*self._offered, *self._missing), _USUAL if _USUAL in self._offered else next(iter(self._offered), "")
        )
        self._write_results({})
        self._build()

    def refresh(self) -> bool:
        """Show which analyses there are, what was drawn, and what was answered."""
        results, drawn = self._results.advance(), self._drawn.advance()
        if results:
            self._write_results(self._results.value)
        which, kind, detectors = self._which.advance(), self._kind.advance(), self._detectors.advance()
        if detectors:
            self._detector.offer(self._detectors.value, next(iter(self._detectors.value), ""))
        if which or kind or results or detectors:
            self._build()
        if drawn and self._drawn.value is not None:
            for field in self._shown:
                if field.asked.kind == self._drawing:
                    field.draw(self._drawn.value)
            self._answer.set((f"What was drawn stands in its field. Press {self._apply.description}.", "plain"))
        said, edited = self._said.advance(), self._edited.advance()
        if said:
            self.widget.say(*self._said.value)
        if edited or results or which or kind:
            self._show_regions()
        return any((results, said, drawn, which, kind, detectors, edited))

    def close(self) -> None:
        """Take it off the screen."""
        for fields in self._made.values():
            for field in fields:
                close_all(field)
        close_all(self.widget)

    def asked(self) -> tuple[str, dict[str, Json]]:
        """Return the analysis that stands in the form, with its parameters.

        Raises:
            SteeringError: If one of them is none.
        """
        return self._analysis, read_fields(self._shown)

    @property
    def _chosen(self) -> str:
        """Label of the analysis that is to be changed; empty for a new one."""
        return self._which.value if self._which.value in self._results.value else ""

    @property
    def _analysis(self) -> str:
        chosen = self._chosen
        return self._results.value[chosen].provenance.analysis if chosen else self._kind.value

    @property
    def _key(self) -> tuple[str, str]:
        """What the fields are made for: an analysis of the run with the parameters that it has, or a new one."""
        chosen = self._chosen
        if not chosen:
            return "", self._kind.value
        return chosen, self._results.value[chosen].provenance.parameters_hash

    @property
    def _shown(self) -> tuple[AskedField, ...]:
        return self._made.get(self._key, ())

    def _write_results(self, results: Mapping[str, Result]) -> None:
        known = [label for label, result in results.items() if result.provenance.analysis in self._offered]
        self._which.offer((_NEW, *known), _NEW)
        self.widget.remark(f"{len(results)} of this run" if results else "none yet")

    def _build(self) -> None:
        """Show the fields of what is chosen, with the parameters that it has."""
        chosen, key = self._chosen, self._key
        if key not in self._made:
            fields = self._made[key] = tuple(AskedField(asked) for asked in self._offered.get(self._analysis, ()))
            parameters: Mapping[str, Json] = self._results.value[chosen].provenance.parameters if chosen else {}
            for field in fields:
                if field.asked.name in parameters:
                    field.write(parameters[field.asked.name])
                field.field.observe(self._edit, "value")
        if self._fields.children != self._shown:
            self._fields.children = self._shown
        for widget in (self._kind.widget, self._label):
            widget.layout.display = "none" if chosen else None
        several = len(self._detectors.value) > 1
        self._detector.widget.layout.display = None if several and not chosen else "none"
        main = next(iter(self._results.value), "")
        self._remove.layout.display = None if chosen and chosen != main else "none"
        kinds = {field.asked.kind for field in self._shown}
        self._draw.layout.display = None if "region" in kinds else "none"
        self._mask.layout.display = None if "regions" in kinds else "none"
        self._apply.description = "Apply" if chosen else "Add"
        missing = self._missing.get(self._analysis, "")
        self._apply.disabled = bool(missing) or not self._results.value
        if missing:
            self._answer.set((missing, "error"))
        elif self._answer.value[0] in self._missing.values():
            self._answer.set(("", "plain"))

    def _edit(self, _: object) -> None:
        self._edits.set(self._edits.value + 1)

    def _show_regions(self) -> None:
        """Outline on the frame what the run's analyses use, and what stands in the form and is not used yet."""
        used: list[dict[str, object]] = []
        for label, result in self._results.value.items():
            asked = self._offered.get(result.provenance.analysis, ())
            used += regions_of(label, asked, result.provenance.parameters)
        name = self._chosen or self._label.value.strip() or "new"
        asked = tuple(field.asked for field in self._shown)
        self._image.regions = united(used, regions_of(name, asked, readable(self._shown), draft=True))

    def _add(self) -> None:
        analysis, shown = self._analysis, self._shown
        label = self._chosen or self._label.value.strip()
        # One that is there stays with its detector, and with what no field asks for.
        detector = "" if self._chosen else self._detector.value
        kept = self._kept()

        def add() -> str:
            return self._desk.add_analysis(analysis, label, detector=detector, **kept | read_fields(shown))

        name = label or analysis
        self._answer.ask(add, f"{name} is made from the first frame on; its results appear as soon as there are any.")

    def _kept(self) -> dict[str, Json]:
        """Return the parameters of the chosen analysis that no field asks for; the scan gives axes and geometry."""
        if not self._chosen:
            return {}
        asked = {*_OF_SCAN, *(field.asked.name for field in self._shown)}
        parameters = self._results.value[self._chosen].provenance.parameters
        return {name: value for name, value in parameters.items() if name not in asked}

    def _leave(self) -> None:
        chosen = self._chosen
        if chosen:
            self._answer.ask(lambda: self._desk.remove_analysis(chosen), f"{chosen} is not made any more.")

    def _begin_to_draw(self, kind: str) -> None:
        self._drawing, self._image.drawing = kind, True
        self._answer.set(("Drag over the detector frame. What is drawn comes into its field.", "plain"))


def _offered() -> tuple[dict[str, tuple[Asked, ...]], dict[str, str]]:
    """Find the installed analyses that a form can ask for; and of those that cannot be loaded, why, in a sentence."""
    found: dict[str, tuple[Asked, ...]] = {}
    missing: dict[str, str] = {}
    for name in registry.names("analyses"):
        try:
            asked = asked_of(name)
        except SteeringError as error:
            missing[name] = str(error)
            continue
        except Exception as error:  # noqa: BLE001  (a stranger's module may raise anything when it is loaded)
            missing[name] = f"{name} cannot be loaded: {said(error)}. Ask whoever wrote it."
            continue
        if asked is not None:
            found[name] = asked
    return found, missing
