"""
What the laboratory does and says.
"""
