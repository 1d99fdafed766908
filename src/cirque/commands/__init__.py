"""What people call: `python -m cirque COMMAND`."""
