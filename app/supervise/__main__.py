"""
What each child runs first: it goes when its parent does, then becomes the module it is told to be.
"""

import os
import runpy
import signal
import sys
import threading
import time
from typing import Final

_GRACE_S: Final = 30.0
"""
How long a child without a parent may take to finish what it has begun.
"""


def _leave_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    # Nobody holds the other end any more, hence there is no parent.
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_leave_with_parent, name="parent", daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
