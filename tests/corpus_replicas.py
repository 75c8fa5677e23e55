"""Tiny replicas, in the exact layouts, of corpora that are released on request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

REACTION_HEADER = "Adoration,Amusement,Anxiety,Disgust,Empathic-Pain,Fear,Surprise"
REACTION_VALUES = {
    "10001": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
    "10002": [0.0, 1.0, 0.25, 0.5, 0.75, 0.125, 0.0625],
    "10003": [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4],
}
REACTION_SPLITS = {"10001": "train", "10002": "train", "10003": "devel", "10004": "test"}

CREMA_HEADER = (
    '"","A","D","F","H","N","S","fileName","numResponses","agreement","emoVote","meanEmoResp",'
    '"meanAngerResp","meanDisgustResp","meanFearResp","meanHappyResp","meanNeutralResp",'
    '"meanSadResp","medianEmoResp","meanEmoRespNorm"'
)
AFFECTNET_HEADER = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,"
    "valence,arousal"
)
AFF_WILD_UNITS = "AU1,AU2,AU4,AU6,AU7,AU10,AU12,AU15,AU23,AU24,AU25,AU26"
AFF_WILD_EXPRESSIONS = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other"


def write(path: Path, lines: Iterable[str], end: str = "\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + end for line in lines), encoding="utf-8", newline="")
    return path


def touch_videos(folder: Path, names: Iterable[str], suffix: str = ".mp4") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}{suffix}").write_bytes(b"not a video yet")


def reaction_row(name: str, values: Sequence[object]) -> str:
    return ",".join([name, *map(str, values)])


def write_muse(
    root: Path,
    labels: Sequence[str] | None = None,
    partition: Sequence[str] | None = None,
    videos: Iterable[str] = REACTION_SPLITS,
) -> Path:
    """``c2_muse_reaction`` with bracketed ids; the test label is withheld."""
    folder = root / "c2_muse_reaction"
    if labels is None:
        labels = [f"File_ID,{REACTION_HEADER}"]
        labels += [reaction_row(f"[{name}]", values) for name, values in REACTION_VALUES.items()]
    if partition is None:
        partition = ["Id,Proposal"] + [f"{n},{split}" for n, split in REACTION_SPLITS.items()]
    write(folder / "labels.csv", labels)
    write(folder / "partition.csv", partition)
    touch_videos(folder / "raw", videos)
    return root


def write_abaw(
    root: Path, rows: Sequence[str] | None = None, videos: Iterable[str] = REACTION_SPLITS
) -> Path:
    """``data_info.csv`` and ``<id>.mp4``."""
    if rows is None:
        names = {"train": "Train", "devel": "Val", "test": "Test"}
        rows = [f"File_ID,Split,{REACTION_HEADER}"]
        for name, split in REACTION_SPLITS.items():
            values = REACTION_VALUES.get(name, [""] * 7)
            rows.append(",".join([f"[{name}]", names[split], *map(str, values)]))
    write(root / "data_info.csv", rows)
    touch_videos(root / "mp4", videos)
    return root


def crema_row(
    number: str,
    clip: str,
    votes: Sequence[int],
    means: Sequence[float],
    responses: int | None = None,
) -> str:
    total = sum(votes) if responses is None else responses
    cells = [f'"{number}"', *map(str, votes), f'"{clip}"', str(total), "0.5", '"F:S"', "60"]
    return ",".join([*cells, *map(str, means), "61.5", "NA"])


CREMA_ROWS = (
    crema_row("100001", "1001_DFA_ANG_XX", [9, 0, 0, 0, 0, 0], [99, -1, -1, -1, -1, -1]),
    crema_row("200001", "1001_DFA_ANG_XX", [6, 2, 0, 0, 1, 0], [50, 25, -1, -1, 90, -1]),
    crema_row("200002", "1002_IEO_HAP_HI", [0, 0, 0, 10, 0, 0], [-1, -1, -1, 67.5, -1, -1]),
    crema_row("200003", "1003_ITH_SAD_X", [0, 0, 1, 0, 4, 5], [-1, -1, 0, -1, 40, 60]),
    crema_row("300001", "1001_DFA_ANG_XX", [0, 9, 0, 0, 0, 0], [-1, 99, -1, -1, -1, -1]),
)


def write_crema(
    root: Path, rows: Sequence[str] = CREMA_ROWS, videos: Sequence[str] | None = None
) -> Path:
    write(root / "processedResults" / "tabulatedVotes.csv", [CREMA_HEADER, *rows])
    if videos is None:
        videos = ["1001_DFA_ANG_XX", "1002_IEO_HAP_HI", "1003_ITH_SAD_X"]
    touch_videos(root / "VideoFlash", videos, ".flv")
    return root


def write_image(path: Path, seed: int = 0, side: int = 32) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), image)
    return path


def calm_frames(count: int, seed: int = 0) -> list[np.ndarray]:
    """One scene, 48 x 64, that is a little brighter in every frame: no cut is seen in it."""
    scene = np.random.default_rng(seed).integers(0, 120, (6, 8, 3))
    scene = np.kron(scene, np.ones((8, 8, 1), int))
    return [(scene + 3 * (k % 40)).astype(np.uint8) for k in range(count)]


def write_crops(
    root: Path, video: str, frames: Iterable[int], folder: str = "cropped_aligned"
) -> None:
    for frame in frames:
        write_image(root / folder / video / f"{frame:05d}.jpg", frame)


def write_aff_wild(root: Path, expression_folder: str = "EXPR_Classification_Challenge") -> Path:
    """Two videos with all three tasks, 4 and 3 frames; frame 2 of the first has no crop."""
    va, expr, au = (
        root / name
        for name in ("VA_Estimation_Challenge", expression_folder, "AU_Detection_Challenge")
    )
    write(va / "Train_Set/1-30.txt", ["valence,arousal", "0.5,-0.25", "-5,-5", "1,0", "-1,1"])
    write(va / "Validation_Set/2_left.txt", ["valence,arousal", "-5,0.5", "0.1,0.2", "0.3,0.4"])
    write(expr / "Train_Set/1-30.txt", [AFF_WILD_EXPRESSIONS, "0", "-1", "-1", "7"])
    write(expr / "Validation_Set/2_left.txt", [AFF_WILD_EXPRESSIONS, "6", "1", "5"])
    units = ["0,1,0,0,0,0,1,0,0,0,1,0", ",".join(["-1"] * 12), "1,-1,0,0,0,0,0,0,0,0,0,1"]
    write(au / "Train_Set/1-30.txt", [AFF_WILD_UNITS, *units, units[0]])
    write(au / "Validation_Set/2_left.txt", [AFF_WILD_UNITS, *units])
    write_crops(root, "1-30", [1, 3, 4])
    write_crops(root, "2_left", [1, 2, 3])
    return root


def affectnet_landmarks() -> str:
    """68 points; the eyes are squares around (10, 12) and (22, 12)."""
    points = np.zeros((68, 2))
    points[36:42] = [10, 12]
    points[42:48] = [22, 12]
    points[[30, 48, 54]] = [[16, 17], [11, 22], [21, 22]]
    points[36, 0], points[39, 0] = 7, 13
    return ";".join(f"{value:g}" for value in points.ravel())


def affectnet_row(
    image: str, expression: object, valence: object, arousal: object, marks: str | None = None
) -> str:
    marks = affectnet_landmarks() if marks is None else marks
    return f"{image},4,5,24,25,{marks},{expression},{valence},{arousal}"


AFFECTNET_ROWS = (
    affectnet_row("1/a.jpg", 1, 0.75, 0.25),
    affectnet_row("1/b.jpg", 7, -0.5, 0.5),
    affectnet_row("2/c.jpg", 8, -2, -2),
    affectnet_row("2/d.jpg", 6, -0.25, 1),
)


def write_affectnet(
    root: Path,
    training: Sequence[str] = AFFECTNET_ROWS,
    lists: str = "",
    images: str = "Manually_Annotated_Images",
) -> Path:
    write(root / lists / "training.csv", [AFFECTNET_HEADER, *training])
    write(root / lists / "validation.csv", [AFFECTNET_HEADER, affectnet_row("3/e.jpg", 0, 0, 0)])
    for seed, name in enumerate(("1/a.jpg", "1/b.jpg", "2/d.jpg", "3/e.jpg")):
        write_image(root / images / name, seed)
    return root


def emotionet_row(image: str, active: Sequence[int], unknown: Sequence[int] = ()) -> str:
    values = ["0"] * 60
    for unit in active:
        values[unit - 1] = "1"
    for unit in unknown:
        values[unit - 1] = "999"
    url = f"http://somewhere.edu/EmotioNet/Images/{image}"
    return "\t".join([url, f"http://elsewhere.com/{image}", *values])


def write_emotionet(root: Path, rows: Sequence[str] | None = None) -> Path:
    if rows is None:
        rows = [
            emotionet_row("N_1/N_1_00001.jpg", [12, 25]),
            emotionet_row("N_1/N_1_00002.jpg", [1, 60], [2, 26]),
            emotionet_row("N_2/N_2_00001.jpg", []),
        ]
    write(root / "dataFile_0001.txt", rows)
    write_image(root / "N_1/N_1_00001.jpg")
    write_image(root / "elsewhere/N_1_00002.jpg")
    return root
