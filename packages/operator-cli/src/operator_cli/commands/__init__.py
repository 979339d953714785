"""The commands: each parses, awaits one use case, renders, and sets the exit code."""
