"""PD: its HTTP API as a client sees it."""
