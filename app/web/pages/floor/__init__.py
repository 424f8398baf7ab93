"""
The floor: the bench as a whole, for whoever oversees it.
"""
