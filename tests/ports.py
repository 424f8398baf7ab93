"""
A port that is free at this moment.
"""

import socket


def free_port() -> int:
    """
    Return one, on the loopback address.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
