"""A room that a person can keep in mind: none has more than 2,500 lines."""

from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[1]
ROOMS = [
    room
    for house in (HERE / "steering", HERE / "widgets" / "steering_widgets")
    for room in sorted(house.iterdir())
    if (room / "__init__.py").exists()
]
CODE = {".py", ".js", ".ts", ".css"}


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: f"{room.parent.name}.{room.name}")
def test_no_room_is_too_large(room):
    lines = {file: len(file.read_text().splitlines()) for file in room.rglob("*.*") if file.suffix in CODE}
    assert lines
    assert sum(lines.values()) <= 2500, "give what it has most of a room of its own"
