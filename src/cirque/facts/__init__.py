"""What tables state without any ranking, found by name."""
