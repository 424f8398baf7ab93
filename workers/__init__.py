"""
The processes that work in the background: they push what is owed and sweep what was left.
"""
