"""When action units were active: a list that leads to the moments."""

from __future__ import annotations

from mien.report.charts.registry import FaceView
from mien.report.text import channel, clock, number, plural

MOST = 300


def episodes(view: FaceView) -> str:
    """The episodes of a face as a folded table, the longest first where there are too many."""
    told = view.face.episodes
    if not told:
        return ""
    shown = told
    if len(told) > MOST:
        longest = sorted(told, key=lambda one: -one[1].duration_s)[:MOST]
        shown = sorted(longest, key=lambda one: (one[1].onset_s, one[0]))
    names = view.face.labels.affect_columns
    rows = "".join(
        f'<tr><th scope="row">{channel(names.index(name), view.face.labels)}</th>'
        f'<td><span class="at" data-t="{one.onset_s:.3f}">{clock(one.onset_s)}</span></td>'
        f'<td><span class="at" data-t="{one.apex_s:.3f}">{clock(one.apex_s)}</span></td>'
        f"<td>{clock(one.offset_s)}</td><td>{one.duration_s:.2f} s</td>"
        f"<td>{number(one.peak)}</td></tr>"
        for name, one in shown
    )
    left = f"; the {MOST} longest of them" if len(told) > MOST else ""
    return (
        f"<details><summary>{plural(len(told), 'episode', 'episodes')} of active units{left}"
        f'</summary><p class="quiet">A unit is active from its threshold on; interruptions under '
        "0.2 s are bridged, and what is then shorter than 0.2 s is left out: the rules of "
        f'<code>mien study</code>.</p><div class="scroll tall" tabindex="0" role="region" '
        f'aria-label="Episodes of {view.who}"><table class="numbers"><thead><tr>'
        '<th scope="col">unit</th><th scope="col">onset</th><th scope="col">apex</th>'
        '<th scope="col">offset</th><th scope="col">lasts</th><th scope="col">peak</th></tr>'
        f"</thead><tbody>{rows}</tbody></table></div></details>"
    )
