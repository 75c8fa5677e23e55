"""Synthetic faces with exact truth: so far their geometry (extra ``synthetic``).

A head is a triangle mesh in millimetres that depends on who it is (`Identity`), what its face does
(action units, blinks, gaze, jaw) and how it is held (`HeadPose`). Nothing here is a real person's
face. ``docs/synthetic-faces.md`` describes the model, its action units and its weaknesses.
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
