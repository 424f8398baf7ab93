"""
The replay of real border seizures through a running service, with a simulated bench that says it is one.
"""
