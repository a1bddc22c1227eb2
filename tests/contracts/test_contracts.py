"""Every installed source and facility keeps its contract; none is named here."""

import pytest

from steering.core import registry
from steering.core.facility import WholeRuns
from steering.sources.documents import DocumentSource
from steering.testing import InlineFacility, check_facility, check_fed_source, check_source
from tests.documents import documents_of_a_run
from tests.processes import left_behind, of_workspace
from tests.surroundings import jobs_left, losses, surroundings
from tests.thorough import some

# A batch system is one as another is: Slurm's answers here are real ones. Aurora and Polaris are settings for ``pbs``.
LIKE_SLURM = {"pbs", "aurora", "polaris"}


@pytest.mark.system
@pytest.mark.parametrize("name", registry.names("sources"))
async def test_sources(name, tmp_path):
    await check_source(registry.load("benches", name), tmp_path)


async def test_a_source_that_is_fed_with_documents():
    await check_fed_source(DocumentSource, documents_of_a_run(12), 12)


@pytest.mark.system
@pytest.mark.parametrize("name", some(registry.names("facilities"), lambda name: name not in LIKE_SLURM))
async def test_facilities(name, workspace, tmp_path):
    facility = registry.load("facilities", name)(workspace=workspace)
    # A facility that no batch system serves needs nothing around it.
    batch = facility.site.batch if hasattr(facility, "site") else "process"
    with surroundings(facility, workspace, tmp_path) as complex_:
        # What analyses runs as a whole has no workers here to take from it.
        await check_facility(facility, {} if isinstance(facility, WholeRuns) else losses(batch))
        assert jobs_left(batch, complex_) == []
    assert left_behind(of_workspace(workspace)) == []


async def test_the_facility_of_the_kits_keeps_the_contract_itself():
    await check_facility(InlineFacility())
