"""Prompts, captions, keywords, concepts and phrases."""
