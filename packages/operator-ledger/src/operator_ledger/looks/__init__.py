"""How observations stand in the record: what stays the same once, what changes in columns, lossless to the bit."""
