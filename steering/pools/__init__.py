"""The compute owner: pools of jobs, the ledger of each pool, and the process that watches them."""
