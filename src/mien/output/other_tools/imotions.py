"""iMotions: the sensor export of its AFFDEX module, of which lines of facts are the head.

Its numbers run from 0 to 100 (valence from -100 to 100) and each stands for itself: emotions do
not sum to 100. Engagement is not arousal, Smirk and Attention are no units, and the signs of its
angles are not published: these are left out.
"""

from __future__ import annotations

import numpy as np

from mien.output.other_tools import Cells, OtherTable, register_reader

_EMOTIONS = {"Neutral": "neutral", "Anger": "anger", "Contempt": "contempt", "Disgust": "disgust"}
_EMOTIONS |= {"Fear": "fear", "Joy": "happiness", "Sadness": "sadness", "Surprise": "surprise"}

# AFFDEX names movements; the units are those of FACS that show them.
_UNITS = {"Inner Brow Raise": 1, "Brow Raise": 2, "Brow Furrow": 4, "Eye Widen": 5}
_UNITS |= {"Cheek Raise": 6, "Lid Tighten": 7, "Nose Wrinkle": 9, "Upper Lip Raise": 10}
_UNITS |= {"Smile": 12, "Dimpler": 14, "Lip Corner Depressor": 15, "Chin Raise": 17}
_UNITS |= {"Lip Pucker": 18, "Lip Stretch": 20, "Lip Press": 24, "Mouth Open": 25}
_UNITS |= {"Jaw Drop": 26, "Lip Suck": 28, "Eye Closure": 43}


class _IMotions:
    title = "iMotions"
    needs = ("Timestamp", "Anger", "Joy", "Brow Furrow")

    def read(self, cells: Cells, fps: float | None) -> OtherTable:
        """Valence, emotions and movements as shares; rows of other sensors are passed over."""
        columns, scales = {}, {}
        if "Valence" in cells:
            columns["valence"] = cells.numbers("Valence") / 100
            scales["valence"] = "AFFDEX's valence over 100, -1 to 1"
        for theirs, name in _EMOTIONS.items():
            if theirs in cells:
                columns[f"expr_{name}"] = cells.numbers(theirs) / 100
                scales[f"expr_{name}"] = f"AFFDEX's {theirs} over 100; emotions do not sum to 1"
        for theirs, unit in _UNITS.items():
            if theirs in cells:
                columns[f"au{unit:02d}"] = cells.numbers(theirs) / 100
                scales[f"au{unit:02d}"] = f"AFFDEX's {theirs} over 100, taken as AU{unit}"
        time_s = cells.numbers("Timestamp") / 1000
        # Other sensors write rows of their own, without a word in the columns of the face.
        own = np.ones(cells.rows, bool)
        if "SampleNumber" in cells:
            own = np.isfinite(cells.numbers("SampleNumber"))
        own &= np.isfinite(time_s)
        seen = np.any([np.isfinite(values) for values in columns.values()], axis=0)[own]
        return OtherTable(
            np.arange(int(own.sum())),
            time_s[own],
            np.where(seen, 0, -1).astype(np.int64),
            {name: values[own] for name, values in columns.items()},
            scales,
            ("times are those of the export, which begin with the recording, not the stimulus",),
        )


register_reader("imotions")(_IMotions())
