"""Details are kept of a bounded number of faces, numbers of all."""

import numpy as np
import pytest

from face_doubles import double_analyzer, make_face, texture
from mien import api
from mien.pipeline import face_states
from mien.report import render_report
from mien.video import write_video


def test_briefly_seen_faces_lose_their_curves_but_not_their_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(face_states, "_DETAILED_FACES", 3)
    pictures = [texture(seed) for seed in range(6)]
    # A cut every 4 s brings a new face number; the third face stays twice as long.
    stays = [0] * 8 + [1] * 8 + [2] * 16 + [3] * 8 + [4] * 8 + [5] * 8
    path = tmp_path / "film.mkv"
    write_video(path, [pictures[i] for i in stays], fps=2, codec="ffv1")
    face = make_face(20, 10)
    result = api.analyze(path, analyzer=double_analyzer(lambda call: [face]))
    assert len(result.summaries) == 6
    assert sum(face.usable_frames for face in result.summaries) == len(stays)
    detailed = [face for face in result.summaries if len(face.timeline.time_s)]
    assert len(detailed) < 6 and any(face.usable_frames == 16 for face in detailed)
    assert all(np.isfinite(face.mean).all() for face in result.summaries)
    assert any("seen most briefly" in warning for warning in result.warnings)
    page = render_report(result._summary)
    assert "NaN" not in page and len(page) < 2_000_000


def test_without_reactions_the_note_says_so(tmp_path):
    import mien
    from mien.demo import write_demo_clip

    clip = write_demo_clip(tmp_path / "clip.mp4", 1.0)
    result = mien.analyze(clip, reactions=False)
    assert [model["role"] for model in result.document["models"]] == ["detector", "affect"]
    assert result.document["faces"][0]["reactions"]["note"] == "reactions were not asked for"
    assert result.reactions.attrs["caveat"] is None and len(result.reactions) == 0


def test_reactions_from_simulated_weights_are_off_by_default(tmp_path):
    import mien
    from mien.demo import write_demo_clip

    clip = write_demo_clip(tmp_path / "clip.mp4", 1.5)
    result = mien.analyze(clip)
    entry = result.document["faces"][0]["reactions"]
    assert entry["video"] is None and entry["windows"] == []
    assert "learned from simulated sequences, not from people's ratings" in entry["note"]
    assert (
        "--simulated-reactions shows it, --reactions PATH reads a model of your own"
        in entry["note"]
    )
    assert [model["role"] for model in result.document["models"]] == ["detector", "affect"]
    assert "reactions" not in result.document["channels"] and result.warnings == []
    assert "SIMULATED" not in repr(result) and len(result.reactions) == 0
    page = (result.save(tmp_path / "out") / "report.html").read_text()
    assert "learned from simulated sequences" in page


def test_the_summary_of_a_result_says_where_reaction_weights_come_from(tmp_path):
    import mien
    from mien.demo import write_demo_clip

    clip = write_demo_clip(tmp_path / "clip.mp4", 1.5)
    result = mien.analyze(clip, simulated_reactions=True)
    assert "SIMULATED" in repr(result) and "SIMULATED" in result.reactions.attrs["caveat"]


def test_options_take_model_paths_as_text():
    from mien.errors import ModelError

    with pytest.raises(ModelError, match=r"nowhere\.onnx: no such model file"):
        api.analyze("x.mp4", affect_model="nowhere.onnx")
