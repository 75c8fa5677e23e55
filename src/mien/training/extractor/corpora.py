"""Loading the corpora that a training configuration names."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mien.data.faces import FaceSet
from mien.data.prepare.landmarks import LANDMARK_SEARCH, LANDMARK_THRESHOLD, find_landmarks
from mien.data.registry import READERS
from mien.faces.detectors.retinaface import RetinaFaceDetector
from mien.io import atomic_path
from mien.training.extractor import CorpusConfig, MMATrainConfig


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
    reader = READERS[corpus.kind]
    given = {option: getattr(corpus, option) for option in reader.options}
    options = {  # those that are texts are files
        option: (data / value if value else None) if isinstance(value, str) else value
        for option, value in given.items()
    }
    faces = reader.load(data / corpus.path, **options)
    if reader.lacks_landmarks and not np.isfinite(faces.aligned).any():
        return faces.with_landmarks(cached_landmarks(faces, cache / f"landmarks-{name}.npz"))
    return faces


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
    with atomic_path(file) as partial, partial.open("wb") as opened:
        np.savez(opened, landmarks=landmarks, fingerprint=np.array(key))
    return landmarks
