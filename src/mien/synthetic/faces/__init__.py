"""Synthetic faces with exact truth, in color, depth and thermal infrared (extra ``synthetic``).

``geometry`` is the head as a mesh, ``appearance`` its paint and dress, ``rendering`` the cameras
(`mien.synthetic.faces.rendering.studio.Studio`), ``behaviour`` what faces do and express, and
``generation`` the sets on disk. The names below are those of the geometry. Nothing here is a real
person's face; ``docs/synthetic-faces.md`` describes the models and their weaknesses.
"""

from mien.synthetic.faces.geometry.action_units import (
    ACTION_TABLE,
    COMPOSED,
    INCOMPATIBLE,
    action_weights,
)
from mien.synthetic.faces.geometry.basis import HeadBasis, load_basis
from mien.synthetic.faces.geometry.controls import Blink, Gaze, HeadPose, Jaw
from mien.synthetic.faces.geometry.head import Eyes, HeadModel, Person
from mien.synthetic.faces.geometry.identity import Identity, draw_identity, mean_identity

__all__ = [
    "ACTION_TABLE",
    "COMPOSED",
    "INCOMPATIBLE",
    "Blink",
    "Eyes",
    "Gaze",
    "HeadBasis",
    "HeadModel",
    "HeadPose",
    "Identity",
    "Jaw",
    "Person",
    "action_weights",
    "draw_identity",
    "load_basis",
    "mean_identity",
]
