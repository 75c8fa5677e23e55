"""A run folder that holds the mean weights of several runs of stage 1.

usage: python recipes/mean_of_runs.py OUT RUN RUN...
"""

import sys
from pathlib import Path

from mien.training.runs import mean_of_runs


def main() -> None:
    if len(sys.argv) < 4:
        sys.exit((__doc__ or "").strip())
    out, *runs = map(Path, sys.argv[1:])
    print(f"{out}: the mean of {len(runs)} runs, {mean_of_runs(runs, out).fingerprint}")


if __name__ == "__main__":
    main()
