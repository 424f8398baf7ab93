"""
The bench: the next samples, one's claims, the work on one sample from its receipt to its review.
"""
