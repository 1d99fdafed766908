"""Stage files: what they hold, how they are written whole, and where each came from."""
