"""Sites and their batch systems: what is asked of PBS, Slurm or this machine, and what they answer.

Three rooms make a cluster. Here a *site* is a set of values, and a ``BatchSystem`` submits, cancels and asks. In
:mod:`steering.pools` the owner keeps pools of jobs. In :mod:`steering.cluster` are the Dask scheduler and its workers.

How a wish walks: a session or ``steering compute`` leaves a :class:`steering.core.pool.PoolRequest` in the
scheduler's mailbox (no port of its own) -> the owner takes it, ``urgency`` chooses queue, nodes and walltime -> the
pool's ``ledger`` (pure) says which jobs to submit, cancel or leave alone -> a ``BatchSystem`` does so with a script
that Dask-jobqueue's job classes render -> on the nodes, ``launcher`` starts one worker a GPU tile.

How the truth walks back: the batch system is asked for each job, the scheduler for the workers that are connected; both
go into the ledger, and what it says goes to the mailbox, from where every session and command reads it.
"""
