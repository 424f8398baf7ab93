"""
Where the system's Chromium is, and how it is started.
"""

import os
import shutil
from collections.abc import Mapping

MISSING = "no browser: install Chromium (on Debian: apt install chromium) to run the tests in one"

FLAGS = (
    "--headless",
    "--disable-lcd-text",  # gray edges only: pictures are smaller, and the same everywhere
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # Chromium's sandbox refuses to start as root; what it shows here is our own.
    *(("--no-sandbox",) if os.geteuid() == 0 else ()),
)

PHONE: Mapping[str, object] = {"viewport": {"width": 390, "height": 844}, "locale": "en-GB"}
DESK: Mapping[str, object] = {"viewport": {"width": 1280, "height": 860}}


def found() -> str | None:
    """
    Return the browser's path, or None.
    """
    return next(
        (
            path
            for name in ("chromium", "chromium-browser", "google-chrome")
            if (path := shutil.which(name))
        ),
        None,
    )
