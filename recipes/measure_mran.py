"""Measure an MRAN model on the SYNTHETIC benchmark's test people, with and without its streams.

usage: python recipes/measure_mran.py PREPARED MODEL.onnx EXTRACTOR.onnx OUT.json
"""

import json
import sys
from pathlib import Path

from mien.data.formats.streams import load_streams
from mien.evaluation.affect import without_nan
from mien.evaluation.models.mran import mran_traces, score_traces, stage1_traces
from mien.runtime.models import AffectModel
from mien.runtime.mran import MranModel

BY = ("light", "skin_tone")
DROPPED = ((), ("thermal",), ("depth",), ("depth", "thermal"), ("color",))


def pooled(traces, data) -> dict:
    return {group: said["pooled"] for group, said in score_traces(traces, data, BY).items()}


def main() -> None:
    prepared, network, extractor, out = map(Path, sys.argv[1:5])
    data = load_streams(prepared, "test")
    model = MranModel(network)
    scores = {}
    for dropped in DROPPED:
        name = " + ".join(stream for stream in model.modalities if stream not in dropped)
        scores[f"MRAN on {name}"] = pooled(mran_traces(model, data, dropped), data)
    stage1 = stage1_traces(AffectModel(extractor), data, model.fps)
    scores["stage 1 on color"] = pooled(stage1, data)
    document = {"data": data.corpus, "recordings": len(data), "scores": scores}
    text = json.dumps(without_nan(document), indent=2)
    out.write_text(text + "\n", encoding="utf-8")
    for name, groups in scores.items():
        print(f"{name}: " + ", ".join(f"{k} {v['mean_ccc']:.3f}" for k, v in groups.items()))


if __name__ == "__main__":
    main()
