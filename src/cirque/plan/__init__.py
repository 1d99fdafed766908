"""From a configuration to jobs, paths and inputs; imports no torch."""
