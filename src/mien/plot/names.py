"""Names of a study's columns."""

from __future__ import annotations

_LEAST_P = 0.001


def plain_name(measure: str) -> str:
    """How a column of a study's summary is called.

    >>> plain_name("au12_mean"), plain_name("expr_sadness_sd"), plain_name("au06_active_share")
    ('AU12', 'sadness (SD)', 'AU06 (share of time active)')
    """
    kinds = {"_mean": "", "_sd": " (SD)", "_active_share": " (share of time active)"}
    kinds["_episodes_per_min"] = " (episodes per minute)"
    for ending, words in kinds.items():
        if measure.endswith(ending):
            name = measure.removesuffix(ending).removeprefix("expr_").replace("_", " ")
            return (name.upper() if name.startswith("au") and name[2:3].isdigit() else name) + words
    return measure.replace("_", " ")


def p_text(p: float) -> str:
    """A p-value as papers print it; it is never 0.

    >>> p_text(0.0412), p_text(0.0002)
    ('p = 0.041', 'p < 0.001')
    """
    return f"p = {p:.3f}" if p >= _LEAST_P else "p < 0.001"
