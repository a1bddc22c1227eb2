"""The JupyterLab of ``steering lab`` opens what it is asked to, and nothing of before."""

import json

import httpx
import pytest

from steering.commands.jupyter import Jupyter

EARLIER = {
    "metadata": {"id": "default"},
    "data": {
        "layout-restorer:data": {"main": {"dock": {"type": "tab-area", "widgets": ["notebook:of-before.ipynb"]}}},
        "notebook:of-before.ipynb": {"data": {"path": "of-before.ipynb", "factory": "Notebook"}},
    },
}


@pytest.mark.system
@pytest.mark.timeout(240)
def test_tabs_of_an_earlier_session_are_not_opened_again(workspace, tmp_path, monkeypatch):
    of_this_user = tmp_path / "workspaces"
    monkeypatch.setenv("JUPYTERLAB_WORKSPACES_DIR", str(of_this_user))
    for folder in (of_this_user, workspace.run / "lab-tabs"):
        folder.mkdir(parents=True)
        (folder / "default-37a8.jupyterlab-workspace").write_text(json.dumps(EARLIER))
    jupyter = Jupyter(workspace, tmp_path, 0, "secret")
    try:
        jupyter.wait_until_ready()
        address, mine = f"{jupyter.url}/lab/api/workspaces", {"Authorization": "token secret"}
        with httpx.Client(headers=mine, trust_env=False, timeout=60) as client:
            (found,) = client.get(address).json()["workspaces"]["values"]
            # No tabs, and the file browser leaves its room to the dashboard.
            assert found["data"] == {"layout-restorer:data": {"left": {"collapsed": True, "visible": True}}}
            # The page does not ask whether JupyterLab is to be built anew.
            page = client.get(f"{jupyter.url}/lab").text
            assert ('"buildCheck": false' in page, '"buildAvailable": false' in page) == (True, True)
            assert "notebook" in client.get(f"{jupyter.url}/api/nbconvert").json()
            # What a page of this session keeps is there when that page is loaded again.
            now = EARLIER | {"metadata": {"id": "default"}}
            assert client.put(f"{address}/default", json=now).is_success
            assert client.get(f"{address}/default").json()["data"] == EARLIER["data"]
    finally:
        jupyter.end()
    assert [one.name for one in of_this_user.iterdir()] == ["default-37a8.jupyterlab-workspace"]
