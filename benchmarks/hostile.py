"""Do hostile messages steer, break, slow down or fill up anything?

``python -m benchmarks.hostile [COUNT] [FILE.json]``: a scan runs; meanwhile so many messages come over HTTP and the
control socket, made from the service's own schema and by hand, from nobody, a watcher, an operator and somebody who may
steer but does not hold the lease. They come as fast as they are answered, from a process of the lowest priority: an
attacker is elsewhere, and does not take the service's processor itself. Counted are answers of 500 and more, changes of
the scan, growth of the service's memory and of the journal; and the scan's pace is compared with its own while it is
left alone, by turns.
"""

import asyncio
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from steering.beamline.client import BeamlineClient
from steering.beamline.embedded import EmbeddedService, find_service, stop_service
from steering.core.waiting import within
from steering.core.workspace import Workspace

SPEED, POINTS, LANES = 5.0, 1800, 4
TURN_SECONDS = 8.0
# A scan that has fewer points left is ended between two turns, and another one begins.
ENOUGH = 300
ROLES = {"nobody": None, "watcher": ["read"], "operator": ["read", "operate"], "rival": ["read", "operate", "steer"]}
TEXTS = ["", "a" * 3000, "\x00", "exposure", "\u202e", "<script>", "'; drop table", "../../etc/passwd", "💥" * 500]
NUMBERS = [0, -1, 1e308, -1e308, 10**30, 0.1, True, None, "0.1", [1], {"a": 1}]
RAW = [
    b"",
    b"{",
    b"[" * 50_000,
    b'{"action":' * 500 + b"1" + b"}" * 500,
    b'"\\ud800"',
    b'{"id": "\\ud800", "action": {"kind": "pause"}}',
    b'{"id": "a\\u0000", "action": {"kind": "set", "parameter": "exposure", "value": 1}}',
    b"\xff\xfe\x00",
    b'{"action": {"kind": "set", "parameter": "exposure", "value": NaN}}',
    b"x" * 300_000,
]
KINDS = ["set", "insert_region", "replace", "skip", "finish", "resume", "abort-", "PAUSE", ""]
PATHS = ["/proposals", "/lease", "/tokens", "/runs", "/shutdown", "/frames", "/journal", "/api/v1/metadata/", "/no"]


def main(arguments):
    """Measure and print."""
    count = int(arguments[0]) if arguments else 10_000
    with tempfile.TemporaryDirectory(prefix="steering-") as folder:
        workspace = Workspace(Path(folder))
        asyncio.run(EmbeddedService(workspace, speed=SPEED, record=True).launch())
        os.nice(19)
        try:
            report = asyncio.run(measure(workspace, count))
        finally:
            stop_service(workspace)
    print(
        f"{report['messages']} messages in {report['seconds']:.0f} s: {report['broken']} answers of 500 and more, "
        f"{report['changed']} changes of the scan. Memory grew by {report['memory_mb']:.1f} MB, the journal by "
        f"{report['journal_mb']:.2f} MB. {report['rate']:.2f} points/s, {report['alone']:.2f} when left alone "
        f"({100 * (report['rate'] / report['alone'] - 1):+.1f} %)."
    )
    if len(arguments) > 1:
        Path(arguments[1]).write_text(json.dumps(report, indent=1))
    return 0 if not report["broken"] and not report["changed"] else 1


async def measure(workspace, count, seed=0):
    """Send so many messages during a scan; say what became of it."""
    service = find_service(workspace)
    client = BeamlineClient(str(service["url"]), str(service["token"]))
    process = psutil.Process(int(service["pid"]))
    values = {"step": 1.0 / POINTS, "exposure": 0.5}
    try:
        tokens = {
            role: None if scopes is None else await client.token(role, frozenset(scopes), 3600.0)
            for role, scopes in ROLES.items()
        }
        memory = process.memory_info().rss
        attack = Attack(str(service["url"]), tokens, count, seed)
        began = time.monotonic()
        scan, alone = await scanned(client, values, attack)
        journals = list(workspace.journal.glob("*.jsonl"))
        kept = [json.loads(line) for journal in journals for line in journal.read_bytes().splitlines()]
        rulings = [one["content"] for one in kept if one["kind"] == "ruling"]
        return {
            "messages": attack.sent,
            "seconds": time.monotonic() - began,
            "answers": {str(code): number for code, number in sorted(attack.answers.items())},
            "broken": sum(number for code, number in attack.answers.items() if code >= 500),
            "changed": sum(one["verdict"] == "accepted" and one["kind"] not in ("pause", "abort") for one in rulings),
            "memory_mb": (process.memory_info().rss - memory) / 1e6,
            "journal_mb": sum(journal.stat().st_size for journal in journals) / 1e6,
            "rulings": len(rulings),
            "rate": scan,
            "alone": alone,
        }
    finally:
        await client.close()


