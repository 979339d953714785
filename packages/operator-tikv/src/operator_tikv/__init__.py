"""TiKV as a subject: PD, metrics, signals, invariants, failure modes, options."""
