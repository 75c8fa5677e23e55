"""How far one kind of network is ahead of another, seed by seed, in files of `mien evaluate mran`.

usage: python recipes/ahead.py A.json B.json

Both come from `mien evaluate mran --model ... --model ... --by light --out FILE`, the models of
each in the order of their seeds. Printed per group of recordings: the mean CCC of valence and
arousal of A and of B, and of A minus B for the same seed, each with its standard deviation over
seeds.
"""

import json
import sys
from pathlib import Path

from mien.evaluation.spread import mean_and_spread


def by_group(path: Path) -> dict[str, list[float]]:
    """The pooled mean CCC of every seed, by group of recordings."""
    (seeds,) = json.loads(path.read_text(encoding="utf-8"))["scores"].values()
    return {name: [seed[name]["pooled"]["mean_ccc"] for seed in seeds] for name in seeds[0]}


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit((__doc__ or "").strip())
    ours, theirs = (by_group(Path(path)) for path in sys.argv[1:])
    print(f"{'group':<24}{'A':>16}{'B':>16}{'A - B':>16}  each seed")
    for name, values in ours.items():
        pairs = list(zip(values, theirs[name], strict=True))
        ahead = [a - b for a, b in pairs]
        seeds = " ".join(f"{value:+.3f}" for value in ahead)
        cells = "".join(f"{mean_and_spread(v):>16}" for v in (values, theirs[name], ahead))
        print(f"{name:<24}{cells}  {seeds}")


if __name__ == "__main__":
    main()
