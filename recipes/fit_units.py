"""A run whose head of action units is fitted anew on its features (`mien.training.units_head`).

usage: python recipes/fit_units.py CONFIG DATA CACHE RUN OUT
"""

import sys
from pathlib import Path

from mien.training.config import load_config
from mien.training.corpora import load_corpora
from mien.training.mma import MMATrainConfig
from mien.training.units_head import refit_units


def main() -> None:
    if len(sys.argv) != 6:
        sys.exit((__doc__ or "").strip())
    config = load_config(MMATrainConfig, Path(sys.argv[1]), [])
    data, cache, run, out = map(Path, sys.argv[2:])
    found = refit_units(run, out, config, load_corpora(config, data, cache))
    print(f"{out}: units fitted anew, {found.fingerprint}")


if __name__ == "__main__":
    main()
