"""What the tests of the frame have in common, and those in a browser."""

import pytest

from steering_widgets.frames.image import ImageView
from tests.widgets.lab import jupyter
from tests.widgets.notebooks import Notebooks, Server
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


@pytest.fixture(scope="session")
def jupyter_server(tmp_path_factory):
    """A JupyterLab server. The browser is each test's own: Playwright's loop would be in the way of other tests."""
    root = tmp_path_factory.mktemp("jupyter")
    with jupyter(root) as (url, token):
        yield Server(root, url, token)


@pytest.fixture
def notebooks(jupyter_server, tmp_path):
    """A folder of notebooks on the shared server; its kernels end with the test's browser."""
    return Notebooks(jupyter_server, tmp_path.name)
