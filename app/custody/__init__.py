"""
Who holds each sample.
"""
