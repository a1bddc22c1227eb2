"""The compute owner: a Dask scheduler, pools of batch jobs for it, and their watcher.

How a wish walks: a session or ``steering compute`` leaves a :class:`steering.core.pool.PoolRequest` in the
scheduler's mailbox (no port of its own) -> the owner takes it, ``urgency`` chooses queue, nodes and walltime -> the
pool's ``ledger`` (pure) says which jobs to submit, cancel or leave alone -> a ``BatchSystem`` (PBS, Slurm, or
processes of this machine) does so with a script that Dask-jobqueue's job classes render -> on the nodes, ``launcher``
starts one worker a GPU tile.

How the truth walks back: the batch system is asked for each job, the scheduler for the workers that are connected; both
go into the ledger, and what it says goes to the mailbox, from where every session and command reads it.

``site`` is a facility as values; ``facilities`` are the files that name one.
"""
