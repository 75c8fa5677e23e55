"""What MediaPipe's FaceLandmarker sees in the photographs: the geometric teacher's raw material.

    python recipes/extractor/mesh_teacher.py DATA OUT

reads ``ferplus_trainval.npz``, ``muxspace_faces.zip``, ``sfhq_faces.zip`` and
``face_landmarker.task`` in DATA, and writes ``OUT/mesh-<corpus>.npz`` for each: ``mesh`` float16
(n, 478, 3) in pixels of the corpus's picture, ``blendshapes`` float16 (n, 52) with their
``names``, ``pose_deg`` float16 (n, 3) yaw, pitch and roll, ``detected`` bool (n,) and ``name``.
Rows without a face are NaN. `mien.data.targets.mesh` reads these files.

It needs the package ``mediapipe``, in an environment of its own; mien itself does not. A corpus
whose file is there is not done again.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import mediapipe
import numpy as np

_BORDER_PX = 64  # the detector wants room around a tight crop
_ENLARGED_PX = 192


def ferplus(data: Path) -> tuple[list[str], Iterator[np.ndarray]]:
    stored = np.load(data / "ferplus_trainval.npz", allow_pickle=False)
    images = stored["images"]
    return [str(name) for name in stored["name"]], (
        cv2.cvtColor(image, cv2.COLOR_GRAY2RGB) for image in images
    )


def zipped(archive: Path) -> tuple[list[str], Iterator[np.ndarray]]:
    with archive.with_suffix(".csv").open(newline="", encoding="utf-8") as table:
        names = [row["file"] for row in csv.DictReader(table)]

    def pictures() -> Iterator[np.ndarray]:
        with zipfile.ZipFile(archive) as members:
            places = {Path(place).name: place for place in members.namelist()}
            for name in names:
                picture = np.frombuffer(members.read(places[name]), np.uint8)
                yield cv2.cvtColor(cv2.imdecode(picture, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)

    return names, pictures()


def view(image: np.ndarray) -> tuple[np.ndarray, float]:
    """The picture as the landmarker is shown it: enlarged, with room around; and its scale."""
    scale = max(1.0, _ENLARGED_PX / image.shape[0])
    if scale > 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    border = [_BORDER_PX] * 4
    return cv2.copyMakeBorder(image, *border, cv2.BORDER_REPLICATE), scale


def angles(matrix: np.ndarray) -> tuple[float, float, float]:
    """Yaw (to the person's left), pitch (up) and roll (counter-clockwise in the image), degrees.

    The matrix turns the canonical face (x to the right in the image, y up, z to the camera).
    """
    rotation = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0, keepdims=True)
    yaw = np.arctan2(rotation[0, 2], rotation[2, 2])
    pitch = np.arcsin(np.clip(-rotation[1, 2], -1, 1))
    roll = np.arctan2(rotation[1, 0], rotation[1, 1])
    return float(np.degrees(yaw)), float(-np.degrees(pitch)), float(np.degrees(roll))


def look(landmarker, names: list[str], pictures: Iterator[np.ndarray]) -> dict[str, np.ndarray]:
    count = len(names)
    mesh = np.full((count, 478, 3), np.nan, np.float16)
    scores = np.full((count, 52), np.nan, np.float16)
    pose = np.full((count, 3), np.nan, np.float16)
    labels: list[str] = []
    started = time.perf_counter()
    for row, image in enumerate(pictures):
        shown, scale = view(image)
        found = landmarker.detect(
            mediapipe.Image(mediapipe.ImageFormat.SRGB, np.ascontiguousarray(shown))
        )
        if found.face_landmarks:
            height, width = shown.shape[:2]
            points = np.array(
                [(p.x * width, p.y * height, p.z * width) for p in found.face_landmarks[0]]
            )
            points[:, :2] = (points[:, :2] - _BORDER_PX) / scale - 0.5  # pixel centres
            points[:, 2] /= scale
            mesh[row] = points
            labels = [shape.category_name for shape in found.face_blendshapes[0]]
            scores[row] = [shape.score for shape in found.face_blendshapes[0]]
            pose[row] = angles(np.asarray(found.facial_transformation_matrixes[0]))
        if row % 2000 == 1999:
            print(f"{row + 1} of {count}, {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return {
        "mesh": mesh,
        "blendshapes": scores,
        "names": np.array(labels),
        "pose_deg": pose,
        "detected": np.isfinite(pose).all(axis=1),
        "name": np.array(names),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", default="", help="one corpus instead of all")
    arguments = parser.parse_args()
    vision, base = mediapipe.tasks.vision, mediapipe.tasks.BaseOptions
    options = vision.FaceLandmarkerOptions(
        base_options=base(model_asset_path=str(arguments.data / "face_landmarker.task")),
        running_mode=vision.RunningMode.IMAGE,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    corpora = {
        "ferplus": lambda: ferplus(arguments.data),
        "muxspace": lambda: zipped(arguments.data / "muxspace_faces.zip"),
        "sfhq": lambda: zipped(arguments.data / "sfhq_faces.zip"),
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        for name, load in corpora.items():
            file = arguments.out / f"mesh-{name}.npz"
            if file.exists() or (arguments.only and name != arguments.only):
                continue
            partial = file.with_suffix(".partial.npz")
            np.savez_compressed(partial, **look(landmarker, *load()))
            partial.replace(file)
            print(f"{file}: written", file=sys.stderr)


if __name__ == "__main__":
    main()
