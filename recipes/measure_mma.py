"""Measure the shipped extractor on its held-out faces and write the figures beside it.

usage: python recipes/measure_mma.py DATA OUT.json
"""

import json
import sys
from pathlib import Path

from mien.evaluation.affect import without_nan
from mien.evaluation.mma import evaluate_mma


def main() -> None:
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    reports = {
        "ferplus valid, aligned": evaluate_mma(data / "ferplus_trainval.npz", "valid"),
        "ferplus valid, framed": evaluate_mma(
            data / "ferplus_trainval.npz", "valid", framing="framed"
        ),
        "muxspace held-out people": evaluate_mma(data / "muxspace_faces.zip", "valid"),
    }
    out.write_text(json.dumps(without_nan(reports), indent=2) + "\n", encoding="utf-8")
    for name, report in reports.items():
        print(f"{name}: n {report['n']}, accuracy {report['accuracy']:.4f}")


if __name__ == "__main__":
    main()
