import pytest

from steering.core.facility import FacilityStatus, WorkerStatus
from steering.core.latency import LatencySummary
from steering.core.pool import JobStatus, PoolStatus
from steering_widgets.parts.light import light_of


def workers(count):
    return tuple(WorkerStatus(f"w{number}", 1, 0, 0, number) for number in range(count))


def pool(state="running", *jobs):
    return PoolStatus("live", "preemptable", "live", "", state, "", 1, len(jobs), jobs)


RUNS = JobStatus("1", 0, "running", workers_wanted=4)
WAITS = JobStatus("2", 1, "queued", workers_wanted=4)


@pytest.mark.parametrize(
    ("status", "behind", "light"),
    [
        (FacilityStatus("local", "running", workers=workers(2)), 0, ("good", "keeps up, 2 workers")),
        (FacilityStatus("local", "running", workers=workers(1)), 40, ("warn", "40 points behind, 1 worker")),
        (FacilityStatus("polaris", "starting"), 0, ("warn", "no worker is there yet")),
        (FacilityStatus("polaris", "lost"), 0, ("bad", "no analysis: polaris is lost")),
        (
            FacilityStatus("polaris", "running", workers=workers(4), pools=(pool("short", RUNS, WAITS),)),
            7,
            ("warn", "7 points behind, 4 workers of 8; the rest wait in preemptable"),
        ),
        (
            FacilityStatus("polaris", "starting", pools=(pool("starting", WAITS),)),
            0,
            ("warn", "no worker is there yet; its jobs wait in preemptable"),
        ),
        (
            FacilityStatus("polaris", "running", workers=workers(4), pools=(pool("running", RUNS), pool("failed"))),
            0,
            ("bad", "4 workers; live failed"),
        ),
    ],
)
def test_the_light_and_its_words(status, behind, light):
    assert light_of(LatencySummary(points_behind=behind), status) == light