async def scanned(client, values, attack):
    """Scan, attacked and left alone by turns; say how many points a second were measured in the one and the other.

    A machine that is shared changes its pace from one minute to the next, so both are of the same minutes.
    """
    await begin(client, values)
    task = asyncio.create_task(attack.run())
    points, seconds = {True: 0, False: 0}, {True: 0.0, False: 0.0}
    on = False
    while not task.done():
        if (await client.status()).points_left < ENOUGH:
            await end(client)
            await begin(client, values)
        first = await points_done(client)
        began = time.monotonic()
        if on:
            attack.gate.set()
        await asyncio.wait([task], timeout=TURN_SECONDS)
        attack.gate.clear()
        points[on] += await points_done(client) - first
        seconds[on] += time.monotonic() - began
        on = not on
    await task
    await end(client)
    return points[True] / seconds[True], points[False] / seconds[False]


async def begin(client, values):
    """Start a scan, and wait until it is well under way."""
    await client.start("rocking", values)
    await until(client, lambda status: status.points_done >= 10)


async def end(client):
    """Abort the scan."""
    await client.lease("take")
    await client.propose_json({"action": {"kind": "abort"}})
    await until(client, lambda status: not status.scanning)


async def points_done(client):
    """Wait for the next point, and count it: turns begin and end with a point."""
    before = (await client.status()).points_done
    while True:
        status = await client.status()
        if not status.scanning:
            raise SystemExit(f"the scan is over before the messages are: {status.ended}")
        if status.points_done > before:
            return status.points_done
        await asyncio.sleep(0.02)


async def until(client, condition):
    """Ask again and again until the status is as wanted."""
    while True:
        if condition(await client.status()):
            return
        await asyncio.sleep(0.2)


class Attack:
    """So many messages, several at a time."""

    def __init__(self, url, tokens, count, seed):
        """Prepare it: so many messages to a service, from bearers of these tokens."""
        self.url, self.tokens, self.count, self.sent = url, tokens, count, 0
        self.answers = {}
        # Closed while the scan is left alone.
        self.gate = asyncio.Event()
        self._chance = random.Random(seed)

    async def run(self):
        """Send all."""
        async with httpx.AsyncClient(base_url=self.url, timeout=30, trust_env=False) as client:
            await asyncio.gather(*(self._lane(client) for _ in range(LANES)))

    async def _lane(self, client):
        while self.sent < self.count:
            await self.gate.wait()
            self.sent += 1
            role = self._chance.choice(list(self.tokens))
            if self._chance.random() < 0.05:
                await self._socket(self.tokens[role])
                continue
            headers = {} if self.tokens[role] is None else {"Authorization": f"Bearer {self.tokens[role]}"}
            path = "/proposals" if self._chance.random() < 0.6 else self._chance.choice(PATHS)
            if path == "/shutdown" or self._chance.random() < 0.1:
                request = client.build_request("GET", path, headers=headers, params={"path": self._text(), "first": -1})
            else:
                request = client.build_request("POST", path, headers=headers, content=self._body())
            try:
                answer = await client.send(request)
            except httpx.HTTPError:
                # Hung up on, as what it sent was not read.
                self._count(0)
                continue
            self._count(answer.status_code)

    async def _socket(self, token):
        try:
            async with connect(self.url.replace("http", "ws") + "/control", proxy=None) as socket:
                await socket.send(json.dumps({"token": token or "guess"}))
                for _ in range(5):
                    await self.gate.wait()
                    self.sent += 1
                    await socket.send(self._body())
                    await within(10, socket.recv())
        except (WebSocketException, OSError, TimeoutError):
            self._count(0)

    def _body(self):
        if self._chance.random() < 0.3:
            return self._chance.choice(RAW)
        kind = self._chance.choice(KINDS)
        action = {"kind": kind, self._text() or "value": self._chance.choice(NUMBERS)}
        if kind == "set":
            action |= {"parameter": self._text(), "value": self._chance.choice(NUMBERS)}
        if kind == "insert_region":
            action |= {"region": {"th": [0, 1e-9]}, "step": {"th": 1e-12}}
        if kind == "replace":
            action |= {"spec": {"type": "Linspace", "axis": "th", "start": 0, "stop": 1, "num": 10**12}}
        message = {"kind": "propose", "id": self._text(), "action": action, "heard": self._chance.choice(NUMBERS)}
        if self._chance.random() < 0.5:
            message = {"action": action, "wish": self._chance.choice(["take!", 3]), "scan": self._text(), "hold": 1}
        return json.dumps(message).encode()

    def _text(self):
        return self._chance.choice(TEXTS)

    def _count(self, code):
        self.answers[code] = self.answers.get(code, 0) + 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
