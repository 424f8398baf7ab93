"""
Files that belong to a sample or to a run: kept as they came, with their hash, which is checked at every read.
"""
