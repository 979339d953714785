"""What the cluster shows to the outside: PD's HTTP API, the status port of TiKV, metrics."""
