"""A run whose linear heads are fitted anew on its features (`mien.training.refitting`).

The head of action units always; with names of corpora what expressions read of the fine network
too, from the expressions of these corpora alone.

usage: python recipes/fit_heads.py CONFIG DATA CACHE RUN OUT [CORPUS ...]
"""

import sys
from pathlib import Path

from mien.training.config import load_config
from mien.training.corpora import load_corpora
from mien.training.mma import MMATrainConfig
from mien.training.refitting import refit_heads


def main() -> None:
    if len(sys.argv) < 6:
        sys.exit((__doc__ or "").strip())
    config = load_config(MMATrainConfig, Path(sys.argv[1]), [])
    data, cache, run, out = map(Path, sys.argv[2:6])
    corpora = load_corpora(config, data, cache)
    found = refit_heads(run, out, config, corpora, expressions_of=sys.argv[6:])
    print(f"{out}: heads fitted anew, {found.fingerprint}")


if __name__ == "__main__":
    main()
