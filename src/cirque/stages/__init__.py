"""The stages of the workflow, one module each: files in, files out; the science is elsewhere in the package."""
