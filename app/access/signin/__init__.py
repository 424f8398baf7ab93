"""
How staff sign in to the pages: accounts, passwords, second factors, sessions. Programs have API keys.
"""
