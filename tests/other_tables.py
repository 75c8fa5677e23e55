"""Small tables in the published layouts of other tools, with made-up numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

OPENFACE_R = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
OPENFACE_C = (*OPENFACE_R[:15], 26, 28, 45)
PYFEAT_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 43)
PYFEAT_EMOTIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
IMOTIONS = (
    *("Anger", "Contempt", "Disgust", "Fear", "Joy", "Sadness", "Surprise", "Engagement"),
    *("Valence", "Sentimentality", "Confusion", "Neutral", "Attention", "Brow Furrow"),
    *("Brow Raise", "Cheek Raise", "Chin Raise", "Dimpler", "Eye Closure", "Eye Widen"),
    *("Inner Brow Raise", "Jaw Drop", "Lip Corner Depressor", "Lip Press", "Lip Pucker"),
    *("Lip Stretch", "Lip Suck", "Lid Tighten", "Mouth Open", "Nose Wrinkle", "Smile", "Smirk"),
    *("Upper Lip Raise", "Blink", "BlinkRate", "Pitch", "Yaw", "Roll", "Interocular Distance"),
)


def write_openface(path: Path, smile: np.ndarray, fps: float = 30.0, spaces: bool = True) -> Path:
    """One face whose AU12 has this intensity, 0 to 5; NaN: the face was lost."""
    names = ["frame", "face_id", "timestamp", "confidence", "success"]
    names += [f"gaze_{eye}_{axis}" for eye in "01" for axis in "xyz"]
    names += ["gaze_angle_x", "gaze_angle_y"]
    names += [f"pose_{kind}{axis}" for kind in "TR" for axis in "xyz"]
    names += [f"x_{k}" for k in range(68)] + [f"y_{k}" for k in range(68)]
    names += [f"AU{u:02d}_r" for u in OPENFACE_R] + [f"AU{u:02d}_c" for u in OPENFACE_C]
    lines = [(", " if spaces else ",").join(names)]
    for k, strength in enumerate(smile):
        seen = np.isfinite(strength)
        row = dict.fromkeys(names, "0.000")
        row |= {"frame": str(k + 1), "face_id": "0", "timestamp": f"{k / fps:.3f}"}
        row |= {"confidence": "0.98" if seen else "0.00", "success": str(int(seen))}
        row |= {"pose_Rx": "-0.10", "pose_Ry": "-0.20", "pose_Rz": "0.05", "gaze_angle_x": "0.30"}
        row |= {"AU12_r": f"{np.nan_to_num(strength):.2f}", "AU12_c": f"{int(strength >= 1)}.00"}
        lines.append((", " if spaces else ",").join(row[name] for name in names))
    path.write_text("\n".join(lines) + "\n")
    return path


def write_pyfeat(
    path: Path, smile: np.ndarray, people: tuple[str, ...] = ("Person_0",), position: bool = False
) -> Path:
    """Faces whose AU12 has this value, 0 to 1, at 25 frames per second; times in seconds."""
    names = ["", "FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore"]
    names += [f"x_{k}" for k in range(68)] + [f"y_{k}" for k in range(68)]
    names += ["Pitch", "Roll", "Yaw", *("XYZ" if position else "")]
    names += [f"AU{u:02d}" for u in PYFEAT_UNITS] + [*PYFEAT_EMOTIONS]
    names += ["input", "frame", "approx_time", *(["Identity"] if people[0] else [])]
    lines = [",".join(names)]
    for k, value in enumerate(smile):
        for place, person in enumerate(people):
            row = dict.fromkeys(names, "0.0")
            row |= {"": str(len(lines) - 1), "FaceRectX": str(40 + 90 * place), "FaceScore": "0.99"}
            row |= {"Pitch": "4.0", "Roll": "-2.0", "Yaw": "10.0", "AU12": f"{value:.4f}"}
            row |= {"happiness": f"{value:.4f}", "neutral": f"{1 - value:.4f}"}
            row |= {"input": "clip.mp4", "frame": str(k), "Identity": person}
            row |= {"approx_time": f"00:{k // 25:02d}"}
            lines.append(",".join(row[name] for name in names))
    path.write_text("\n".join(lines) + "\n")
    return path


def write_imotions(path: Path, smile: np.ndarray) -> Path:
    """A respondent whose Smile has these values, 0 to 100; NaN: no face; another sensor between."""
    names = ["Row", "Timestamp", "EventSource", "SlideEvent", "SampleNumber", *IMOTIONS, "GSR RAW"]
    lines = ["#INFO,", "#Study name,Smiles", "#Respondent name,R1", "#DATA,", ",".join(names)]
    for k, value in enumerate(smile):
        row = dict.fromkeys(names, "")
        row |= {"Row": str(2 * k + 1), "Timestamp": f"{40 * k}", "EventSource": "Affectiva AFFDEX"}
        row["SampleNumber"] = str(k)
        if np.isfinite(value):
            row |= dict.fromkeys(IMOTIONS, "0.5") | {"Smile": f"{value}", "Joy": f"{value}"}
            row |= {"Valence": f"{value}", "Sadness": "60.0"}
        lines.append(",".join(row[name] for name in names))
        other = dict.fromkeys(names, "") | {"Row": str(2 * k + 2), "Timestamp": f"{40 * k + 20}"}
        other |= {"EventSource": "Shimmer", "GSR RAW": "1.25"}
        lines.append(",".join(other[name] for name in names))
    path.write_text("\n".join(lines) + "\n")
    return path
