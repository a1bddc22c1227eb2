"""Does an accepted abort stop the scan, always?

``python -m benchmarks.aborts [COUNT] [FILE.json]``: scans of random exposure on the embedded beamline, each aborted at
a random moment between the start being asked for and some seconds into it; some are paused first, some aborted twice.
An abort is right if the scan is over within one point and one second, at most one more point was measured, and the run
says ``abort``.
"""

import asyncio
import json
import random
import sys
import tempfile
import time
import uuid
from pathlib import Path

from steering.beamline.client import BeamlineClient
from steering.beamline.embedded import EmbeddedService, stop_service
from steering.core.action import Abort, Pause
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace

SPEED, LATEST, OPENING, STEP_DEG = 20.0, 1.6, 0.1, 0.005
EXPOSURES = (0.02, 4.0)
_PATIENCE = 30.0
_LOOK = 0.005


def main(arguments):
    """Measure and print."""
    count = int(arguments[0]) if arguments else 1000
    with tempfile.TemporaryDirectory(prefix="steering-") as folder:
        workspace = Workspace(Path(folder))
        connection, _ = asyncio.run(EmbeddedService(workspace, speed=SPEED, record=False).launch())
        try:
            report = asyncio.run(measure(connection, count))
        finally:
            stop_service(workspace)
    print(
        f"{report['right']} of {count} aborts stopped the scan within one point and one second; {report['opening']} "
        f"came before the run was open, {report['paused']} in a pause. Longest {report['longest']:.2f} s beyond the "
        f"point, median {report['median']:.2f} s; most points after the abort: {report['points']}."
    )
    for wrong in report["wrong"]:
        print(f"  WRONG: {wrong}")
    if len(arguments) > 1:
        Path(arguments[1]).write_text(json.dumps(report, indent=1))
    return 0 if report["right"] == count else 1


async def measure(connection, count, seed=0):
    """Abort so many scans; say how many stopped."""
    client = BeamlineClient(str(connection["url"]), str(connection["token"]))
    chance = random.Random(seed)
    found = []
    try:
        for number in range(count):
            found.append(await one(client, chance))
            if number % 100 == 99:
                print(f"  {number + 1}: {sum(not entry['wrong'] for entry in found)} right", flush=True)
    finally:
        await client.close()
    beyond = sorted(entry["beyond"] for entry in found)
    return {
        "right": sum(not entry["wrong"] for entry in found),
        "opening": sum(entry["opening"] for entry in found),
        "paused": sum(entry["paused"] for entry in found),
        "longest": beyond[-1],
        "median": beyond[len(beyond) // 2],
        "points": max(entry["points"] for entry in found),
        "wrong": [entry for entry in found if entry["wrong"]],
    }


async def one(client, chance):
    """Start a scan, abort it at a random moment, and look what became of it."""
    exposure = chance.uniform(*EXPOSURES)
    began = time.monotonic()
    starting = asyncio.ensure_future(_start(client, exposure))
    moment = chance.uniform(0.0, OPENING if chance.random() < 0.15 else LATEST)
    pause, twice = chance.random() < 0.2, chance.random() < 0.2
    await asyncio.sleep(moment)
    status = await client.status()
    while not status.scanning and not starting.done():
        status = await client.status()
    if pause and status.state == "running":
        await _propose(client, Pause())
    before = await client.status()
    asked = time.monotonic()
    ruling = await _propose(client, Abort("stress"))
    if twice:
        await _propose(client, Abort("stress again"))
    after = await _idle(client)
    took = time.monotonic() - asked
    uid = await starting
    point = exposure / SPEED
    wrong = []
    if not ruling.accepted:
        wrong.append(f"the abort was refused: {ruling.reason}")
    if after.scanning:
        wrong.append(f"the state is still {after.state}")
        await _propose(client, Abort("clean up"))
        await _idle(client)
    if took > point + 1.0:
        wrong.append(f"it took {took:.2f} s, a point {point:.2f} s")
    if after.points_done > before.points_done + 1:
        wrong.append(f"{after.points_done - before.points_done} points were measured after it")
    if after.ended.status != "abort":
        wrong.append(f"the run ended as {after.ended.status}: {after.ended.reason} {after.message}")
    if uid and after.ended.run != uid:
        wrong.append(f"run {uid} is not the one that ended")
    return {
        "wrong": wrong,
        "opening": before.state == "opening",
        "paused": before.state == "paused",
        "beyond": took - point,
        "points": after.points_done - before.points_done,
        "exposure": exposure,
        "moment": asked - began,
    }


async def _start(client, exposure):
    try:
        return await client.start("rocking", {"exposure": exposure, "step": STEP_DEG})
    except SteeringError:
        # Aborted before its run was open.
        return ""


def _propose(client, action):
    return client.propose(action, id=uuid.uuid4().hex, basis="", agent="", proposed_at=time.time())


async def _idle(client):
    deadline = time.monotonic() + _PATIENCE
    while True:
        status = await client.status()
        if not status.scanning or time.monotonic() > deadline:
            return status
        await asyncio.sleep(_LOOK)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
