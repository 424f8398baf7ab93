"""
Submissions and samples: what agencies send, where it stands, and the queue at the bench.
"""
