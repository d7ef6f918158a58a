"""What the notebooks import, and the launcher: ``python -m helpers``."""
