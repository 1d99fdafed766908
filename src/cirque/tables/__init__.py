"""The papers' tables and the database over everything."""
