"""Turns a batch system's words, or the end of a job's log, into a cause and a cure."""

import re
from dataclasses import dataclass

from steering.compute.site import Site


@dataclass(frozen=True)
class _Sign:
    """A pattern and what it means; ``{name}`` is the facility, ``{0}`` what the pattern caught."""

    pattern: re.Pattern[str]
    meaning: str


def _sign(pattern: str, meaning: str) -> _Sign:
    return _Sign(re.compile(pattern, re.IGNORECASE), meaning)


_SIGNS = (
    _sign(
        r"No module named '?([\w.]+)'?",
        "The worker environment has no package {0!r}. Build it: steering compute prepare {name}.",
    ),
    _sign(
        r"No package metadata was found for (\w+)",
        "The worker environment has no package {0!r}. Build it: steering compute prepare {name}.",
    ),
    _sign(
        r"(?:line \d+: )?(\S+python\S*): (?:No such file or directory|command not found)",
        "The nodes have no Python at {0}. Set environment of {name} in steering.yaml and run: "
        "steering compute prepare {name}.",
    ),
    _sign(r"(This node .* has no network interface .*)", "{0}"),
    _sign(r"(No scheduler answered on .*)", "{0}"),
    _sign(r"(This node has no cores .*)", "{0}"),
    _sign(
        r"Lmod has detected.*?unknown: \"?([\w./-]+)",
        "The nodes have no module {0}. Correct prologue of {name} in steering.yaml.",
    ),
    _sign(
        r"account.*(?:not known|not allowed|invalid|required)|invalid account|AccountNotAllowed|Account_Name",
        "The account {account!r} may not be used here. Name yours: account of {name} in steering.yaml, or --account.",
    ),
    _sign(
        r"filesystems is required",
        "ALCF needs the filesystems of a job. Add '-l filesystems=...' to directives of {name} in steering.yaml.",
    ),
    _sign(
        r"invalid partition|Unknown queue|unknown partition",
        "The batch system has no such queue. Describe the right ones: queues of {name} in steering.yaml.",
    ),
    _sign(
        r"Unauthorized Request|not authorized|access.*denied|denied access",
        "This account may not use that queue. Ask the facility for access to it, or choose another urgency.",
    ),
    _sign(
        r"Insufficient amount of (?:\w+ )?resource:? *(\w*(?:filesystem|_fs|eagle|flare|grand|home)\w*)",
        "The facility lacks a filesystem that is asked for ({0}): it may be down. Look at its status page, or take it "
        "out of directives of {name} in steering.yaml if nothing there is needed.",
    ),
    _sign(
        r"Node count specification invalid|More processors requested than permitted|"
        r"node configuration is not available|PartitionNodeLimit|PartitionConfig|ReqNodeNotAvail|Can Never Run|"
        r"violates queue and/or server resource limits",
        "More is asked for than the queue or a node has. Ask for fewer nodes (--nodes), or correct queues, "
        "threads_per_worker or memory_per_node of {name} in steering.yaml.",
    ),
    _sign(
        r"invalid feature|constraint",
        "No node has what directives of {name} in steering.yaml ask for. Correct them.",
    ),
    _sign(
        r"time limit|PartitionTimeLimit|walltime",
        "The walltime is longer than the queue allows. Set walltime of {name} in steering.yaml, or --walltime.",
    ),
    _sign(
        r"would exceed|exceed.*limit|QOSMaxSubmitJob|AssocMaxSubmitJob|job limit",
        "The queue lets this user have no more jobs. Wait for one to end, or ask for fewer, larger jobs.",
    ),
)


def diagnose(words: str, site: Site) -> str:
    """Say in a sentence what is wrong and what to do; with the words themselves, shortened.

    Args:
        words: What the batch system said, or the end of a job's log.
        site: Where.
    """
    text = " ".join(words.split())
    shown = text if len(text) < 240 else f"... {text[-230:]}"
    for sign in _SIGNS:
        found = sign.pattern.search(words)
        if found is not None:
            caught = [" ".join(group.split()) if group else "" for group in found.groups()] or [""]
            meaning = sign.meaning.format(*caught, name=site.name, account=site.account)
            return meaning if shown in meaning or meaning in shown else f"{meaning} ({shown})"
    return shown or "The batch system gave no reason."
