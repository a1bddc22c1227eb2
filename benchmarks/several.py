"""How much later are the results of three analyses of one run than that of one?

``python -m benchmarks.several [TURNS] [FILE.json]``: rocking scans of 101 points on the embedded beamline, analysed in
one way and in three, in turn, by the same session. Frames are read once for all three.
"""

import json
import statistics
import sys
import tempfile
import time
from copy import deepcopy
from pathlib import Path

import steering
from tests.beamline.site import embedded, site

SPEED, POINTS, STEP_DEG, LOOK_SECONDS = 5.0, 101, 0.01, 0.05
ANALYSES = ["rocking_curve", "centre_of_mass", "scalars"]


def main(arguments):
    """Measure and print."""
    turns = int(arguments[0]) if arguments else 5
    description = embedded()
    one, three = description["scans"][0], deepcopy(description["scans"][0])
    three |= {"name": "three", "analyses": ANALYSES}
    description["scans"] = [one, three]
    found = {"rocking": [], "three": []}
    with tempfile.TemporaryDirectory(prefix="steering-") as folder, site(Path(folder), speed=SPEED) as place:
        if not place.serve(description):
            raise SystemExit(place.log)
        session = steering.open(workspace=place.workspace)
        try:
            for _ in range(turns):
                for scan, medians in found.items():
                    medians.append(statistics.median(delays(session, scan)))
        finally:
            session.shutdown()
    for scan, medians in found.items():
        print(f"{scan}: newest frame to its first results, median {[round(1e3 * one) for one in medians]} ms")
    print(f"three are {ratio(found):.2f} times as late as one")
    if len(arguments) > 1:
        Path(arguments[1]).write_text(json.dumps(found, indent=1))


def ratio(found):
    """Divide the medians of the turns."""
    return statistics.median(found["three"]) / statistics.median(found["rocking"])


def delays(session, scan):
    """Run a scan; return for each set of results how long after the newest frame's exposure all of it was there."""
    found, version = [], session.board.results.newer(-1)[0]
    labels = 3 if scan == "three" else 1
    run = session.start(scan, step=STEP_DEG)
    while session.board.status.value.run == run and session.board.status.value.scanning:
        news = session.board.results.newer(version, LOOK_SECONDS)
        if news is None:
            continue
        version, results = news
        versions = {result.version for result in results.values() if result.provenance.run == run}
        if len(results) == labels and len(versions) == 1:
            photon = next(iter(results.values())).provenance.times["photon"]
            found.append(time.time() - photon)
    session.wait()
    if len(found) < POINTS // 2:
        raise SystemExit(f"{scan}: only {len(found)} sets of results")
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
