"""Proving that a ledger is as it was written: chains recomputed, views replayed, nothing gone but what was pruned."""
