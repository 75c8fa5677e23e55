"""Say in the model's description how far each channel is to be trusted, with its figure.

    python recipes/extractor/trust.py ABOUT.toml FIGURES.json OUT.toml

``measured``: against people's judgement of real or photorealistic faces; ``teacher``: only against
the face mesh that taught it; ``synthetic``: only against the truth of SYNTHETIC faces.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mien.labels import ACTION_UNITS, EXPRESSIONS


def trust(figures: dict) -> dict[str, tuple[str, str]]:
    expressions, units, panel = figures["expressions"], figures["units"], figures["panel"]
    channels, quality = figures["channels"], figures["quality"]
    recall = expressions["ferplus"]["recall"]
    found = {
        f"expr_{name}": ("measured", f"recall {recall[name]:.2f} on FER+ valid, votes")
        for name in EXPRESSIONS
    }
    for k, name in enumerate(("valence", "arousal")):
        ccc = units["ferplus"]["ccc"][k]
        found[name] = (
            "teacher",
            f"CCC {ccc:.2f} with votes and movement on FER+ valid; never rated",
        )
    for unit in ACTION_UNITS:
        name, row = f"au{unit:02d}", panel["by_unit"][f"AU{unit:02d}"]
        if f"AU{unit:02d}" in panel["units"]:
            text = (
                f"F1 {row['f1']:.2f}, AUC {row['auc']:.2f} on the eye panel (coders not certified)"
            )
            found[name] = ("measured", text)
        elif unit in (9, 11):
            text = f"F1 {units['synthetic']['f1'][name]:.2f} on SYNTHETIC test people"
            found[name] = ("synthetic", text)
        else:
            found[name] = ("teacher", f"r {units['muxspace']['r'][name]:.2f} with a face mesh")
    r = units["synthetic"]["intensity_mean_r"]
    found["intensity"] = ("synthetic", f"mean r {r:.2f} on SYNTHETIC test people")
    errors = channels["synthetic"]["pose_error_deg"]
    mean = sum(errors) / len(errors)
    found["pose"] = ("synthetic", f"{mean:.1f} degrees on SYNTHETIC test people")
    mean = sum(channels["synthetic"]["gaze_error_deg"]) / 2
    found["gaze"] = ("synthetic", f"{mean:.1f} degrees on SYNTHETIC test people")
    found["eye_open"] = (
        "teacher",
        f"r {channels['muxspace']['eye_r']:.2f} with a face mesh's lids",
    )
    found["landmarks"] = ("teacher", "places of a face mesh, and of SYNTHETIC faces")
    found["quality"] = (
        "synthetic",
        f"AUC {quality['auc']:.2f} between whole faces and made bad ones",
    )
    return found


def main() -> None:
    about, figures, out = map(Path, sys.argv[1:4])
    lines = [about.read_text(encoding="utf-8").rstrip(), "", "[trust]"]
    for channel, (mark, text) in trust(json.loads(figures.read_text(encoding="utf-8"))).items():
        lines.append(f'{channel} = {{ mark = "{mark}", figure = "{text}" }}')
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
