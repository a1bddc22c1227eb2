"""Runs one function in a process of its own: JSON comes in on standard input, and goes out on standard output.

It is run by its path, so it imports nothing of ours. What the function prints goes to standard error.
"""

import json
import os
import sys
import traceback


def main() -> None:
    """Run what is asked for."""
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
    main()
