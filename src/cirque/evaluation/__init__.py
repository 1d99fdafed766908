"""Rankings, metrics, intervals and tests."""
