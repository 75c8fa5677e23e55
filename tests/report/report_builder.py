"""Summaries that look like real analyses, made of sines and a fixed seed."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mien.labels import (
    ACTION_UNIT_COLUMNS,
    ACTION_UNITS,
    AFFECT_COLUMNS,
    DETAIL_COLUMNS,
    EXPRESSION_COLUMNS,
    EXPRESSIONS,
    REACTIONS,
    relatedness,
)
from mien.types import DetailsSummary, FaceSummary, ReactionWindow, Summary, Timeline

CAVEAT = "Learnt from a few thousand self-recorded clips; other people and settings may differ."


def picture(shade: int) -> bytes:
    """JPEG bytes of a drawn face, 112 x 112."""
    image = np.full((112, 112, 3), (90 + shade % 80, 110, 130), dtype=np.uint8)
    cv2.ellipse(image, (56, 58), (34, 44), 0, 0, 360, (170, 190, 225), -1)
    for x in (44, 68):
        cv2.circle(image, (x, 50), 4, (40, 40, 40), -1)
    cv2.ellipse(image, (56, 74), (14, 4 + shade % 9), 0, 0, 180, (60, 60, 150), 2)
    done, content = cv2.imencode(".jpg", image)
    assert done
    return bytes(content.tobytes())


def affect(time_s: npt.NDArray[np.float64], seed: int) -> npt.NDArray[np.float32]:
    """(n, 26) estimates that hang together: expressions drive units, valence and arousal."""
    rng = np.random.default_rng(seed)
    length = max(float(time_s[-1] - time_s[0]), 1.0) if len(time_s) else 1.0
    logits = np.zeros((len(time_s), 7))
    logits[:, 0] = 1.6
    for column in range(1, 7):
        for _ in range(2):
            centre = time_s[0] + rng.uniform(0, length)
            width = rng.uniform(0.03, 0.09) * length
            logits[:, column] += rng.uniform(1, 5) * np.exp(-(((time_s - centre) / width) ** 2))
    logits += rng.normal(0, 0.12, logits.shape)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    units = np.clip(shares @ relatedness("weighted") + rng.normal(0, 0.03, (len(time_s), 17)), 0, 1)
    sign = np.array([0.05, -0.6, -0.6, -0.6, 0.9, -0.7, 0.1])
    drive = np.array([-0.1, 0.6, 0.3, 0.8, 0.5, -0.3, 0.8])
    noise = rng.normal(0, 0.03, (len(time_s), 2))
    plane = np.clip(np.column_stack((shares @ sign, shares @ drive)) + noise, -1, 1)
    return np.hstack((plane, shares, units)).astype(np.float32)


def face(
    face_id: int,
    start_s: float,
    stop_s: float,
    *,
    points: int = 400,
    gaps: tuple[tuple[float, float], ...] = (),
    reactions: bool = True,
    thumbnails: bool = True,
) -> FaceSummary:
    """A face seen in ``[start_s, stop_s)`` save for `gaps`, `points` bins in all."""
    bin_s = (stop_s - start_s) / points
    time = start_s + (np.arange(points) + 0.5) * bin_s
    values = affect(time, face_id + 1)
    for left, right in gaps:
        values[(time >= left) & (time < right)] = np.nan
    seen = values[np.isfinite(values).all(axis=1)]
    mean = seen.mean(axis=0)
    ranked = np.where(np.isfinite(values), values, -np.inf)
    ranked[:, :2] = np.where(np.isfinite(values[:, :2]), np.abs(values[:, :2]), -np.inf)
    best = ranked.argmax(axis=0)
    kept = ("valence", "arousal", "expr_happiness", "expr_surprise", "expr_anger", "au04", "au12")
    rng = np.random.default_rng(face_id)
    windows = [
        ReactionWindow(left, min(left + 10, stop_s), 40, rng.uniform(0, 0.8, 7).astype(np.float32))
        for left in np.arange(start_s, stop_s - 1, 10.0).tolist()
    ]
    return FaceSummary(
        face_id=face_id,
        first_s=float(time[0]),
        last_s=float(time[-1]),
        usable_frames=len(seen) * 2,
        mean=mean,
        peak=values[best, np.arange(26)],
        peak_time_s=time[best],
        timeline=Timeline(time, values, bin_s),
        thumbnails=(
            {n: picture(int(best[AFFECT_COLUMNS.index(n)])) for n in kept} if thumbnails else {}
        ),
        reaction_names=REACTIONS,
        reactions=rng.uniform(0, 0.8, 7).astype(np.float32) if reactions else None,
        reaction_windows=windows if reactions else [],
    )


def unseen_face(face_id: int) -> FaceSummary:
    """A face that was found but never usable: every number is NaN."""
    empty = np.full(26, np.nan, dtype=np.float32)
    return FaceSummary(
        face_id=face_id,
        first_s=3.0,
        last_s=3.4,
        usable_frames=0,
        mean=empty,
        peak=empty,
        peak_time_s=np.full(26, np.nan),
        timeline=Timeline(np.linspace(3, 3.4, 5), np.full((5, 26), np.nan, np.float32), 0.1),
    )


def document(faces: list[FaceSummary], **source: Any) -> dict[str, Any]:
    """The document of a 60 s video with `faces`; `source` overrides parts of its source."""
    told = {
        "path": "clips/interview 07.mp4",
        "width_px": 1920,
        "height_px": 1080,
        "frames": 1798,
        "duration_s": 60.0,
        "nominal_fps": 29.97,
        "variable_frame_rate": False,
        "rotation_deg": 0,
        "codec": "h264",
        "is_image": False,
    }
    model = {"version": "0.1.0", "license": "Apache-2.0", "trained_on": "synthetic faces"}
    return {
        "schema_version": 1,
        "mien_version": "0.1.0",
        "source": {**told, **source},
        "frames_without_face": 212,
        "settings": {"min_face_px": 32, "max_gap_s": 0.5, "overlay": False},
        "models": [
            {"role": "detector", "name": "finder", "caveat": "Misses small faces.", **model},
            {"role": "affect", "name": "reader", "caveat": "Unsure of profiles.", **model},
            {"role": "reactions", "name": "listener", "caveat": CAVEAT, **model},
        ],
        "faces": [_entry(one) for one in faces],
        "warnings": [],
    }


def _entry(one: FaceSummary) -> dict[str, Any]:
    note = None if one.reactions is not None else "Fewer than 16 usable frames of this face."
    return {
        "face_id": one.face_id,
        "first_s": one.first_s,
        "last_s": one.last_s,
        "usable_frames": one.usable_frames,
        "mean": {},
        "peak": {},
        "reactions": {"video": None, "windows": [], "note": note},
    }


def two_faces() -> Summary:
    """60 s with two faces, one of them with gaps, one seen late."""
    faces = [
        face(0, 0.0, 60.0, points=1800, gaps=((12.0, 15.5), (40.0, 41.0), (48.0, 48.04))),
        face(3, 22.0, 37.0, gaps=((25.0, 26.0),)),
    ]
    told = document(faces, variable_frame_rate=True, rotation_deg=90)
    told["warnings"] = ["The frame rate varies; times are those of the stream."]
    return Summary(told, faces)


MARKED = {
    **{name: {"mark": "measured", "figure": "0.93 on real faces"} for name in EXPRESSION_COLUMNS},
    **{name: {"mark": "teacher", "figure": "r = 0.80"} for name in ACTION_UNIT_COLUMNS},
    **{name: {"mark": "unknown", "figure": None} for name in ("valence", "arousal")},
    **{name: {"mark": "synthetic", "figure": None} for name in DETAIL_COLUMNS},
    "au20": {"mark": "synthetic", "figure": "only by looking"},
    "quality": {"mark": "measured", "figure": "AUC 0.95"},
    "landmarks": {"mark": "synthetic", "figure": None},
}


def with_details(summary: Summary | None = None) -> Summary:
    """Two faces with all that an extractor may say, of which a tenth does not count."""
    summary = summary or two_faces()
    for face in summary.faces:
        time = face.timeline.time_s
        values = np.stack(
            [
                0.6 + 0.35 * np.sin(time / 4),
                25 * np.sin(time / 7),
                8 * np.cos(time / 3) - 4,
                6 * np.sin(time),
                (np.sin(time * 3) > -0.95) * 0.9,
                (np.sin(time * 3) > -0.95) * 0.8,
            ],
            axis=1,
        ).astype(np.float32)
        rest = np.linspace(0, 3, len(DETAIL_COLUMNS) - 6)
        face.details = DetailsSummary(
            mean=np.concatenate([values.mean(0), rest]).astype(np.float32),
            peak=np.linspace(1, 5, 17, dtype=np.float32),
            peak_time_s=np.full(17, float(time[0])),
            timeline=Timeline(time, values, face.timeline.bin_s),
        )
        face.low_quality_frames = face.usable_frames // 9
    summary.document |= {"channels": MARKED, "min_quality": 0.35, "schema_version": 2}
    return summary


def no_faces() -> Summary:
    """A video in which no face was found."""
    told = document([])
    told["frames_without_face"] = 1798
    return Summary(told, [])


def many_faces(amount: int = 30) -> Summary:
    """A crowd, each face with as many points as a timeline may have."""
    faces = [
        face(index, index * 1.5, index * 1.5 + 14, points=2000, reactions=index % 3 == 0)
        for index in range(amount)
    ]
    return Summary(document(faces), faces)


def image(amount: int = 1) -> Summary:
    """A still image: one point per face and no time."""
    faces = []
    for index in range(amount):
        values = affect(np.zeros(1), index + 5)
        faces.append(
            FaceSummary(
                face_id=index,
                first_s=0.0,
                last_s=0.0,
                usable_frames=1,
                mean=values[0],
                peak=values[0],
                peak_time_s=np.zeros(26),
                timeline=Timeline(np.zeros(1), values, 0.0),
                thumbnails={"expr_happiness": picture(index)},
            )
        )
    told = document(
        faces,
        path="portrait.jpg",
        frames=1,
        duration_s=None,
        nominal_fps=None,
        codec="mjpeg",
        is_image=True,
    )
    told["frames_without_face"] = 0
    for entry in told["faces"]:
        entry["reactions"]["note"] = "A still image has no course in time to read."
    return Summary(told, faces)


NASTY = '</script><script>alert("x")</script><img src=x onerror=alert(1)>&amp;\u202e\x00\ud800'


def nasty() -> Summary:
    """Every string from outside tries to break out of the page."""
    faces = [face(0, 0.0, 20.0, reactions=False)]
    told = document(faces, path=f"dir/{NASTY}.mp4", codec=NASTY, duration_s=None, nominal_fps=None)
    told["warnings"] = [NASTY, NASTY]
    told["settings"] = {NASTY: NASTY, "limit": float("nan"), "list": [float("inf"), None]}
    for model in told["models"]:
        for key in ("name", "version", "license", "trained_on", "caveat"):
            model[key] = NASTY
    told["faces"][0]["reactions"]["note"] = NASTY
    return Summary(told, faces)


def nothing_usable() -> Summary:
    """A face without one usable frame beside a face with some channels missing."""
    partly = face(1, 0.0, 20.0)
    for column in (0, 4, 12):
        partly.mean[column] = np.nan
        partly.peak[column] = np.nan
        partly.peak_time_s[column] = np.nan
        partly.timeline.values[:, column] = np.nan
    assert partly.reactions is not None
    partly.reactions[2] = np.nan
    partly.reaction_windows[0].intensities[1] = np.nan
    faces = [unseen_face(0), partly]
    return Summary(document(faces, duration_s=None), faces)


def still_with_details() -> Summary:
    """A still image with all that an extractor may say."""
    return with_details(image())


def poor() -> Summary:
    """A face with details, of which no frame counts."""
    summary = with_details(Summary(document([unseen_face(0)]), [unseen_face(0)]))
    summary.faces[0].low_quality_frames = 5
    return summary


STATES = {
    "two_faces": two_faces,
    "with_details": with_details,
    "still_with_details": still_with_details,
    "poor": poor,
    "no_faces": no_faces,
    "many_faces": many_faces,
    "image": image,
    "nasty": nasty,
    "nothing_usable": nothing_usable,
}

assert len(AFFECT_COLUMNS) == 2 + len(EXPRESSIONS) + len(ACTION_UNITS)
