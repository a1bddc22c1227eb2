"""Which frame is shown, and pictures of it as files beside the notebook."""

import math
import time
from pathlib import Path

import pytest

from steering.core.errors import SteeringError
from steering.core.plan import Plan
from steering_widgets.drawing.kept_file import write_picture
from steering_widgets.frames.frame import FramePanel
from steering_widgets.frames.image import ImageView
from tests.widgets.fake import FakeDesk
from tests.widgets.views import Views

PNG = b"\x89PNG\r\n\x1a\n and so on"


@pytest.fixture
def desk():
    return FakeDesk(64)


@pytest.fixture
def panel(desk):
    made = FramePanel(desk)
    yield made
    made.close()


def test_the_newest_frame_says_its_number_and_where_the_last_point_was(desk, panel):
    desk.start("rocking")
    desk.advance(3)
    status = desk.board.status.value
    desk.board.plan.set(Plan.of(status.run, ("th",), [[0.1], [0.2], [0.31], [0.4]], 4, 0))
    panel.refresh()
    assert panel.image.caption == "newest frame of 3, last point at th 0.31 °, exposure 0.25 s"
    assert panel.image.taken == desk.board.frame.value.time


def test_an_older_frame_says_its_index_and_where_it_was_taken(desk, panel):
    desk.start("rocking")
    desk.advance(9)
    panel.refresh()
    panel._history.choose(7)
    panel.refresh()
    panel._history._reading.result(10)
    panel.refresh()
    assert panel.image.caption == "frame 7 of 0 to 8, th 0.07 °"
    assert abs(panel.image.taken - time.time()) < 60


def test_a_time_that_is_not_known_is_none(panel):
    panel.image.tell("frame 3", math.nan)
    assert panel.image.taken == 0.0


def test_the_slider_stands_above_the_frame(panel):
    kinds = [type(child).__name__ for child in panel.widget.children]
    assert kinds.index("VBox") < kinds.index("ImageView")


def test_a_picture_is_written_beside_the_notebook_and_its_place_is_said(tmp_path):
    image = ImageView()
    image.folder = tmp_path / "exports"
    views = Views(image)
    image._handle_custom_msg({"kind": "picture", "view": "a"}, [memoryview(PNG)])
    (message,) = views.heard("written")
    path = Path(message["text"].removeprefix("Written: "))
    assert message["done"]
    assert path.parent == tmp_path / "exports"
    assert path.read_bytes() == PNG
    image.close()


@pytest.mark.parametrize("buffers", [[], [b"GIF89a"], [b""]])
def test_what_is_no_picture_is_refused_and_nothing_is_written(tmp_path, buffers):
    image = ImageView()
    image.folder = tmp_path
    views = Views(image)
    image._handle_custom_msg({"kind": "picture", "view": "a"}, buffers)
    assert all(not message["done"] for message in views.heard("written"))
    assert list(tmp_path.iterdir()) == []
    image.close()


def test_without_a_folder_the_browser_keeps_the_picture():
    image = ImageView()
    views = Views(image)
    image._handle_custom_msg({"kind": "picture", "view": "a"}, [PNG])
    assert views.heard("written")[0] == {"kind": "written", "view": "a", "text": "", "done": False}
    image.close()


def test_a_picture_is_never_written_over_another(tmp_path):
    paths = {write_picture(tmp_path, "frame-3", PNG + bytes([n])) for n in range(3)}
    assert len(paths) == 3
    assert sorted(path.read_bytes()[-1] for path in paths) == [0, 1, 2]


def test_a_hostile_name_stays_in_the_folder(tmp_path):
    assert write_picture(tmp_path, "../../etc/x", PNG).parent == tmp_path


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SteeringError, match="cannot be written"):
        write_picture(tmp_path / "file" / "exports", "frame", PNG)
