"""A PVA server of one NTNDArray: ``python -m steering.testing.benches.pva_server CHANNEL [PORT]``."""

import base64
import sys
import time
from typing import Any

import numpy as np
from p4p.nt import NTNDArray
from p4p.server import Server, StaticProvider
from p4p.server.thread import SharedPV

from steering.testing.benches.child import serve

_LOOPBACK = {
    "EPICS_PVAS_INTF_ADDR_LIST": "127.0.0.1",
    "EPICS_PVAS_BEACON_ADDR_LIST": "127.0.0.1",
    "EPICS_PVAS_AUTO_BEACON_ADDR_LIST": "NO",
    "EPICS_PVAS_BROADCAST_PORT": "0",
}
# areaDetector's numbers of pixel types (EPICS' scalar types).
_SCALAR_TYPES = {"i1": 1, "i2": 2, "i4": 3, "i8": 4, "u1": 5, "u2": 6, "u4": 7, "u8": 8, "f4": 9, "f8": 10}


def main() -> None:
    """Serve until standard input ends."""
    kind = NTNDArray()
    # As areaDetector's plugin before its first frame: no dimensions.
    channel = SharedPV(initial=kind.type())
    provider = StaticProvider("kit")
    provider.add(sys.argv[1], channel)
    conf = _LOOPBACK | {"EPICS_PVAS_SERVER_PORT": sys.argv[2] if len(sys.argv) > 2 else "0"}
    server = Server(providers=[provider], conf=conf, useenv=False)
    port = server.conf()["EPICS_PVAS_SERVER_PORT"]
    client = {
        "EPICS_PVA_NAME_SERVERS": f"127.0.0.1:{port}",
        "EPICS_PVA_AUTO_ADDR_LIST": "NO",
        "EPICS_PVA_ADDR_LIST": "",
    }

    def do(request: dict[str, Any]) -> dict[str, float]:
        for frame in request.get("post", ()):
            channel.post(structure(kind, frame))
        return _stream(kind, channel, **request["stream"]) if "stream" in request else {}

    serve(client, do)
    server.stop()


def _stream(kind: NTNDArray, channel: SharedPV, count: int, rate: float, shape: list[int]) -> dict[str, float]:
    """Post frames at a rate (1/s), each pixel the index modulo 16; say how many seconds it took."""
    pixels = [np.full(shape, value, np.uint16) for value in range(16)]
    began = time.perf_counter()
    for index in range(count):
        made = kind.wrap(pixels[index % 16], timestamp=time.time())
        made["uniqueId"] = index + 1
        channel.post(made)
        time.sleep(max(0.0, began + (index + 1) / rate - time.perf_counter()))
    return {"seconds": time.perf_counter() - began}


def structure(kind: NTNDArray, frame: dict[str, Any]) -> Any:
    """Make the structure of a frame, right or wrong as it is asked for."""
    dtype = np.dtype(frame["dtype"])
    if "content" in frame:
        pixels = np.frombuffer(base64.b64decode(frame["content"]), dtype)
    else:
        pixels = np.full(frame["shape"], frame["value"], dtype).reshape(-1)
    made = kind.wrap(pixels.reshape(1, -1), timestamp=frame["time"])
    dimensions: list[int] = frame["dimensions"] if "dimensions" in frame else frame["shape"]
    made["dimension"] = [
        {"size": size, "offset": 0, "fullSize": size, "binning": 1, "reverse": False} for size in reversed(dimensions)
    ]
    made["uniqueId"] = frame["number"]
    made["codec.name"] = frame.get("codec", "")
    if frame.get("codec"):
        made["codec.parameters"] = _SCALAR_TYPES[np.dtype(frame.get("original", "<u2")).str[1:]]
    made["attribute"] = [{"name": name, "value": number} for name, number in frame.get("attributes", {}).items()]
    return made


if __name__ == "__main__":
    main()
