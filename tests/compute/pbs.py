"""A pretend PBS complex of three whole nodes on this machine: see ``pbs_replay.py``."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.warden import Warden

NAMES = ("qsub", "qstat", "qselect", "qdel", "pbsdsh", "mpiexec", "pbs-control", "pbs-mom")
REPLAY = Path(__file__).with_name("pbs_replay.py")


class PbsComplex:
    """Its commands lie in ``bin``; what others do to it, this object does."""

    def __init__(self, folder):
        self.folder = folder
        self.bin = folder / "bin"
        self.warden = None

    def start(self):
        for name in ("bin", "jobs", "home"):
            (self.folder / name).mkdir(parents=True)
        # The tests' own Python, so that no other need be on PATH.
        script = self.bin / "replay.py"
        script.write_text(REPLAY.read_text().replace("/usr/bin/env -S python3", sys.executable, 1))
        script.chmod(0o700)
        for name in NAMES:
            (self.bin / name).symlink_to(script)
        # A login shell sets PATH anew.
        (self.folder / "home" / ".bash_profile").write_text(f"export PATH={self.bin}:/usr/local/bin:/usr/bin:/bin\n")
        # Its jobs carry that variable; none outlives this process, however it ends.
        self.warden = Warden("PBS_REPLAY", self.folder, self.folder)
        return self

    @property
    def environment(self):
        return {"PBS_REPLAY": str(self.folder), "PATH": f"{self.bin}:{os.environ['PATH']}"}

    def stop(self):
        self.control("end")
        deadline = time.monotonic() + 20.0
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.05)
        left = self.processes()
        for process in left:
            process.kill()
        self.warden.dismiss()
        assert not left, f"jobs left behind: {left}"

    def control(self, *words):
        return self.call("pbs-control", *words).stdout

    def call(self, *command):
        return subprocess.run(
            [str(self.bin / command[0]), *command[1:]],
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            timeout=20,
            check=command[0] == "pbs-control",
        )

    def jobs(self):
        """Everything that was ever submitted, as the replay keeps it."""
        return json.loads(self.control("jobs"))

    def alive(self):
        return [job for job in self.jobs() if job["state"] != "F"]

    def processes(self):
        """Processes of its running jobs, and their moms."""
        found = []
        for process in psutil.process_iter(["environ", "cmdline", "status"]):
            if process.info["status"] == psutil.STATUS_ZOMBIE:
                continue
            words = process.info["cmdline"] or []
            in_a_job = "PBS_JOBID" in (process.info["environ"] or {})
            mine = (process.info["environ"] or {}).get("PBS_REPLAY") == str(self.folder)
            if mine and (in_a_job or any(word.endswith("pbs-mom") for word in words)):
                found.append(process)
        return found
