"""Power is lost while a line of the journal of a flow on Globus is written, at each of its lines: nothing twice."""

import pytest

from steering.catalogue.catalogue import Catalogue
from steering.flow_steps import flow_journal
from steering.flow_steps.flow_journal import FlowJournal, flows_folder
from tests.flow_globus.places import STEPS
from tests.flow_runner.test_torn_lines import TORN, whole
from tests.flow_runner.workspaces import UID
from tests.thorough import rare

pytestmark = pytest.mark.system

ONCE = {
    "transfer_tasks": 3, "files_moved": 6, "functions_run": 1, "entries_written": 2, "flow_runs": 1, "flows_made": 1,
}  # fmt: skip


class PowerLostError(BaseException):
    """Nothing of this process goes on."""


@pytest.mark.parametrize("stride", [4, rare(1)])
def test_cut_off_in_any_line_globus_does_nothing_twice(there, run, workspace, monkeypatch, stride):
    append, done, ways = flow_journal.append, 0, list(TORN.values())
    while True:
        name, lines = f"cut{done}", []

        def cut(file, line, *, number=done, lines=lines):
            if len(lines) == number:
                file.seek(0, 2)
                file.write(ways[number % len(ways)](line))
                raise PowerLostError
            lines.append(line)
            append(file, line)

        # Each has folders of its own: what is there already is not sent again.
        flow = there.flow(
            transfer={"to": f"{name}/{{run.uid}}"}, distribute={**STEPS["distribute"], "to": f"{name}/{{run.short}}"}
        )
        before = there.double.control.effects()
        with monkeypatch.context() as patch:
            patch.setattr(flow_journal, "append", cut)
            try:
                run(flow, name=name)
            except PowerLostError:
                pass
            else:
                # It has no more lines.
                break
        state = run(flow, name=name)
        assert state.status == "succeeded", (state.why, lines[-1:])
        after = there.double.control.effects()
        assert {one: after[one] - before[one] for one in ONCE} == ONCE, lines[-1:]
        journal = FlowJournal(flows_folder(workspace) / f"{name}-{UID[:8]}")
        whole(journal)
        assert [line["step"] for line in journal.lines() if line["kind"] == "done"] == list(STEPS)
        did = [line["key"] for line in journal.lines() if line["kind"] == "did"]
        assert len(did) == len(set(did))
        assert {one.subject for one in Catalogue(workspace).find()} == {f"run:{UID}", f"result:{UID}:curve"}
        given = there.experiment.folder / name / UID[:8]
        assert {str(one.relative_to(given)) for one in given.rglob("*.*") if one.is_file()} == {
            f"MANIFEST-{name}-{UID[:8]}.json", f"raw/{UID}.h5", "raw/journal.jsonl", f"results/{UID[:8]}_curve.nxs",
        }  # fmt: skip
        assert not list(workspace.directory.rglob("*.part"))
        done += stride
    assert done > 15
