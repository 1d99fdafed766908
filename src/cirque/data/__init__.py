"""Bytes in: downloads, archives, images, shards."""
