"""
Every statement on endpoints, events, deliveries, attempts and acknowledgements.
"""
