"""A YAML file with the lines on which things stand, and the keys that are given twice."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

Place = tuple[Hashable, ...]


@dataclass
class YamlFile:
    """What a YAML file says, and where.

    Attributes:
        content: Mappings, lists and scalars, as ``yaml.safe_load`` makes them.
        lines: For the path of each thing (keys and numbers from the top) the line on which it begins, from 1.
        twice: Line and key of each key that its mapping has already.
    """

    content: Any
    lines: dict[Place, int] = field(default_factory=dict[Place, int])
    twice: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])

    def line(self, place: Sequence[Hashable]) -> int:
        """Say on which line something stands, or what it belongs to if it is not there."""
        held: Place = ()
        for step in place:
            # A step that is no part of the file (the name of a choice) is left out.
            if (*held, step) in self.lines:
                held = (*held, step)
        return self.lines.get(held, 1)

    def at(self, place: Sequence[Hashable]) -> Place:
        """Return the part of a path that is in the file, and what is missing below it."""
        held: Place = ()
        missing: list[Hashable] = []
        for step in place:
            if not missing and (*held, step) in self.lines:
                held = (*held, step)
            elif step is place[-1]:
                missing.append(step)
        return (*held, *missing)


def read_yaml(text: str) -> YamlFile:
    """Read a YAML text.

    Raises:
        yaml.YAMLError: If it is none.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        file = YamlFile(None)
        if node is not None:
            _walk(node, (), file)
            file.content = loader.construct_document(node)
    finally:
        loader.dispose()
    return file


def _walk(node: yaml.Node, place: Place, file: YamlFile) -> None:
    file.lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            _walk(item, (*place, number), file)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            line = key.start_mark.line + 1
            if name in seen:
                file.twice.append((line, name))
            seen.add(name)
            file.lines[(*place, name)] = line
            _walk(value, (*place, name), file)
