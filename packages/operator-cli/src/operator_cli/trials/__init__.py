"""Seeded runs of the whole system against the embedded cluster, and what was made of them.

The monitor, the diagnoser and the chaos are the real ones with their default settings. The demo is one such run, told
as it happens; the figures are many of them, in virtual time.
"""
