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


def write_s_aff_wild(root: Path) -> Path:
    """Single frames as ABAW4 handed them out: the twelve units share one column name."""
    header = "image,valence,arousal,expression,aus"
    train = [
        "5-60/00007.jpg,0.31,-0.42,4,0,0,0,1,0,0,1,0,0,0,1,0",
        "5-60/00031.jpg,-5,-5,6,1,1,0,0,0,0,0,0,0,0,1,1",
        "77-left/00002.jpg,-0.6,0.55,-1" + ",-1" * 12,
    ]
    valid = ["9-15/00120.jpg,0.1,0.2,7" + ",-1" * 12, "9-15/00121.jpg,-5,-5,3,0" + ",0" * 11]
    write(root / "training_set_annotations.txt", [header, *train])
    write(root / "validation_set_annotations.txt", [header, *valid])
    for video, frames in (("5-60", [7, 31, 32]), ("77-left", [2]), ("9-15", [120])):
        write_crops(root, video, frames)
    return root


def write_affectnet_npy(root: Path) -> Path:
    """An image and four arrays a face; numbers are stored as text, as in the owners' archives."""
    faces = {
        ("train_set", 0): ("1", "0.784", "-0.0555"),
        ("train_set", 12): ("7", "-0.65", "0.5"),
        ("train_set", 5): ("4", "-2", "-2"),
        ("val_set", 3): ("5", "-0.75", "0.3"),
    }
    for (part, number), (expression, valence, arousal) in faces.items():
        place = root / part / "annotations"
        place.mkdir(parents=True, exist_ok=True)
        for kind, value in (("exp", expression), ("val", valence), ("aro", arousal)):
            np.save(place / f"{number}_{kind}.npy", np.array(value))
        marks = [float(v) for v in affectnet_landmarks().split(";")]
        np.save(place / f"{number}_lnd.npy", np.array(marks))
        write_image(root / part / "images" / f"{number}.jpg", number, 224)
    return root


def write_emotionet_2020(root: Path) -> Path:
    """The csv of the 2020 challenge: quoted names and URLs, 60 units, empty lines at the end."""
    header = ["URL", "URL orig", *(f"'AU {unit}'" for unit in range(1, 61))]
    rows = []
    for image, active, unknown in (("N_0000000001_00001.jpg", [12, 25], []),
                                   ("N_0000000001_00012.jpg", [4], [1, 2, 60])):  # fmt: skip
        cells = ["0"] * 60
        for unit in active:
            cells[unit - 1] = "1"
        for unit in unknown:
            cells[unit - 1] = "999"
        url = f"'http://cbcsl.ece.ohio-state.edu/emotionet/N_0000000001/{image}'"
        rows.append(",".join([url, "'http://elsewhere.com/1.jpg'", *cells]))
        write_image(root / "imgs" / image)
    blank = "," * 61
    write(root / "EmotioNet_FACS_aws_2020_24600.csv", [",".join(header), *rows, blank, blank])
    return root


def write_raf_db(root: Path, basic: bool = True) -> Path:
    base = root / "basic" if basic else root
    lines = [f"train_{k:05d}.jpg {k}" for k in range(1, 8)] + ["test_0001.jpg 7", "test_0002.jpg 1"]
    write(base / "EmoLabel/list_patition_label.txt", lines)
    for k, line in enumerate(lines):
        write_image(base / "Image/aligned" / line.split(".")[0] / "x.jpg", k, 100).rename(
            base / "Image/aligned" / f"{line.split('.')[0]}_aligned.jpg"
        )
    return root


DISFA_UNITS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)


def write_disfa(root: Path) -> Path:
    """Two people, five coded frames each; unit 12 of SN001 grows from 0 to 4."""
    for person in ("SN001", "SN010"):
        for unit in DISFA_UNITS:
            grows = person == "SN001" and unit == 12
            lines = [f"{frame},{frame - 1 if grows else 0}" for frame in range(1, 6)]
            write(root / "ActionUnit_Labels" / person / f"{person}_au{unit}.txt", lines, "\r\n")
        for frame in range(1, 8 if person == "SN010" else 6):
            write_image(root / "Images" / f"LeftVideo{person}_comp" / f"{frame:05d}.jpg", frame)
    return root


def write_disfa_plus(root: Path) -> Path:
    """One person, two trials of three pictures; unit 4 is 5 in the last of the first."""
    for trial in ("A1_AU1_TrailNo_1", "Y_Fear_TrailNo_2"):
        for unit in DISFA_UNITS:
            strongest = 5 if (unit, trial[0]) == (4, "A") else 0
            lines = ["000.jpg 0", "001.jpg 1", f"002.jpg {strongest}"]
            write(root / "Labels/SN003" / trial / f"AU{unit}.txt", lines)
        for frame in range(3):
            write_image(root / "Images/SN003" / trial / f"{frame:03d}.jpg", frame)
    return root


def write_bp4d(root: Path) -> Path:
    """F001 codes all of 1 to 99 by place, M009 names the units that it codes."""
    places = ",".join(str(k) for k in range(100))
    cells = ["0"] * 99
    cells[12 - 1], cells[14 - 1], cells[11 - 1] = "1", "1", "9"
    rows = [",".join(["2440", *cells]), ",".join(["2441", *["9"] * 99])]
    write(root / "AUCoding/AU_OCC/F001_T1.csv", [places, *rows])
    write(root / "AUCoding/AU_OCC/M009_T8.csv", ["1,1,2,4,14,24", "7,0,1,0,1,9"])
    write_image(root / "2D+3D/F001/T1/2440.jpg")
    write_image(root / "2D+3D/M009/T8/007.jpg")
    return root
