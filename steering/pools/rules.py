"""The rules that say how patient a pool's ledger is."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """How patient a ledger is.

    Attributes:
        tries: Number of jobs in a row whose workers never came before the pool stops. Also the number of refusals in a
            row before the pool reports trouble and tries only slowly.
        delay: Seconds before the second try; doubled with each further try, up to ``longest_delay``.
        longest_delay: Longest delay in seconds.
        handover: Seconds before the end of a job's walltime at which its successor is submitted.
        jobs_most: Most jobs that the queue allows this user; 0 for no limit.
        hours: Node-hours after which nothing more is submitted.
        short_lives: Number of jobs in a row that end by themselves within a minute before the pool stops.
        refused_delay: Seconds between slow tries after refusals; doubled with each try, up to ``refused_longest``.
        refused_longest: Longest delay in seconds between slow tries.
        patience: Seconds of refusals in a row after which the pool stops; infinite to try until the request is
            withdrawn.
        certain: Seconds after an unanswered submission before the ledger believes that it never arrived.
        workers: Workers of one complete job; 0 if not known.
        half: Seconds for which a job may lack some of its workers before it is replaced.
    """

    tries: int = 3
    delay: float = 1.0
    longest_delay: float = 60.0
    handover: float = 120.0
    jobs_most: int = 0
    hours: float = math.inf
    short_lives: int = 6
    refused_delay: float = 5.0
    refused_longest: float = 300.0
    patience: float = math.inf
    certain: float = 40.0
    workers: int = 0
    half: float = 180.0
