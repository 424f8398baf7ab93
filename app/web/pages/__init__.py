"""
One package per page: ``api`` has the handlers, ``view`` the frozen view models.
"""
