"""
The desk: an investigator's files, and one sample with what happened to it and what is next.
"""
