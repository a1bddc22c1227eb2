"""Runs one function in a process of its own: JSON comes in on standard input, and goes out on standard output.

It is run by its path, so it imports nothing of ours. What the function prints goes to standard error.
"""

import json
import os
import sys
import threading
import traceback


def hold(lifeline: int) -> None:
    """End with whoever holds the other end of a pipe: for it this runs, and nobody else waits for an answer."""
    os.read(lifeline, 1)
    os._exit(1)


def main(lifeline: int | None = None) -> None:
    """Run what is asked for.

    Args:
        lifeline: End of a pipe to hold on to; none where something else ends this process.
    """
    if lifeline is not None:
        threading.Thread(target=hold, args=[lifeline], daemon=True).start()
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    asked = json.load(sys.stdin)
    try:
        names: dict[str, object] = {}
        exec(asked["source"], names)  # noqa: S102  (a function that was registered, as Globus Compute runs it)
        value = names[asked["name"]](*asked["arguments"], **asked["keywords"])  # type: ignore[operator]
        said = {"result": json.dumps(value, allow_nan=False)}
    except BaseException:  # noqa: BLE001  (it is what the task answers)
        said = {"exception": traceback.format_exc()}
    json.dump(said, answer)
    answer.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
