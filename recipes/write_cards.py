"""Put the measured figures of the shipped models into their cards.

usage: python recipes/write_cards.py [--check]

With --check nothing is written; the exit code is 1 if a card and its figures differ.
"""

import json
import re
import sys
from pathlib import Path

from mien.labels import ACTION_UNITS, EXPRESSIONS

WEIGHTS = Path(__file__).parents[1] / "src" / "mien" / "weights"
_BLOCK = re.compile(r"(<!-- figures -->\n).*?(<!-- /figures -->)", re.DOTALL)


def figure(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


NAMES = {
    "ferplus": "FER+ valid, by votes",
    "fer2013": "FER+ valid, by FER2013's labels",
    "muxspace": "muxspace, held-out people",
    "captions": "SFHQ captions, four expressions",
    "london": "London, neutral and smiling",
    "london both halves": "London, both halves",
    "synthetic": "SYNTHETIC test people",
}
"""Development sets in words."""


def with_interval(row: dict, name: str) -> str:
    """A figure, and behind it its 95 % interval where there is one."""
    told = row.get(f"{name}_interval")
    span = f" [{figure(told[0], 2)}, {figure(told[1], 2)}]" if told else ""
    return figure(row.get(name)) + span


def extractor_figures(document: dict) -> str:
    scores, panel, units = (document[k] for k in ("expressions", "panel", "units"))
    head = ["data (half B)", "n", "accuracy", "balanced accuracy", "macro-F1", "ECE"]
    measures = ("accuracy", "balanced_accuracy", "macro_f1", "ece")
    overall = [
        [NAMES[name], str(row["n"]), *(with_interval(row, measure) for measure in measures)]
        for name, row in scores.items()
        if "n" in row
    ]
    sets = [name for name, row in scores.items() if "recall" in row]
    recalls = [
        [label, *(figure(scores[name]["recall"][label], 2) for name in sets)]
        for label in EXPRESSIONS
    ]
    by_unit = []
    for unit, level in zip(ACTION_UNITS, document["calibration"]["decisions"], strict=True):
        name, row = f"au{unit:02d}", panel["by_unit"][f"AU{unit:02d}"]
        by_unit.append(
            [f"AU{unit:02d}", figure(level, 2), f"{row['positives'] or 0:.0f}"]
            + [figure(row[k], 2) for k in ("f1", "best_f1", "auc")]
            + [figure(units[k]["r"][name], 2) for k in ("ferplus", "muxspace")]
            + [figure(units["synthetic"][k][name], 2) for k in ("f1", "r", "intensity_r")]
        )
    unit_head = ["AU", "level", "panel: positives", "F1", "F1 at best level", "AUC"]
    unit_head += ["FER+: r with mesh", "muxspace: r with mesh"]
    unit_head += ["SYNTHETIC: F1", "r", "r of intensity"]
    return "\n\n".join(
        [
            table(head, overall),
            "In square brackets: 95 % intervals over persons (over pictures, where nobody says who "
            "is in them).",
            "Recall per expression:",
            table(["expression", *(NAMES[name] for name in sets)], recalls),
            f"Action units. Over the units with ten or more positives in the eye panel "
            f"({', '.join(panel['units'])}): mean F1 {with_interval(panel, 'mean_f1')}, "
            f"at the best level {figure(panel['mean_best_f1'])}, AUC {figure(panel['mean_auc'])}. "
            "Mean r with the "
            f"mesh {figure(units['ferplus']['mean_r'])} on FER+ and "
            f"{figure(units['muxspace']['mean_r'])} on muxspace; mean F1 "
            f"{figure(units['synthetic']['mean_f1'])} on SYNTHETIC test people.",
            table(unit_head, by_unit),
            channel_figures(document),
            group_figures(document["groups"]),
            speech_figures(document),
            jitter_figures(document["jitter"]),
        ]
    )


def clean_figures(document: dict) -> str:
    """All of the extractor's figures, those of the default behind them where they differ."""
    default = json.loads((WEIGHTS / "extractor.json").read_text(encoding="utf-8"))
    lines = []
    pairs = zip(
        extractor_figures(document).splitlines(),
        extractor_figures(default).splitlines(),
        strict=True,
    )
    for clean, other in pairs:
        if clean == other:
            lines.append(clean)
        elif clean.startswith("|"):
            cells = zip(clean.split(" | "), other.split(" | "), strict=True)
            lines.append(" | ".join(a if a == b else with_default(a, b) for a, b in cells))
        else:
            lines.append(f"{clean} *Default: {other}*")
    return "\n".join(lines)


def with_default(cell: str, default: str) -> str:
    """A cell, and that of the default in brackets; the bars of a row stay outside."""
    text, bar = (cell[:-2], " |") if cell.endswith(" |") else (cell, "")
    return f"{text} ({default.removesuffix(' |')}){bar}"


def integer_figures(document: dict) -> str:
    rows = []
    for name, row in document.items():
        both = (row.get(key, [None, None]) for key in ("balanced_accuracy", "mean_f1"))
        accuracy, units = (" / ".join(figure(v) for v in pair) for pair in both)
        apart = [figure(row[key], 4) for key in ("mean_difference", "p99_difference")]
        rows.append([NAMES.get(name, "eye panel"), str(row["n"]), *apart, accuracy, units])
    head = ["data (half B)", "n", "mean difference", "99th percentile"]
    return table(
        [*head, "balanced accuracy: float32 / int8", "mean F1 of units: float32 / int8"], rows
    )


def channel_figures(document: dict) -> str:
    rows = []
    for name in ("synthetic", "ferplus", "muxspace"):
        c = document["channels"][name]
        rows.append(
            [
                NAMES[name],
                " / ".join(figure(v, 1) for v in c["pose_error_deg"]),
                " / ".join(figure(v, 2) for v in c["pose_r"]),
                figure(c["eye_r"], 2),
                " / ".join(figure(v, 1) for v in c["gaze_error_deg"]),
                " / ".join(figure(v, 2) for v in c["gaze_r"]),
            ]
        )
    head = ["data", "pose error, degrees (yaw / pitch / roll)", "r", "eyes open: r"]
    head += ["gaze error, degrees (yaw / pitch)", "r"]
    quality = document["quality"]
    kinds = ", ".join(f"{kind} {figure(v, 2)}" for kind, v in quality["auc_by_kind"].items())
    dark = "; ".join(
        f"{NAMES[name]} {figure(row['before'])} to {figure(row['balanced_accuracy'])}"
        for name, row in document["darkened to a third"].items()
    )
    return (
        "Further channels, against exact truth on SYNTHETIC faces and a face mesh on photographs:"
        "\n\n"
        + table(head, rows)
        + f"\n\nQuality: AUC {figure(quality['auc'])} between whole faces "
        f"and faces made bad ({kinds}); {figure(quality['above_level'])} of the whole faces lie "
        f"above the level of {quality['level']}. Darkened to a third, balanced accuracy: {dark}."
    )


def group_figures(groups: dict) -> str:
    (name, london), (_, audit) = groups.items()
    rows = [
        [group, str(row["faces"]), f"{figure(row['right'], 2)} {row['interval']}"]
        for group, row in london.items()
    ]
    return (
        f"{name}: share whose leading expression is right (95 % interval over faces):\n\n"
        + table(["group", "faces", "right"], rows)
        + "\n\n"
        + fairness_figures(audit)
    )


def speech_figures(document: dict) -> str:
    talking = document["talking, SYNTHETIC"]
    changes = ", ".join(f"{k} {figure(v)}" for k, v in talking["mean_change_of_expression"].items())
    valence, arousal = talking["mean_change_of_valence_arousal"]
    return (
        f"Mean change when one of {talking['people']} SYNTHETIC people at rest moves the mouth as "
        f"speech does: {changes}; valence {figure(valence)}, arousal {figure(arousal)}."
    )


def fairness_figures(groups: list) -> str:
    measures = ("missed", "wrong", "au_error", "valence_error", "arousal_error")
    rows = []
    for group in groups:
        cells = [group["factor"], group["level"], str(group["faces"])]
        for name in measures:
            mean, low, high = group[name]
            _, below, above = group[f"{name}_gap"]
            mark = " *" if below > 0 or above < 0 else ""
            cells.append(f"{figure(mean)} [{figure(low)}, {figure(high)}]{mark}")
        rows.append(cells)
    head = ["", "group", "faces", *(name.replace("_", " ") for name in measures)]
    return (
        "Audit on SYNTHETIC people who pose the seven expressions in every "
        "group (95 % intervals over people; *: the group differs from the mean of its factor):"
        "\n\n" + table(head, rows)
    )


def jitter_figures(jitter: dict) -> str:
    raw, steady = jitter["as_estimated"], jitter["steadied"]
    rows = [[name, figure(raw[name], 4), figure(steady[name], 4)] for name in raw]
    means = [figure(sum(side.values()) / len(side), 4) for side in (raw, steady)]
    rows.append(["**mean**", *(f"**{value}**" for value in means)])
    return (
        f"Trembling (standard deviation) in {jitter['resting_frames']} resting frames of "
        f"{jitter['source']}:\n\n" + table(["output", "as estimated", "steadied"], rows)
    )


def reaction_figures(report: dict) -> str:
    rows = [[name.replace("_", " "), figure(r)] for name, r in report["pearson"].items()]
    rows.append([f"**mean**, n {report['n']}", f"**{figure(report['mean_pearson'])}**"])
    return table(["reaction (simulated)", "Pearson's rho"], rows)


def mran_figures(document: dict) -> str:
    scores = document["scores"]
    rows = [
        [name]
        + [
            " / ".join(figure(said["pooled"][k]["ccc"]) for k in ("valence", "arousal"))
            for said in reports[0].values()
        ]
        for name, reports in scores.items()
    ]
    groups = next(iter(scores.values()))[0]
    heads = [head.replace("=", " ").replace("_", " ") for head in groups]
    return table(["read", *heads], rows)


def main() -> int:
    stale = 0
    for name, figures in (
        ("extractor", extractor_figures),
        ("extractor-int8", integer_figures),
        ("extractor-clean", clean_figures),
        ("reactions-simulated", reaction_figures),
        ("mran", mran_figures),
    ):
        card = WEIGHTS / f"{name}.md"
        metrics = json.loads((WEIGHTS / f"{name}.json").read_text(encoding="utf-8"))
        old = card.read_text(encoding="utf-8")
        new = _BLOCK.sub(lambda m, f=figures, r=metrics: m[1] + f(r) + "\n" + m[2], old)
        if new != old:
            stale += 1
            if "--check" in sys.argv:
                print(f"{card.name}: its figures are not those of {name}.json")
            else:
                card.write_text(new, encoding="utf-8")
    return stale if "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
