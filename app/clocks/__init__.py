"""
Clocks: what was promised by when, in working or calendar time, and what is late though unfinished.
"""
