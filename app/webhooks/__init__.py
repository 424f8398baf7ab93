"""
What agencies are owed, pushed to their endpoints and kept for their polls.
"""
