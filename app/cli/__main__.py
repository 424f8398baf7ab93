"""
``python -m app.cli``: the same as the command ``assayline``.
"""

from app.cli import main

main()
