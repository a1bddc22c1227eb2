"""What the tests of the frame have in common."""

import pytest

from steering_widgets.frames.image import ImageView
from tests.widgets.views import ImageViews


@pytest.fixture
def image():
    made = ImageView()
    yield made
    made.close()


@pytest.fixture
def views(image):
    """The pages' side of the image; no view is open yet."""
    return ImageViews(image)
