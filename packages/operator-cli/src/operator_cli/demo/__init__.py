"""The demo: one incident from a healthy cluster to a resolved ticket, in one process, with nothing installed."""
