"""Episodes of one video as programs for coding behaviour take them."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd


def elan_text(episodes: pd.DataFrame) -> str:
    """For ELAN's import of tab-delimited text: a tier per person and unit, times in seconds, the
    peak as annotation."""
    table = pd.DataFrame(
        {
            "Tier": episodes["person"].astype(str) + " " + episodes["unit"],
            "Begin Time - ss.msec": episodes["onset_s"],
            "End Time - ss.msec": episodes["offset_s"],
            "Annotation": episodes["peak"].map("{:.2f}".format),
        }
    )
    return str(table.to_csv(sep="\t", index=False, float_format="%.3f", lineterminator="\n"))


def boris_text(episodes: pd.DataFrame) -> str:
    """For *Paste events* of BORIS 8: time, subject, behaviour, modifier, comment, frame.

    A state begins in one row and ends in another. Every line has six cells; an empty last line
    would have one, and BORIS would refuse all of them.
    """
    rows = [
        (row[end], str(row["person"]), row["unit"], f"peak {row['peak']:.2f}")
        for row in episodes.to_dict("records")
        for end in ("onset_s", "offset_s")
    ]
    lines = (
        (f"{time_s:.3f}", who, unit, "", peak, "NA") for time_s, who, unit, peak in sorted(rows)
    )
    return "\n".join("\t".join(line) for line in lines)


CODING_TOOLS: dict[str, Callable[[pd.DataFrame], str]] = {"elan": elan_text, "boris": boris_text}
"""By the option that asks for it, which is the folder of its files, too."""
