"""The durable record: tickets, judgements, readings, diagnoses, notes; and the fault journal."""
