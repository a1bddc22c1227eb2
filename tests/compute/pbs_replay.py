#!/usr/bin/env -S python3 -IS
"""Plays the commands of a PBS complex of a few pretend whole nodes, as OpenPBS with ALCF's rules answers them.

Called as qsub, qstat, qselect, qdel, pbsdsh or mpiexec it is that command; as pbs-control it does what an
administrator, another user or a failing network would do. Its state lies in the folder that PBS_REPLAY names. There
is no server process: whoever calls moves the queue on, and each running job has a process of its own (``pbs-mom``)
that waits for it. The answers are those recorded from a real server: one id a call, state Q again with the same id
after pre-emption with ``-r y``, -29 for walltime, 271 for qdel, rc 153 for an unknown id, 35 for a finished one
without ``-x``.
"""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

HOME = Path(os.environ["PBS_REPLAY"])
SERVER = "pbs-login"
USER = "ana"
KILL_DELAY = 8.0
LOOK = 0.05
# Whole nodes of 64 cores; queues as Polaris has them, with two of its least node counts lowered to what is here.
NODES = ("x3001", "x3002", "x3003")
QUEUES = {
    "debug": {"nodes": (1, 2), "walltime": "01:00:00", "max_queued": 1, "priority": 50},
    "debug-scaling": {"nodes": (1, 10), "walltime": "01:00:00", "max_queued": 1, "priority": 50},
    "preemptable": {"nodes": (1, 10), "walltime": "72:00:00", "max_queued": 20, "priority": 1},
    "demand": {"nodes": (1, 56), "walltime": "01:00:00", "max_queued": 100, "priority": 100},
    "capacity": {"nodes": (1, 4), "walltime": "168:00:00", "max_queued": 2, "priority": 10},
    "prod": {"nodes": (10, 496), "walltime": "24:00:00", "max_queued": 100, "priority": 20},
}
DEFAULT_QUEUE = "debug-scaling"


class RefusalError(Exception):
    def __init__(self, code, words):
        super().__init__(words)
        self.code = code


@contextmanager
def state():
    """The complex's state, for one caller at a time; what was changed is kept."""
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file = HOME / "state.json"
        content = (
            json.loads(file.read_text())
            if file.exists()
            else {"next": 1, "jobs": {}, "refuse": {}, "mute": 0, "silent": [], "garbled": [], "unanswered": 0}
        )
        try:
            yield content
        finally:
            # Kept also when the caller is refused: by then a waiting job may have been started.
            partial = file.with_suffix(".partial")
            partial.write_text(json.dumps(content))
            partial.replace(file)


def seconds(text):
    total = 0
    for part in text.split(":"):
        total = total * 60 + int(part)
    return total


def moment(value):
    return time.strftime("%a %b %d %H:%M:%S %Y", time.localtime(value))


# The scheduler.


def advance(known):
    """Start what can start, best queue first; a job of the demand queue has pre-emptable ones ended for it."""
    waiting = [job for job in known["jobs"].values() if job["state"] == "Q"]
    for job in sorted(waiting, key=lambda job: (-QUEUES[job["queue"]]["priority"], job["number"])):
        free = [node for node in NODES if not any(node in other["nodes"] for other in known["jobs"].values())]
        if job["count"] > len(NODES):
            wanted = f"(R: {job['count']} A: {len(NODES)} T: {len(NODES)})"
            job["comment"] = f"Can Never Run: Insufficient amount of resource: nodect {wanted}"
        elif job["count"] <= len(free):
            start(job, free[: job["count"]])
        else:
            job["comment"] = "Not Running: Not enough free nodes available"
            if job["queue"] == "demand":
                # Nothing of less weight may take the nodes that become free for it.
                preempt_for(known, job["count"] - len(free))
                return


def preempt_for(known, missing):
    victims = [job for job in known["jobs"].values() if job["state"] == "R" and job["queue"] == "preemptable"]
    missing -= sum(len(job["nodes"]) for job in known["jobs"].values() if job["kill"] == "preempt" and job["nodes"])
    for job in sorted(victims, key=lambda job: -job["number"]):
        if missing > 0 and not job["kill"]:
            job["kill"] = "preempt"
            missing -= len(job["nodes"])


