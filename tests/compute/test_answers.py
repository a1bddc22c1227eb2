"""What batch systems print, in the ways in which they really do."""

import math
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.compute.answers import expand_hosts, json_object, plain_entries
from steering.compute.batch import NoAnswerError
from steering.compute.pbs import Pbs
from steering.compute.slurm import Slurm

GREETING = "*** Welcome to a large machine ***\n 2 reservations for you\nMaintenance on 30 Nov, 7 to 19 h\n\n"


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """Put commands in front that print what a test says."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "jobs").mkdir()

    rules = {}

    def make(name, out="", err="", code=0, when=""):
        """Have a command print this; only if its arguments hold a word, if one is given."""
        for kind, text in (("out", out), ("err", err)):
            (tmp_path / f"{name}{when}.{kind}").write_text(text)
        rules.setdefault(name, {})[when] = code
        lines = ["#!/bin/sh"]
        for word, ends in sorted(rules[name].items(), reverse=True):
            said = tmp_path / f"{name}{word}"
            pattern = f'*" {word} "*' if word else "*"
            lines.append(f'case " $* " in {pattern}) cat {said}.out; cat {said}.err >&2; exit {ends};; esac')
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        (tmp_path / name).chmod(0o700)

    make.directory = tmp_path
    return make


@pytest.mark.parametrize("printed", ["123.pbs01\n", f"{GREETING}123.pbs01\n", "123.pbs01\nqsub: job is routed\n"])
async def test_the_id_of_a_pbs_job_is_found(commands, printed):
    commands("qsub", printed)
    assert await Pbs().submit("#!/bin/sh\n", "a", commands.directory) == "123.pbs01"


@pytest.mark.parametrize(
    "printed",
    ["77\n", f"{GREETING}77\n", "77;cluster2\n", "Submitted batch job 77\n", f"{GREETING}Submitted batch job 77"],
)
async def test_the_id_of_a_slurm_job_is_found(commands, printed):
    commands("sbatch", printed)
    assert await Slurm().submit("#!/bin/sh\n", "a", commands.directory) == "77"


@pytest.mark.parametrize("system", [Pbs, Slurm])
async def test_without_an_id_nothing_is_known(commands, system):
    commands("qsub", GREETING)
    commands("sbatch", GREETING)
    with pytest.raises(NoAnswerError, match="no job id"):
        await system().submit("#!/bin/sh\n", "a", commands.directory)


async def test_a_refusal_is_told_without_the_greeting(commands):
    commands("sbatch", "", f"{GREETING}sbatch: error: Batch job submission failed: Invalid account\n", 1)
    with pytest.raises(Exception, match=r"^Invalid account$"):
        await Slurm().submit("#!/bin/sh\n", "a", commands.directory)


JOB = '{"Jobs":{"5.s":{"job_state":"R","exec_host":"n1/0*8+n2/0*8","Variable_List":{%s},"Resource_List":{%s}}}}'
WALLTIME = '"walltime":"00:10:00"'


@pytest.mark.parametrize(
    "text",
    [
        JOB % ("", WALLTIME),
        GREETING + JOB % ("", WALLTIME) + "\ngoodbye {\n",
        JOB % ('"X":007,"Y":-01.5,"Z":08', WALLTIME),
        JOB % (r'"X":"a\,b\'c\x"', WALLTIME),
        JOB % ('"X":"tab\there\nand a line"', WALLTIME),
        JOB % ('"X":"say "hello" to {all}"', WALLTIME),
        JOB % ('"X":"a","X":"b"', '"walltime":"00:10:00","walltime":"00:10:00"'),
        JOB % ("", f'{WALLTIME}}},"Resource_List":{{"nodect":2'),
        JOB % ('"X":1e999,"Y":NaN', WALLTIME),
    ],
    ids=["whole", "greeted", "bare", "escapes", "tabs", "quotes", "twice", "group twice", "numbers"],
)
async def test_a_job_of_pbs_is_seen_whatever_its_json_looks_like(commands, text):
    commands("qstat", text)
    seen = (await Pbs().look(["5.s"]))["5.s"]
    assert (seen.phase, seen.nodes, seen.walltime) == ("running", ("n1", "n2"), 600.0)


PLAIN = """Job Id: 5.s
    Job_Name = steering-x
    job_state = R
    exec_host = n1/0*8+
