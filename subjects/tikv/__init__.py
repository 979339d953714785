"""Data of the TiKV subject: its compose file and what that mounts. Read it with importlib.resources."""
