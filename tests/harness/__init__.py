"""What tests, demo and benchmarks share: servers of their own, started and stopped cleanly."""