\tn2/0*8
    Resource_List.nodect = 2
    Resource_List.walltime = 00:10:00
    stime = Sun Nov 22 22:22:59 2026
    Variable_List = PBS_O_HOME=/home/a,PBS_O_LANG=C,
\tjob_state = X,FOO=say "hi"
    comment = Job run at Sun Nov 22 at 22:22
"""


async def test_broken_json_is_asked_for_plainly(commands):
    commands("qstat", PLAIN)
    commands("qstat", '{"Jobs": broken', when="json")
    seen = (await Pbs().look(["5.s"]))["5.s"]
    assert (seen.phase, seen.nodes, seen.walltime) == ("running", ("n1", "n2"), 600.0)
    assert math.isfinite(seen.started)


@pytest.mark.parametrize(
    "words",
    ["qstat: PBS is not configured to maintain job history 5.s", "qstat: Server has job history disabled\n"],
)
async def test_a_server_without_history_is_asked_without(commands, words):
    commands("qstat", JOB % ("", WALLTIME))
    commands("qstat", "", words, 1, when="-x")
    pbs = Pbs()
    assert (await pbs.look(["5.s"]))["5.s"].phase == "running"
    commands("qstat", "", "qstat: Unknown Job Id 5.s", 153)
    assert (await pbs.look(["5.s"]))["5.s"].phase == "gone"


@pytest.mark.parametrize("text", ["", "{}", GREETING, '{"Jobs":', "[1, 2]", "\0" * 100, "{" * 5000])
async def test_what_says_nothing_of_a_job_is_no_answer(commands, text):
    commands("qstat", text)
    with pytest.raises(NoAnswerError):
        await Pbs().look(["5.s"])


async def test_slurm_without_json_is_asked_plainly(commands):
    commands("squeue", f"{GREETING}77|steering-a|RUNNING|None|n[1-2]x[01-02]|2026-11-22T22:22:59|1:00:00\n")
    commands("squeue", "", "squeue: error: Unable to find plugin: serializer/json", 1, when="--json")
    seen = (await Slurm().look(["77"]))["77"]
    assert (seen.phase, seen.nodes, seen.walltime) == ("running", ("n1x01", "n1x02", "n2x01", "n2x02"), 3600.0)
    assert math.isfinite(seen.started)
    assert await Slurm().find("steering-a") == ["77"]


async def test_greetings_around_json_of_slurm(commands):
    entry = '{"job_id": 77, "name": "a", "job_state": ["PENDING"], "state_reason": "Priority", "nodes": ""}'
    commands("squeue", f'{GREETING}{{"meta": {{}}, "jobs": [{entry}]}}\nsee you\n')
    assert (await Slurm().look(["77"]))["77"].phase == "queued"


@pytest.mark.parametrize(
    ("written", "hosts"),
    [
        ("r[1-2]n[01-02],login", ["r1n01", "r1n02", "r2n01", "r2n02", "login"]),
        ("x[1-5:2]y", ["x1y", "x3y", "x5y"]),
        ("rack[1,3]-n[9-10]s0", ["rack1-n9s0", "rack1-n10s0", "rack3-n9s0", "rack3-n10s0"]),
        ("odd[a-b],n1", ["odd[a-b]", "n1"]),
    ],
)
def test_lists_of_hosts(written, hosts):
    assert expand_hosts(written) == hosts


@given(st.text(max_size=60))
def test_whatever_is_written_for_hosts_is_read_in_bounds(text):
    assert len(expand_hosts(text)) <= 100_000


def test_a_list_that_promises_too_many_hosts_stays_as_it_is():
    assert expand_hosts("n[1-99999999999]") == ["n[1-99999999999]"]
    assert len(expand_hosts("a[1-9999]b[1-9999]c[1-9999]")) == 100_000


@given(st.text(max_size=200))
def test_no_text_breaks_the_readers(text):
    plain_entries(text)
    try:
        json_object(text, "Jobs")
    except NoAnswerError:
        return
