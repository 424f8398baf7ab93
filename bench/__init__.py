"""
What is measured, beside what limits it: `python -m bench`, or `make bench`.
"""
