"""Replaying the journal's rulings gives the state that the scan had."""

import uuid
from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from steering.core.action import SetParameter
from steering.core.parameter import Parameter
from steering.core.proposal import Proposal
from steering.core.status import Axis
from steering.journal.journal import Entry, Journal, read_journal
from steering.plans.docket import Docket
from steering.scans.rocking import RockingScan
from steering.service.wire import RULING

PARAMETERS = (
    Parameter("centre", "deg", 0.0, -1.0, 1.0, 0.5),
    Parameter("range", "deg", 1.0, 0.1, 2.0, 0.5),
    Parameter("step", "deg", 0.1, 0.01, 0.5, 0.2),
    Parameter("exposure", "s", 0.1, 0.01, 5.0, 1.0),
)
wishes = st.lists(
    st.tuples(
        st.sampled_from([item.name for item in PARAMETERS] + ["colour"]), st.floats(-3, 3) | st.just(float("nan"))
    ),
    max_size=15,
)


@given(wishes)
def test_the_journal_gives_back_the_values_and_every_refusal(tmp_path_factory, wishes):
    journal = Journal(tmp_path_factory.mktemp("journal"), "rocking")
    scan = RockingScan(name="rocking", title="t", axis="th", parameters=PARAMETERS)
    docket = Docket(
        scan,
        {item.name: item.value for item in PARAMETERS},
        {"th": Axis("th", "deg", -5, 5)},
        10_000,
        lambda ruling: journal.write(Entry("ruling", "", asdict(ruling))),
    )
    for name, value in wishes:
        docket.propose(Proposal(uuid.uuid4().hex, "ana", SetParameter(name, value)), "ana", "ana")
    journal.close()
    replayed = {item.name: item.value for item in PARAMETERS}
    rulings = [RULING.validate_python(entry.content) for entry in read_journal(journal.path)]
    for ruling in rulings:
        if ruling.accepted:
            replayed[ruling.subject] = float(ruling.new.split()[0])
    assert len(rulings) == len(wishes)
    for item in PARAMETERS:
        expected = docket.pending.get(item.name, item.value)
        assert abs(replayed[item.name] - expected) <= 1e-5 * max(1.0, abs(expected))
        assert item.low <= expected <= item.high
