"""A run whose expressions also read its fine network (`mien.training.expressions_head`).

usage: python recipes/fit_expressions.py CONFIG DATA CACHE RUN OUT [CORPUS ...]

With names of corpora the expressions of these alone count.
"""

import sys
from pathlib import Path

from mien.training.config import load_config
from mien.training.corpora import load_corpora
from mien.training.expressions_head import fit_fine_expressions
from mien.training.mma import MMATrainConfig


def main() -> None:
    if len(sys.argv) < 6:
        sys.exit((__doc__ or "").strip())
    config = load_config(MMATrainConfig, Path(sys.argv[1]), [])
    data, cache, run, out = map(Path, sys.argv[2:6])
    corpora = load_corpora(config, data, cache)
    found = fit_fine_expressions(run, out, config, corpora, fitted_on=sys.argv[6:])
    print(f"{out}: expressions read the fine network, {found.fingerprint}")


if __name__ == "__main__":
    main()
