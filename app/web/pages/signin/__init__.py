"""
Signing in and out, the account, preferences.
"""
