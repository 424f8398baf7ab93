"""
Submitting by telephone: for a service without software or staff of its own.
"""
