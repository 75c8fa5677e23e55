"""Hold the simulator's assumptions about raters against CREMA-D's ratings of silent faces.

    python recipes/check_simulator.py CREMA-D/processedResults/tabulatedVotes.csv

It prints a Markdown table. CREMA-D's clips are acted and short, and of its six emotions only
disgust and fear are reactions of the simulator, so what is compared is how ratings behave: how far
raters differ, how much of a video's rating its strongest emotion takes, how many appear together.
Dynamics (onset, apex, how often) would need the clips; ratings say nothing of them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from mien.data.formats.text_tables import read_rows
from mien.labels import REACTIONS
from mien.synthetic.reactions import measured_noise, simulate_video

EMOTIONS = {"A": "Anger", "D": "Disgust", "F": "Fear", "H": "Happy", "N": "Neutral", "S": "Sad"}
PRESENT = 0.1  # label from which an emotion counts as there; the simulator draws none below
SIMULATED = 5000
LENGTH, FPS = 90, 30.0  # three seconds, about what a clip of CREMA-D lasts


def people(path: Path) -> dict[str, np.ndarray]:
    """Ratings of faces alone (ids that begin with 2), (clips, 5) without neutral."""
    votes, level, raters, most = [], [], [], []
    for row in read_rows(path, ("fileName", "numResponses", *EMOTIONS)):
        if row.cells[""].startswith("2"):
            names = [(short, long) for short, long in EMOTIONS.items() if short != "N"]
            votes.append([float(row.cells[short]) for short, _ in names])
            level.append([max(0.0, float(row.cells[f"mean{long}Resp"])) for _, long in names])
            raters.append(sum(float(row.cells[short]) for short in EMOTIONS))
            most.append(max(float(row.cells[short]) for short in EMOTIONS))
    n = np.array(raters)[:, None]
    share, strength = np.array(votes) / n, np.array(level) / 100
    # Those who chose an emotion differ in strength, too, which the table does not tell: the spread
    # is at least this.
    spread = strength * np.sqrt(share * (1 - share))
    return {
        "label": share * strength,
        "spread": spread,
        "error": spread / np.sqrt(n - 1),
        "raters": n[:, 0],
        "agreement": np.array(most) / n[:, 0],
    }


def simulated(seed: int = 0) -> np.ndarray:
    """Labels of the simulator, (videos, 7)."""
    rng = np.random.default_rng(seed)
    noise = measured_noise()
    return np.stack([simulate_video(rng, LENGTH, FPS, noise)[1] for _ in range(SIMULATED)])


def lift(labels: np.ndarray, first: int, second: int) -> float:
    """How much more often two are there together than if they were independent."""
    there = labels >= PRESENT
    both = (there[:, first] & there[:, second]).mean()
    return float(both / (there[:, first].mean() * there[:, second].mean()))


def describe(labels: np.ndarray) -> dict[str, str]:
    """What both kinds of labels have; videos in which nothing is there are left out."""
    there = (labels >= PRESENT).sum(axis=1)
    some = labels[there > 0]
    strongest = some.max(axis=1)
    share = strongest / some.clip(0).sum(axis=1)
    counts = [(there[there > 0] == k).mean() for k in (1, 2)]
    return {
        "videos with any emotion": f"{(there > 0).mean():.2f}",
        "strongest label: mean, deviation": f"{strongest.mean():.2f}, {strongest.std():.2f}",
        "share of the strongest in the sum": f"{share.mean():.2f}",
        "one, two, three or more there": " / ".join(
            f"{value:.2f}" for value in (*counts, 1 - sum(counts))
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("votes", type=Path)
    rated, drawn = people(parser.parse_args().votes), simulated()
    real, made = describe(rated["label"]), describe(drawn)
    present = rated["label"] >= PRESENT
    error = float(np.sqrt((rated["error"][present] ** 2).mean()))
    real["error of a label (standard error of its mean rater)"] = f"{error:.3f}"
    made["error of a label (standard error of its mean rater)"] = "0.040"
    real["spread of single raters where an emotion is there"] = (
        f"{rated['spread'][present].mean():.2f}"
    )
    made["spread of single raters where an emotion is there"] = "not simulated"
    real["raters who agree with the most frequent emotion"] = f"{rated['agreement'].mean():.2f}"
    made["raters who agree with the most frequent emotion"] = "not simulated"
    names = [name for short, name in EMOTIONS.items() if short != "N"]
    real["disgust and fear together, against chance"] = (
        f"{lift(rated['label'], names.index('Disgust'), names.index('Fear')):.2f}"
    )
    made["disgust and fear together, against chance"] = (
        f"{lift(drawn, REACTIONS.index('disgust'), REACTIONS.index('fear')):.2f}"
    )
    print(f"{len(rated['label'])} clips, {rated['raters'].mean():.1f} raters each; {len(drawn)} "
          "simulated videos\n")  # fmt: skip
    print("| | CREMA-D, faces alone | simulator |\n|---|---|---|")
    for name, value in real.items():
        print(f"| {name} | {value} | {made[name]} |")


if __name__ == "__main__":
    main()
