"""Put the measured figures of the shipped models into their cards.

usage: python recipes/write_cards.py [--check]

With --check nothing is written; the exit code is 1 if a card and its figures differ.
"""

import json
import re
import sys
from pathlib import Path

from mien.labels import EXPRESSIONS, VALENCE_AROUSAL

WEIGHTS = Path(__file__).parents[1] / "src" / "mien" / "weights"
_BLOCK = re.compile(r"(<!-- figures -->\n).*?(<!-- /figures -->)", re.DOTALL)


def figure(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def mma_figures(document: dict) -> str:
    reports = document["reports"]
    names = list(reports)
    overall = [
        [
            name,
            str(report["n"]),
            figure(report["accuracy"], 4),
            figure(report["macro_f1"]),
            figure(mean_known(report["recall"])),
            figure(report["valence_arousal_ccc"]["valence"]),
            figure(report["valence_arousal_ccc"]["arousal"]),
            figure(report["au_mean_correlation"]),
            f"{figure(report['au_mean_f1'])} / {figure(report['au_decided_mean_f1'])}",
            figure(report["contradictions"]["rate"]),
        ]
        for name, report in reports.items()
    ]
    head = ["data", "n", "accuracy", "macro-F1", "macro recall", "CCC valence", "CCC arousal"]
    head += ["AU mean r", "AU mean F1 at 0.5 / decided", "contradictions"]
    classes = [
        [label]
        + [f"{figure(reports[n]['recall'][label])} ({reports[n]['support'][label]})" for n in names]
        for label in reports[names[0]]["recall"]
    ]
    units = [
        [unit.upper(), figure(level, 2)]
        + [
            " / ".join(
                figure(reports[n][key][unit])
                for key in ("au_correlation", "au_f1", "au_decided_f1")
            )
            for n in names
        ]
        for unit, level in zip(
            reports[names[0]]["au_correlation"], document["calibration"]["decisions"], strict=True
        )
    ]
    return "\n\n".join(
        [
            table(head, overall),
            "Recall per expression (faces):",
            table(["expression", *names], classes),
            "Per action unit, Pearson's r / F1 at 0.5 / F1 at the model's decision (the level from "
            "which on its probability counts as active): on photographs against a teacher "
            "network, on SYNTHETIC faces against the truth:",
            table(["AU", "decision", *names], units),
            calibration_figures(document["calibration"]),
            fairness_figures(document["fairness"]),
            jitter_figures(document["jitter"]),
        ]
    )


def calibration_figures(calibration: dict) -> str:
    measures = ["accuracy", "macro_f1", "expression_ece", "au_ece", "au_decided_mean_f1"]
    measures += [f"{name}_ccc" for name in VALENCE_AROUSAL]
    rows = [
        [f"{name}, {entry['split']}", str(entry["faces"])]
        + [
            f"{figure(entry['before'][error])} to {figure(entry['after'][error])}"
            for error in measures
        ]
        for name, entry in calibration["measured on the other half"].items()
    ]
    temperatures = calibration["temperatures"]
    temperature = figure(temperatures["expressions"], 2)
    named = zip(EXPRESSIONS, temperatures["expression_biases"], strict=True)
    biases = ", ".join(f"{name} {value:+.2f}" for name, value in named if value) or "none"
    head = ["data", "faces", "accuracy", "macro-F1", "ECE of expressions", "ECE of AUs (mean)"]
    head += ["F1 of AUs (mean), at 0.5 to decided", "CCC valence", "CCC arousal"]
    reach = " and ".join(
        f"{name} {gain:.2f} x {offset:+.2f}"
        for name, gain, offset in zip(
            VALENCE_AROUSAL,
            temperatures["affect_gains"],
            temperatures["affect_offsets"],
            strict=True,
        )
    )
    return (
        f"Calibration, before and after, on the half of the faces that was not fitted on "
        f"(temperature of the expressions {temperature}; biases {biases}; before the tanh, "
        f"{reach}):\n\n" + table(head, rows)
    )


def fairness_figures(fairness: dict) -> str:
    measures = ("missed", "wrong", "au_error", "valence_error", "arousal_error")
    rows = []
    for group in fairness["groups"]:
        cells = [group["factor"], group["level"], str(group["faces"])]
        for name in measures:
            mean, low, high = group[name]
            _, below, above = group[f"{name}_gap"]
            mark = " *" if below > 0 or above < 0 else ""
            cells.append(f"{figure(mean)} [{figure(low)}, {figure(high)}]{mark}")
        rows.append(cells)
    head = ["", "group", "faces", *(name.replace("_", " ") for name in measures)]
    return (
        f"Audit on {fairness['people']} SYNTHETIC people who pose the seven expressions in every "
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


def mean_known(values: dict) -> float | None:
    known = [value for value in values.values() if value is not None]
    return sum(known) / len(known) if known else None


def reaction_figures(report: dict) -> str:
    rows = [[name.replace("_", " "), figure(r)] for name, r in report["pearson"].items()]
    rows.append([f"**mean**, n {report['n']}", f"**{figure(report['mean_pearson'])}**"])
    return table(["reaction (simulated)", "Pearson's rho"], rows)


def mran_figures(document: dict) -> str:
    scores = document["scores"]
    rows = []
    for name, groups in scores.items():
        cells = [
            f"{figure(said['valence']['ccc'])} / {figure(said['arousal']['ccc'])}"
            for said in groups.values()
        ]
        rows.append([name, *cells])
    heads = [head.replace("=", " ").replace("_", " ") for head in next(iter(scores.values()))]
    return table(["read", *heads], rows)


def main() -> int:
    stale = 0
    for name, figures in (
        ("mma-compact", mma_figures),
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
