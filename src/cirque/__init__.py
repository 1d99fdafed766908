"""cirque: every table of the composed-image-retrieval papers from one target."""

__version__ = "0.1.0"
