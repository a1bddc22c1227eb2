"""Documents of a made-up run, as a step scan with a stream-writing detector emits them."""

import itertools

EXPOSURE, STEP = 0.1, 0.005


def documents_of_a_run(points, path="/nowhere/frames.h5", uid="run-1"):
    """Make the documents: one stream_datum before each event, as Bluesky orders them."""
    keys = {
        "det": {"source": "ca", "dtype": "array", "shape": [1, 8, 8], "external": "STREAM:", "dtype_numpy": "<i4"},
        "th": {"source": "ca", "dtype": "number", "shape": [], "units": "deg"},
        "exposure": {"source": "ca", "dtype": "number", "shape": [], "units": "s"},
    }
    documents = [
        ("start", {"uid": uid, "time": 0.0, "plan_name": "rocking", "analysis": "rocking_curve"}),
        (
            "descriptor",
            {
                "uid": f"{uid}-d",
                "name": "primary",
                "run_start": uid,
                "data_keys": keys,
                "time": 0.0,
                "configuration": {},
                "object_keys": {},
                "hints": {},
            },
        ),
        (
            "stream_resource",
            {
                "uid": f"{uid}-r",
                "data_key": "det",
                "mimetype": "application/x-hdf5",
                "uri": f"file://localhost{path}",
                "parameters": {"dataset": "/entry/data/data", "chunk_shape": [1, 8, 8]},
                "run_start": uid,
            },
        ),
    ]
    for index, number in zip(range(points), itertools.count(1), strict=False):
        documents += [
            (
                "stream_datum",
                {
                    "uid": f"{uid}-r/{index}",
                    "stream_resource": f"{uid}-r",
                    "descriptor": f"{uid}-d",
                    "indices": {"start": index, "stop": index + 1},
                    "seq_nums": {"start": number, "stop": number + 1},
                },
            ),
            (
                "event",
                {
                    "uid": f"{uid}-e{number}",
                    "descriptor": f"{uid}-d",
                    "seq_num": number,
                    "time": float(number),
                    "data": {"th": STEP * index, "exposure": EXPOSURE},
                    "timestamps": {},
                },
            ),
        ]
    return [
        *documents,
        ("stop", {"uid": f"{uid}-s", "run_start": uid, "exit_status": "success", "time": 99.0, "num_events": {}}),
    ]
