"""
Statements on this domain's tables, by verb.
"""
