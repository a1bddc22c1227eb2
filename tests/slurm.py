"""A real Slurm of three pretend nodes on this machine, on loopback, with nothing left behind."""

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from steering.machine.ports import free_port
from tests.warden import Warden

CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
SlurmUser=root
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,bf_interval=5
MailProg=/bin/true
ReturnToService=2
KillWait=5
MinJobAge=600
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
{nodes}
PartitionName=debug Nodes=n[1-3] Default=YES MaxTime=60 PriorityTier=50 PreemptMode=OFF OverSubscribe=EXCLUSIVE
PartitionName=preemptable Nodes=n[1-3] MaxTime=4320 PriorityTier=1 PreemptMode=REQUEUE OverSubscribe=EXCLUSIVE
PartitionName=demand Nodes=n[1-3] MaxTime=60 PriorityTier=100 PreemptMode=OFF OverSubscribe=EXCLUSIVE
PartitionName=closed Nodes=n[1-3] MaxTime=60 PriorityTier=50 AllowAccounts=physics OverSubscribe=EXCLUSIVE
"""
DAEMONS = ("munged", "slurmctld", "slurmd")


class Slurm:
    """Daemons in a folder; ``start`` sets SLURM_CONF in this process' environment, ``stop`` ends everything."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._warden: Warden | None = None

    def start(self) -> None:
        missing = [name for name in DAEMONS if shutil.which(name, path=_PATH) is None]
        assert not missing, f"these tests need {', '.join(missing)}: apt-get install slurm-wlm munge"
        assert os.getuid() == 0, "slurmd must be started by root; run these tests in a container"
        for name in ("state", "spool/n1", "spool/n2", "spool/n3"):
            (self._folder / name).mkdir(parents=True)
        self._folder.chmod(0o755)
        for part in self._folder.parents:
            if part.stat().st_uid == os.getuid() and part != Path("/"):
                part.chmod(part.stat().st_mode | 0o011)
        host = socket.gethostname().split(".")[0]
        ports = [free_port() for _ in range(4)]
        nodes = "\n".join(
            f"NodeName=n{n} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[n]} CPUs=8 RealMemory=8000"
            for n in (1, 2, 3)
        )
        conf = CONF.format(host=host, folder=self._folder, controller=ports[0], nodes=nodes)
        (self._folder / "slurm.conf").write_text(conf)
        (self._folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n")
        key = self._folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        os.environ["SLURM_CONF"] = str(self._folder / "slurm.conf")
        # Its daemons and its jobs carry that variable; none outlives this process, however it ends.
        self._warden = Warden("SLURM_CONF", os.environ["SLURM_CONF"], self._folder)
        try:
            self._run("munged", "--force", f"--key-file={key}", f"--socket={self._folder}/munge.socket",
                      f"--pid-file={self._folder}/munged.pid", f"--log-file={self._folder}/munged.log",
                      f"--seed-file={self._folder}/munge.seed")  # fmt: skip
            self._run("slurmctld")
            for node in ("n1", "n2", "n3"):
                self._run("slurmd", "-N", node)
            self.wait_idle(3)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        with suppress(FileNotFoundError, subprocess.TimeoutExpired, subprocess.CalledProcessError):
            subprocess.run(["scancel", "-u", "root"], timeout=10, check=False, capture_output=True)
            # A job that ends without its controller leaves its step behind.
            deadline = time.monotonic() + 20
            while self.ask("squeue", "-h").strip() and time.monotonic() < deadline:
                time.sleep(0.1)
        files = [*self._folder.glob("slurmd-*.pid"), self._folder / "slurmctld.pid", self._folder / "munged.pid"]
        pids = [int(file.read_text()) for file in files if file.exists()]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 20
        while any(_runs(pid) for pid in pids) and time.monotonic() < deadline:
            time.sleep(0.05)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        os.environ.pop("SLURM_CONF", None)
        warden, self._warden = self._warden, None
        if warden is not None:
            warden.dismiss()

    def wait_idle(self, nodes: int, timeout: float = 40.0) -> None:
        """Wait until so many nodes are idle."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            done = self.ask("sinfo", "-h", "-N", "-p", "debug", "-t", "idle", "-o", "%N")
            if len(done.split()) >= nodes:
                return
            time.sleep(0.1)
        raise AssertionError(f"not {nodes} idle nodes within {timeout} s: {self.ask('sinfo')}")

    def occupy(self, partition: str, nodes: int = 1, seconds: int = 600) -> str:
        """Submit a job that only sleeps; return its id."""
        wrap = f"--wrap=sleep {seconds}"
        return self.ask("sbatch", "--parsable", "-p", partition, "-N", str(nodes), "-o", "/dev/null", wrap).strip()

    @staticmethod
    def ask(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout

    @staticmethod
    def _run(program: str, *arguments: str) -> None:
        path = shutil.which(program, path=_PATH)
        done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, f"{program}: {done.stderr}"


# The daemons lie where only root's PATH looks.
_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
