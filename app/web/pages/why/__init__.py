"""
Why a sample stands where it stands: its assessment in words and in bars, what would change it, and what it was before.
"""
