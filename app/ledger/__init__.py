"""
The append-only record of everything that changes, chained by hashes.
"""
