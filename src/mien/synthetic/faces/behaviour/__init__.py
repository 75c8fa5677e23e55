"""What a face does over time, and what that expresses: the truth that pictures are made from.

`draw_moment` gives stills, `draw_performance` videos; `read_affect` is the model by which both get
their labels from action units alone.
"""

from mien.synthetic.faces.behaviour.affect import Affect, read_affect
from mien.synthetic.faces.behaviour.compatibility import reconcile
from mien.synthetic.faces.behaviour.moment import Moment, Physiology
from mien.synthetic.faces.behaviour.performance import Performance, draw_performance
from mien.synthetic.faces.behaviour.physiology import PhysiologySignals, physiology_signals
from mien.synthetic.faces.behaviour.stills import draw_moment

__all__ = [
    "Affect",
    "Moment",
    "Performance",
    "Physiology",
    "PhysiologySignals",
    "draw_moment",
    "draw_performance",
    "physiology_signals",
    "read_affect",
    "reconcile",
]
