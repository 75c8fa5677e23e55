"""Measure an exported extractor on its held-out faces and write the figures.

usage: python recipes/measure_mma.py DATA MODEL.onnx CALIBRATION.json OUT.json
"""

import json
import sys
from pathlib import Path

from mien.evaluation.affect import without_nan
from mien.evaluation.corpora import load_labelled
from mien.evaluation.fairness import audit
from mien.evaluation.jitter import measure_jitter
from mien.evaluation.mma import measure
from mien.inference.models import AffectModel
from mien.labels import AFFECT_COLUMNS

PEOPLE = 20


def main() -> None:
    data, model, calibration, out = map(Path, sys.argv[1:5])
    corpora = {
        "ferplus valid, aligned": (data / "ferplus_trainval.npz", "valid", "aligned"),
        "ferplus valid, framed": (data / "ferplus_trainval.npz", "valid", "framed"),
        "muxspace held-out people": (data / "muxspace_faces.zip", "valid", "aligned"),
        "SYNTHETIC test people": (data / "synthetic-aligned", "test", "aligned"),
    }
    extractor = AffectModel(model)
    reports = {
        name: measure(extractor, load_labelled(path, split, None, framing))
        for name, (path, split, framing) in corpora.items()
    }
    jitter = measure_jitter(data / "videos" / "pexels_portrait.mp4", model)
    document = {
        "reports": reports,
        "calibration": json.loads(calibration.read_text(encoding="utf-8")),
        "fairness": {"people": PEOPLE, "groups": audit(extractor, PEOPLE)},
        "jitter": {
            "source": "pexels_portrait.mp4",
            "resting_frames": jitter.raw.frames,
            "as_estimated": dict(zip(AFFECT_COLUMNS, jitter.raw.deviation.tolist(), strict=True)),
            "steadied": dict(zip(AFFECT_COLUMNS, jitter.steady.deviation.tolist(), strict=True)),
        },
    }
    out.write_text(json.dumps(without_nan(document), indent=2) + "\n", encoding="utf-8")
    for name, report in reports.items():
        print(f"{name}: n {report['n']}, accuracy {report['accuracy']:.4f}")


if __name__ == "__main__":
    main()