def start(job, nodes):
    now = time.time()
    where = "+".join(f"({node}:ncpus=64)" for node in nodes)
    job |= {"state": "R", "nodes": nodes, "stime": now, "kill": "", "run_count": job["run_count"] + 1}
    job["comment"] = f"Job run at {time.strftime('%a %b %d at %H:%M', time.localtime(now))} on {where}"
    subprocess.Popen(
        [str(HOME / "bin" / "pbs-mom"), job["id"], str(job["run_count"])],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def mom(one, run):
    """Run a job's script as a session of its own until it ends or has to end."""
    with state() as known:
        job = known["jobs"].get(one)
        if job is None or str(job["run_count"]) != run:
            return
        job = dict(job)
    folder = HOME / "jobs"
    nodefile = folder / f"{one}.nodes"
    nodefile.write_text("".join(f"{node}\n" for node in job["nodes"]))
    out = Path(job["out"]).open("ab")  # noqa: SIM115  (the job writes to it)
    err = Path(job["err"]).open("ab")  # noqa: SIM115
    script = folder / f"{one}.SC"
    process = subprocess.Popen(
        [str(script)],
        cwd=job["directory"],
        env=job_environment(job, nodefile),
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        start_new_session=True,
    )
    with state() as known:
        if one in known["jobs"]:
            known["jobs"][one]["session"] = process.pid
    over = ""
    told = 0.0
    while process.poll() is None or (over and members(process.pid)):
        time.sleep(LOOK)
        if not over:
            over = reason_to_end(one, job)
            told = time.monotonic()
            if over:
                send(process.pid, signal.SIGTERM)
        elif time.monotonic() - told > KILL_DELAY:
            send(process.pid, signal.SIGKILL)
    send(process.pid, signal.SIGKILL)
    while members(process.pid):
        time.sleep(LOOK)
    nodefile.unlink()
    with state() as known:
        if one in known["jobs"]:
            end(known["jobs"][one], over, process.returncode)
        advance(known)


def reason_to_end(one, job):
    with state() as known:
        now = known["jobs"].get(one)
        if now is None:
            return "vanished"
        if not now["kill"] and time.time() - now["stime"] > seconds(job["walltime"]):
            now["kill"] = "walltime"
        return now["kill"]


def end(job, over, code):
    comment = job["comment"]
    job |= {"nodes": [], "kill": "", "session": 0, "mtime": time.time()}
    if over == "preempt" and job["rerun"]:
        job |= {"state": "Q", "exit": -11, "comment": "Not Running: Not enough free nodes available", "stime": 0.0}
        return
    job["state"] = "F"
    if over == "preempt":
        job |= {"exit": 271, "comment": f"{comment} and terminated by Scheduler@{SERVER}"}
    elif over == "walltime":
        job |= {"exit": -29, "comment": f"{comment} and exceeded resource walltime"}
    elif over:
        job |= {"exit": 271, "comment": f"{comment} and terminated by {USER}@{SERVER}"}
    else:
        job["exit"] = code if code >= 0 else 256 - code
        job["comment"] = f"{comment} and {'failed' if code else 'finished'}"


def members(session):
    """Living processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def send(session, number):
    for process in members(session):
        try:
            os.kill(process, number)
        except ProcessLookupError:
            continue


def job_environment(job, nodefile):
    """A login's environment and PBS's own variables, and nothing of the caller's."""
    return {
        "HOME": str(HOME / "home"),
        "USER": USER,
        "LOGNAME": USER,
        "LANG": "C.UTF-8",
        "PATH": f"{HOME / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "PBS_REPLAY": str(HOME),
        "PBS_JOBID": job["id"],
        "PBS_JOBNAME": job["name"],
        "PBS_QUEUE": job["queue"],
        "PBS_NODEFILE": str(nodefile),
        "PBS_O_WORKDIR": job["directory"],
        "PBS_ENVIRONMENT": "PBS_BATCH",
        "TMPDIR": "/tmp",
    }


# The commands.


def qsub(arguments):
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise RefusalError(2, "usage: qsub FILE (this replay knows directives in the file only)")
    script = Path(arguments[0]).read_text()
    job = directives(script)
    with state() as known:
        check(known, job)
        one = enter(known, job, script)
        advance(known)
        heard = not known["mute"]
        known["mute"] = max(known["mute"] - 1, 0)
    if heard:
        print(one)


def enter(known, job, script):
    """Take a job in; return its id."""
    number = known["next"]
    known["next"] += 1
    one = f"{number}.{SERVER}"
    file = HOME / "jobs" / f"{one}.SC"
    file.write_text(script)
    file.chmod(0o700)
    err, out = (job.pop(key) or f"{Path.cwd()}/" for key in "eo")
    now = time.time()
    known["jobs"][one] = job | {
        "id": one, "number": number, "state": "Q", "nodes": [], "comment": "", "exit": None, "stime": 0.0,
        "ctime": now, "mtime": now, "run_count": 0, "kill": "", "session": 0, "directory": str(Path.cwd()),
        "err": place(err, f"{one}.ER"), "out": place(out, f"{one}.OU"),
    }  # fmt: skip
    return one


def place(path, name):
    return str(Path(path) / name) if path.endswith("/") else path


def directives(script):
    job = {"name": "STDIN", "queue": DEFAULT_QUEUE, "account": "", "rerun": True, "walltime": "", "filesystems": "",
           "count": 1, "e": "", "o": ""}  # fmt: skip
    for line in script.splitlines():
        if not line.startswith("#"):
            if line.strip():
                break
            continue
        if not line.startswith("#PBS "):
            continue
        option, _, value = line[5:].strip().partition(" ")
        directive(job, option, value.strip())
    return job


PLAIN = {"-N": "name", "-A": "account", "-e": "e", "-o": "o", "-q": "queue"}


def directive(job, option, value):
    if option in PLAIN:
        job[PLAIN[option]] = value
    elif option == "-r":
        job["rerun"] = value == "y"
    elif option == "-l":
        for part in value.split(","):
            resource(job, *part.split("=", 1))
    elif option == "-k" and value != "doe":
        raise RefusalError(32, "qsub: Keep_Files must be doe.")
    elif option not in ("-k", "-j", "-V", "-m", "-M"):
        raise RefusalError(2, f"qsub: invalid option -- '{option[1:]}'")


def resource(job, name, value=""):
    match name:
        case "walltime" | "filesystems":
            job[name] = value
        case "select":
            job["count"] = sum(int(re.match(r"(\d+)", chunk).group(1)) for chunk in value.split("+"))
        case "place":
            pass
        case _:
            raise RefusalError(172, f"qsub: Unknown resource: {name}")


def check(known, job):
    """Refuse what ALCF refuses."""
    queue = QUEUES.get(job["queue"])
    if queue is None:
        raise RefusalError(170, "qsub: Unknown queue")
    if not job["account"]:
        raise RefusalError(32, "qsub: Account_Name is required to be set.")
    for name in ("walltime", "filesystems"):
        if not job[name]:
            raise RefusalError(32, f"qsub: Resource: {name} is required to be set.")
    refusal = known["refuse"].get(job["queue"])
    if refusal:
        raise RefusalError(*refusal)
    least, most = queue["nodes"]
    if not least <= job["count"] <= most or seconds(job["walltime"]) > seconds(queue["walltime"]):
        raise RefusalError(188, "qsub: Job violates queue and/or server resource limits")
    mine = [other for other in known["jobs"].values() if other["queue"] == job["queue"] and other["state"] != "F"]
    if len(mine) >= queue["max_queued"]:
        raise RefusalError(38, f"qsub: would exceed queue {job['queue']}'s per-user limit of jobs")


def qstat(arguments):
    letters = "".join(word[1:] for word in arguments if re.fullmatch(r"-[xfQ]+", word))
    rest = [word for word in arguments if not re.fullmatch(r"-[xfQ]+", word)]
    if rest[:2] != ["-F", "json"] or "f" not in letters:
        raise RefusalError(2, "usage: qstat [-x] -f -F json [ID ...] (this replay writes JSON only)")
    with state() as known:
        advance(known)
        speaks(known, *rest[2:])
        garbled = "*" in known["garbled"] or any(one in known["garbled"] for one in rest[2:])
        known["unanswered"] += garbled
    head = {"timestamp": int(time.time()), "pbs_version": "23.06.06", "pbs_server": SERVER}
    if "Q" in letters:
        said = head | {"Queue": {name: queue_entry(known, name) for name in QUEUES}}
    elif rest[2:]:
        # The defect of OpenPBS since 2023: of several ids only the first is written.
        said = head | {"Jobs": {rest[2]: job_entry(known, rest[2], finished="x" in letters)}}
    else:
        said = head | {
            "Jobs": {one: entry(job) for one, job in known["jobs"].items() if job["state"] != "F" or "x" in letters}
        }
    text = json.dumps(said, indent=4)
    print(text[: len(text) // 2] if garbled else text)


def speaks(known, *ids):
    if "*" in known["silent"] or any(one in known["silent"] for one in ids):
        known["unanswered"] += 1
        raise RefusalError(255, f"Connection timed out\nqstat: cannot connect to server {SERVER} (errno=110)")


def job_entry(known, one, finished):
    job = known["jobs"].get(one)
    if job is None:
        raise RefusalError(153, f"qstat: Unknown Job Id {one}")
    if job["state"] == "F" and not finished:
        raise RefusalError(35, f"qstat: {one} Job has finished, use -x or -H to obtain historical job information")
    return entry(job)


def entry(job):
    wanted = {"filesystems": job["filesystems"], "nodect": job["count"], "place": "scatter",
              "select": str(job["count"]), "walltime": job["walltime"]}  # fmt: skip
    said = {
        "Job_Name": job["name"], "Job_Owner": f"{USER}@{SERVER}", "job_state": job["state"], "queue": job["queue"],
        "server": SERVER, "Account_Name": job["account"], "Checkpoint": "u", "ctime": moment(job["ctime"]),
        "mtime": moment(job["mtime"]), "qtime": moment(job["ctime"]), "Keep_Files": "doe", "Priority": 0,
        "Rerunable": str(job["rerun"]), "Resource_List": wanted, "run_count": job["run_count"],
    }  # fmt: skip
    if job["comment"]:
        said["comment"] = job["comment"]
    if job["exit"] is not None:
        said["Exit_status"] = job["exit"]
    if job["stime"]:
        said["stime"] = moment(job["stime"])
    if job["nodes"]:
        said["exec_host"] = "+".join(f"{node}/0*64" for node in job["nodes"])
        said["exec_vnode"] = "+".join(f"({node}:ncpus=64)" for node in job["nodes"])
    return said


def queue_entry(known, name):
    queue = QUEUES[name]
    jobs = [job["state"] for job in known["jobs"].values() if job["queue"] == name]
    count = f"Transit:0 Queued:{jobs.count('Q')} Held:0 Waiting:0 Running:{jobs.count('R')} Exiting:0 Begun:0 "
    least, most = queue["nodes"]
    return {
        "queue_type": "Execution",
        "Priority": queue["priority"],
        "total_jobs": len([one for one in jobs if one != "F"]),
        "state_count": count,
        "max_queued": f"[u:PBS_GENERIC={queue['max_queued']}]",
        "resources_max": {"nodect": most, "walltime": queue["walltime"]},
        "resources_min": {"nodect": least, "walltime": "00:05:00"},
        "enabled": "True",
        "started": "True",
    }


def qselect(arguments):
    if len(arguments) != 2 or arguments[0] != "-N":
        raise RefusalError(2, "usage: qselect -N NAME")
    with state() as known:
        speaks(known)
        for one, job in known["jobs"].items():
            if job["name"] == arguments[1] and job["state"] != "F":
                print(one)


def qdel(arguments):
    for one in arguments:
        with state() as known:
            speaks(known, one)
            job = known["jobs"].get(one)
            if job is None:
                raise RefusalError(153, f"qdel: Unknown Job Id {one}")
            if job["state"] == "F":
                raise RefusalError(35, f"qdel: Job has finished {one}")
            if job["state"] == "Q":
                job |= {"state": "F", "exit": 271, "comment": f"Job terminated by {USER}@{SERVER}"}
                advance(known)
            else:
                job["kill"] = job["kill"] or "qdel"


def pbsdsh(arguments):
    """Run a command on one node of this job: with a bare environment, its standard input empty."""
    if arguments[:1] != ["-n"] or arguments[2:3] != ["--"]:
        raise RefusalError(2, "usage: pbsdsh -n NODE -- COMMAND")
    nodes = Path(os.environ["PBS_NODEFILE"]).read_text().split()
    rank = int(arguments[1])
    if rank >= len(nodes):
        raise RefusalError(1, f"pbsdsh: only {len(nodes)} nodes available")
    kept = ("PBS_REPLAY", "PBS_JOBID", "PBS_NODEFILE")
    bare = {name: os.environ[name] for name in kept} | {"PATH": "/usr/bin:/bin", "PBS_NODENUM": str(rank)}
    return spread([(arguments[3:], bare)])


def mpiexec(arguments):
    """Start one process on each node, as mpiexec of PALS does; one that fails ends all."""
    options = {}
    while arguments[0].startswith("-"):
        name, value, *arguments = arguments
        options[name] = value
    if options.get("--ppn") != "1" or set(options) - {"-n", "--ppn", "--cpu-bind"}:
        raise RefusalError(2, f"mpiexec: this replay has one process a node only, not {options}")
    count = int(options["-n"])
    if count > len(Path(os.environ["PBS_NODEFILE"]).read_text().split()):
        raise RefusalError(1, "mpiexec: There are not enough nodes in the allocation")
    return spread(
        [(arguments, dict(os.environ) | {"PALS_RANKID": str(rank), "PALS_LOCAL_RANKID": "0"}) for rank in range(count)]
    )


def spread(commands):
    children = [
        subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL) for command, environment in commands
    ]
    told = []
    signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    codes = [None]
    while any(code is None for code in codes):
        time.sleep(LOOK)
        codes = [child.poll() for child in children]
        if told or any(codes):
            for child in children:
                child.terminate()
            codes = [child.wait() for child in children]
    return max(abs(code) for code in codes)


def control(arguments):
    """What others do to the complex."""
    verb, *rest = arguments
    with state() as known:
        said = CONTROLS[verb](known, *rest)
    if said is not None:
        print(said)


def preempt(known, one):
    known["jobs"][one]["kill"] = "preempt"


def vanish(known, one):
    del known["jobs"][one]


def freeze(known, one="*"):
    known["silent"].append(one)


def garbage(known, one="*"):
    known["garbled"].append(one)


def thaw(known):
    known["silent"], known["garbled"] = [], []


def unanswered(known):
    return known["unanswered"]


def refuse(known, queue, code, words):
    known["refuse"][queue] = [int(code), words]


def allow(known):
    known["refuse"] = {}


def mute(known, count):
    known["mute"] = int(count)


def occupy(known, queue, nodes):
    """Another user's job, that only sleeps."""
    job = directives("") | {"name": "other", "queue": queue, "account": "other", "rerun": False,
                            "walltime": "01:00:00", "filesystems": "home", "count": int(nodes),
                            "e": "/dev/null", "o": "/dev/null"}  # fmt: skip
    one = enter(known, job, "#!/bin/sh\nexec sleep 600\n")
    advance(known)
    return one


def jobs(known):
    advance(known)
    return json.dumps(list(known["jobs"].values()))


def end_all(known):
    for job in known["jobs"].values():
        job.update({"kill": "qdel"} if job["state"] == "R" else {"state": "F"})


CONTROLS = {"preempt": preempt, "vanish": vanish, "freeze": freeze, "garbage": garbage, "thaw": thaw, "mute": mute,
            "unanswered": unanswered, "refuse": refuse, "allow": allow, "occupy": occupy, "jobs": jobs,
            "end": end_all}  # fmt: skip


def main():
    name, arguments = Path(sys.argv[0]).name, sys.argv[1:]
    commands = {"qsub": qsub, "qstat": qstat, "qselect": qselect, "qdel": qdel, "pbsdsh": pbsdsh, "mpiexec": mpiexec,
                "pbs-control": control}  # fmt: skip
    if name == "pbs-mom":
        return mom(*arguments)
    try:
        return commands[name](arguments)
    except RefusalError as refusal:
        sys.stderr.write(f"{refusal}\n")
        return refusal.code


if __name__ == "__main__":
    sys.exit(main())
