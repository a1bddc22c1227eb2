"""Stands for the process of a function on an endpoint: it is a fork that has loaded everything, and ends with this."""

import json
import os
import socket
import sys
import threading

PROGRAM = "steering.globus_double.worker"


def hold(lifeline):
    """End with whoever holds the other end of a pipe, and the fork with this."""
    os.read(lifeline, 1)
    os._exit(1)


def main():
    """Have the program run in a fork that has our streams and environment; return its exit code."""
    threading.Thread(target=hold, args=[int(sys.argv[1])], daemon=True).start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asks:
        # As tests.forks names it: nothing of ours is loaded here.
        asks.connect(os.environ["STEERING_TEST_FORKS"])
        order = {"program": PROGRAM, "arguments": [], "environment": dict(os.environ)}
        socket.send_fds(asks, [json.dumps(order).encode()], [0, 1, 2])
        asks.recv(64)
        return int(asks.recv(64))


if __name__ == "__main__":
    sys.exit(main())
