"""Stands for the process of a function on an endpoint: it is a fork that has loaded everything, and ends with this."""

import json
import os
import socket
import sys

PROGRAM = "steering.globus_double.worker"


def main():
    """Have the program run in a fork that has our streams and environment; return its exit code."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asks:
        # As tests.forks names it: nothing of ours is loaded here.
        asks.connect(os.environ["STEERING_TEST_FORKS"])
        order = {"program": PROGRAM, "arguments": [], "environment": dict(os.environ)}
        socket.send_fds(asks, [json.dumps(order).encode()], [0, 1, 2])
        asks.recv(64)
        return int(asks.recv(64))


if __name__ == "__main__":
    sys.exit(main())
