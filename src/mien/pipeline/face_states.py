"""The running summaries of all faces of a video, bounded also where very many faces pass by."""

from __future__ import annotations

import numpy as np

from mien.labels import PAPERS_LABELS, LabelSet
from mien.pipeline.details import CURVES
from mien.pipeline.face_state import FaceState
from mien.pipeline.options import AnalysisOptions
from mien.runtime.models import ReactionModel
from mien.types import FaceSummary, Timeline

# A film has thousands of face numbers; curves and pictures are kept of the longest seen ones.
_DETAILED_FACES = 100


class FaceStates:
    """One `FaceState` per face in sight, one summary per face that has gone.

    Parameters
    ----------
    max_gap_s
        See `FaceState`.
    reactions
        The reaction model, or None to leave reactions out.
    options
        Gaps and the least time for reactions.
    labels
        Of the extractor.

    Attributes
    ----------
    reduced
        Finished faces whose details were let go.
    """

    def __init__(
        self,
        max_gap_s: float,
        reactions: ReactionModel | None,
        options: AnalysisOptions,
        labels: LabelSet = PAPERS_LABELS,
    ) -> None:
        self._max_gap_s, self._reactions, self._options = max_gap_s, reactions, options
        self._labels = labels
        self._states: dict[int, FaceState] = {}
        self._finished: list[FaceSummary] = []
        self.reduced = 0

    def of(self, face_id: int) -> FaceState:
        """The state of a face, a new one where it has none yet."""
        if face_id not in self._states:
            self._states[face_id] = FaceState(
                face_id,
                self._max_gap_s,
                self._reactions,
                self._options.gaps,
                self._options.min_reaction_s,
                self._labels,
            )
        return self._states[face_id]

    def open(self) -> set[int]:
        """Numbers of the faces that have a state and have not gone."""
        return {*self._states}

    def retire(self, face_id: int) -> None:
        """Sum up a face that cannot come back under its number, so that crowds cost no memory."""
        if face_id in self._states:
            self._finished.append(self._states.pop(face_id).finish())
            self._keep_details_of_few()

    def finish(self) -> list[FaceSummary]:
        """Summaries of all faces, by number."""
        self._finished += [state.finish() for state in self._states.values()]
        self._states.clear()
        return sorted(self._finished, key=lambda face: face.face_id)

    def _keep_details_of_few(self) -> None:
        """Let the curves and pictures of briefly seen faces go, where there are very many."""
        # Faces of which no frame was good enough may have no curve to begin with.
        if len([face for face in self._finished if _has_curves(face)]) > _DETAILED_FACES:
            detailed = [face for face in self._finished if _has_curves(face)]
            briefest = min(detailed, key=lambda face: (face.usable_frames, -face.face_id))
            empty = np.empty((0, len(self._labels.affect_columns)), np.float32)
            briefest.timeline = Timeline(np.empty(0), empty, 0.0)
            briefest.thumbnails = {}
            briefest.reaction_windows = []
            if briefest.mran is not None:
                briefest.mran.timeline = Timeline(np.empty(0), np.empty((0, 2), np.float32), 0.0)
                briefest.mran.view = None
            if briefest.details is not None:
                briefest.details.timeline = Timeline(
                    np.empty(0), np.empty((0, CURVES), np.float32), 0.0
                )
            self.reduced += 1


def _has_curves(face: FaceSummary) -> bool:
    return bool(
        len(face.timeline.time_s)
        or (face.details is not None and len(face.details.timeline.time_s))
    )
