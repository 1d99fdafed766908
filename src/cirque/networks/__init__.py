"""Networks that map image features to pseudo tokens."""
