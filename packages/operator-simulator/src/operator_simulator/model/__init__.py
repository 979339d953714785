"""The cluster itself: pure, seeded, without I/O; time comes in as a number of seconds."""
