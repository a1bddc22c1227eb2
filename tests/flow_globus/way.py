"""The way to the double over the network, which may be gone for a while."""

import select
import socket
import threading
from contextlib import suppress


class Way:
    """Carries bytes from a port of its own to another one; while it is cut, nobody is answered."""

    def __init__(self, port):
        self._there = port
        self._served = socket.create_server(("127.0.0.1", 0))
        self.port = self._served.getsockname()[1]
        self._cut, self._ended = threading.Event(), threading.Event()
        self._open, self._lock = set(), threading.Lock()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def cut(self):
        """Let the network be gone, in the middle of whatever is said."""
        self._cut.set()
        with self._lock:
            for one in self._open:
                # It may be gone already.
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def mend(self):
        """Let the network be back."""
        self._cut.clear()

    def close(self):
        self._ended.set()
        self.cut()
        self._served.shutdown(socket.SHUT_RDWR)
        self._thread.join(20)
        self._served.close()

    def _serve(self):
        carrying = []
        while not self._ended.is_set():
            try:
                here, _ = self._served.accept()
            except OSError:
                break
            if self._cut.is_set():
                here.close()
                continue
            carrying.append(threading.Thread(target=self._carry, args=(here,)))
            carrying[-1].start()
        for one in carrying:
            one.join(20)

    def _carry(self, here):
        with here, socket.create_connection(("127.0.0.1", self._there)) as there:
            with self._lock:
                self._open |= {here, there}
            try:
                while not self._cut.is_set():
                    for one in select.select([here, there], [], [], 20)[0]:
                        if not (said := one.recv(1 << 16)):
                            return
                        (there if one is here else here).sendall(said)
            except OSError:
                return
            finally:
                with self._lock:
                    self._open -= {here, there}
