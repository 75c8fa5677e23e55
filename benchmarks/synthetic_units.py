"""What an extractor trained on synthetic faces alone reads in photographs, unit by unit.

usage: python benchmarks/synthetic_units.py --run RUN --data FOLDER
RUN is the folder of `mien train mma --config configs/mma-synthetic.toml`, scored on crops of the
size it was trained on. FOLDER holds muxspace_faces.zip, its csv and muxspace_blendshapes.npz. All
faces are counted: the model must have seen none of them. The blendshapes are another network's
opinion, not FACS codes; where a score hardly moves or describes something else, the line says so.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from mien.datasets import load_muxspace
from mien.labels import ACTION_UNIT_NAMES, ACTION_UNIT_SLICE, ACTION_UNITS, EXPRESSIONS
from mien.models.mma import build_mma
from mien.training.mma import load_weights, predict

# unit: (blendshapes whose mean is compared, what is wrong with the comparison)
COUNTERPARTS: dict[int, tuple[tuple[str, ...], str]] = {
    1: (("browInnerUp",), ""),
    2: (("browOuterUpLeft", "browOuterUpRight"), ""),
    4: (("browDownLeft", "browDownRight"), "weak teacher"),
    5: (("eyeWideLeft", "eyeWideRight"), "hardly moves"),
    6: (("eyeSquintLeft", "eyeSquintRight"), "rough: cheekSquint is dead"),
    7: (("eyeSquintLeft", "eyeSquintRight"), ""),
    9: (("noseSneerLeft", "noseSneerRight"), "dead score"),
    10: (("mouthUpperUpLeft", "mouthUpperUpRight"), ""),
    12: (("mouthSmileLeft", "mouthSmileRight"), ""),
    15: (("mouthFrownLeft", "mouthFrownRight"), "weak teacher"),
    17: (("mouthShrugLower",), ""),
    20: (("mouthStretchLeft", "mouthStretchRight"), "rough: rises with smiles"),
    23: (("mouthRollLower", "mouthRollUpper"), "rough"),
    24: (("mouthPressLeft", "mouthPressRight"), ""),
    25: (("mouthLowerDownLeft", "mouthLowerDownRight"), ""),
    26: (("jawOpen",), ""),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    table = arguments.data / "muxspace_blendshapes.npz"
    faces = load_muxspace(arguments.data / "muxspace_faces.zip", None, table)
    with np.load(table, allow_pickle=False) as stored:
        names = [str(name) for name in stored["names"]]
        scores = stored["blendshapes"].astype(np.float64)
        found = stored["detected"]
        assert len(scores) == len(faces), "the scores are not of these faces"
    usable = np.isfinite(faces.aligned).all(axis=(1, 2)) & found
    settings = json.loads((arguments.run / "config.json").read_text())
    model = build_mma(settings["preset"], **settings["model"])
    load_weights(model, arguments.run / "model.safetensors")
    chosen = faces.select(usable)
    optimizer = settings["optimizer"]
    small = optimizer["small_epochs"] >= optimizer["epochs"]
    outputs = predict(model, chosen, optimizer["small_px"] if small else 112)
    scores = scores[usable]
    print(f"{settings['name']}, muxspace, {len(chosen)} photographs\n")
    print("| AU | | Pearson r | Spearman | against | remark |\n|---|---|---|---|---|---|")
    clean = []
    for unit, (parts, remark) in COUNTERPARTS.items():
        teacher = scores[:, [names.index(part) for part in parts]].mean(axis=1)
        own = outputs[:, ACTION_UNIT_SLICE][:, ACTION_UNITS.index(unit)]
        if teacher.std() < 1e-3:
            print(f"| {unit} | {ACTION_UNIT_NAMES[unit]} | - | - | {parts[0]} | {remark} |")
            continue
        r, rho = np.corrcoef(own, teacher)[0, 1], spearmanr(own, teacher).statistic
        if not remark:
            clean.append(r)
        print(
            f"| {unit} | {ACTION_UNIT_NAMES[unit]} | {r:.3f} | {rho:.3f} | {parts[0]} | {remark} |"
        )
    print(f"\nmean Pearson r of the {len(clean)} units without remark: {np.mean(clean):.3f}")
    known = chosen.majority >= 0
    guess = outputs[known, 2:9].argmax(axis=1)
    recall = [
        (guess[chosen.majority[known] == k] == k).mean()
        for k in range(len(EXPRESSIONS))
        if (chosen.majority[known] == k).any()
    ]
    print(
        f"expressions: accuracy {(guess == chosen.majority[known]).mean():.3f}, "
        f"mean recall {np.mean(recall):.3f} of {len(recall)} classes"
    )


if __name__ == "__main__":
    main()
