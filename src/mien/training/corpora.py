"""Loading the corpora that a training configuration names."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mien.datasets import FaceSet, load_ferplus, load_muxspace, load_synthetic
from mien.datasets.annotated_faces import load_annotated_faces
from mien.datasets.landmarks import LANDMARK_SEARCH, LANDMARK_THRESHOLD, find_landmarks
from mien.datasets.sfhq import load_sfhq
from mien.faces.detectors.retinaface import RetinaFaceDetector
from mien.training.mma import CorpusConfig, MMATrainConfig


def load_corpora(config: MMATrainConfig, data: Path, cache: Path) -> dict[str, FaceSet]:
    """Load every corpus of a configuration from a data folder.

    Landmarks of corpora that have none are found once with RetinaFace and kept in `cache`.

    Raises
    ------
    DataError
        If a file is missing or not laid out as expected.
    """
    return {
        name: _load(name, corpus, data, cache) for name, corpus in config.corpus_configs().items()
    }


def _load(name: str, corpus: CorpusConfig, data: Path, cache: Path) -> FaceSet:
    if corpus.kind == "synthetic":
        return load_synthetic(data / corpus.path)
    if corpus.kind == "images":
        faces = load_annotated_faces(data / corpus.path)
        if np.isfinite(faces.aligned).any():
            return faces
        return faces.with_landmarks(cached_landmarks(faces, cache / f"landmarks-{name}.npz"))
    mesh = data / corpus.mesh if corpus.mesh else None
    if corpus.kind == "faces":
        return load_muxspace(data / corpus.path, None, mesh, corpus.color_weight)
    if corpus.kind == "sfhq":
        return load_sfhq(data / corpus.path, mesh)
    second = data / corpus.second_labels if corpus.second_labels else None
    faces = load_ferplus(data / corpus.path, mesh, second)
    return faces.with_landmarks(cached_landmarks(faces, cache / f"landmarks-{name}.npz"))


def cached_landmarks(
    faces: FaceSet, file: Path
) -> np.ndarray[tuple[int, int, int], np.dtype[np.float32]]:
    """Landmarks (n, 5, 2) of tight crops, from `file` if it holds them for exactly these images.

    They are looked for again where the way of looking has changed.
    """
    digest = hashlib.sha256(LANDMARK_SEARCH.encode())
    digest.update(np.ascontiguousarray(faces.images).tobytes())
    key = digest.hexdigest()[:16]
    if file.is_file():
        with np.load(file, allow_pickle=False) as stored:
            if str(stored["fingerprint"]) == key:
                return np.asarray(stored["landmarks"], np.float32)
    detector = RetinaFaceDetector(score_threshold=LANDMARK_THRESHOLD)
    with tqdm(total=len(faces), desc=f"landmarks of {faces.corpus}", unit="face") as bar:
        landmarks = find_landmarks(faces.images, detector, bar.update)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial.npz")
    np.savez(partial, landmarks=landmarks, fingerprint=np.array(key))
    partial.replace(file)
    return landmarks
