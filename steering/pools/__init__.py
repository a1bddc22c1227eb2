"""The compute owner: pools of jobs, the ledger of what is owed, and who watches them."""
