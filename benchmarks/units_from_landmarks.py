"""How well action units of SYNTHETIC faces can be read from landmarks alone, at what precision.

usage: python benchmarks/units_from_landmarks.py SET [SET ...] [--noise PX ...] [--model FILE.onnx]

Sets are folders of `mien synthesize images --framing aligned`; the test people of the first are
tested on, everybody else in all sets is learned from. A small network reads the shape of the
face (26 landmarks and the detector's five, brought to the same place and size, and the pose) with
normal noise of so many pixels on each coordinate, in training as in test. Printed: mean over the 17
units of Pearson's r with the intensity, and of F1 at the best level for each unit, chosen on the
test people themselves (an upper bound, the same for all rows). With --model the extractor reads the
pictures of the same people, by light, pose and resolution.
"""

import argparse
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import nn

from mien.datasets import load_synthetic
from mien.datasets.synthetic import ACTIVE, INACTIVE, PRESENT
from mien.evaluation.mma import predict_faces
from mien.inference.models import AffectModel
from mien.labels import ACTION_UNIT_COLUMNS, ACTION_UNIT_SLICE, FACE_LANDMARKS, LANDMARKS

PLACES = [f"lm_{n}_{a}" for n in FACE_LANDMARKS for a in "xy"]
PLACES += [f"{n}_{a}" for n in LANDMARKS for a in "xy"]
POSE = ["pose_yaw_deg", "pose_pitch_deg", "pose_roll_deg"]
EPOCHS, BATCH = 30, 256


def shapes(table, noise_px: float, rng: np.random.Generator) -> torch.Tensor:
    places = np.stack([table[name] for name in PLACES], 1).astype(np.float64)
    places = (places + rng.normal(size=places.shape) * noise_px).reshape(len(places), -1, 2)
    centred = places - places.mean(1, keepdims=True)
    size = np.sqrt((centred**2).sum((1, 2), keepdims=True))
    pose = np.stack([table[name] for name in POSE], 1) / 20
    return torch.tensor(np.hstack([(centred / size).reshape(len(places), -1), pose])).float()


def read(train: torch.Tensor, units: np.ndarray, test: torch.Tensor) -> np.ndarray:
    """Probabilities of the units of test faces from a network of two hidden layers."""
    torch.manual_seed(0)
    middle, spread = train.mean(0), train.std(0) + 1e-6
    train, test = (train - middle) / spread, (test - middle) / spread
    wanted = torch.tensor(np.clip((units - INACTIVE) / (ACTIVE - INACTIVE), 0, 1)).float()
    layers: list[nn.Module] = []
    for width in (train.shape[1], 512):
        layers += [nn.Linear(width, 512), nn.ReLU(), nn.Dropout(0.2)]
    network = nn.Sequential(*layers, nn.Linear(512, units.shape[1]))
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.05)
    steps = EPOCHS * (len(train) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in range(EPOCHS):
        order = torch.randperm(len(train))
        for rows in order[: len(order) // BATCH * BATCH].view(-1, BATCH):
            said = network(train[rows])
            loss = nn.functional.binary_cross_entropy_with_logits(said, wanted[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        return network.eval()(test).sigmoid().numpy()


def best_f1(said: np.ndarray, present: np.ndarray) -> float:
    best = 0.0
    for level in np.unique(np.quantile(said, np.linspace(0, 1, 101))):
        active = said >= level
        both = 2 * (active & present).sum()
        best = max(best, both / max(1, active.sum() + present.sum()))
    return best


def row(name: str, said: np.ndarray, truth: np.ndarray) -> None:
    units = range(truth.shape[1])
    f1 = np.mean([best_f1(said[:, k], truth[:, k] >= PRESENT) for k in units])
    r = np.mean([np.corrcoef(said[:, k], truth[:, k])[0, 1] for k in units])
    print(f"{name:42s} n {len(truth):4d}   r {r:.3f}   F1 {f1:.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--noise", type=float, nargs="*", default=[0.0, 0.3, 0.6, 1.0, 1.5])
    parser.add_argument("--model", type=Path)
    args = parser.parse_args()
    tables = [pq.read_table(folder / "manifest.parquet").to_pandas() for folder in args.sets]
    columns = list(ACTION_UNIT_COLUMNS)
    test = tables[0][tables[0].split == "test"]
    truth = test[columns].to_numpy(np.float64)
    learned = [tables[0][tables[0].split != "test"], *tables[1:]]
    units = np.concatenate([table[columns].to_numpy(np.float64) for table in learned])
    for noise_px in args.noise:
        rng = np.random.default_rng(0)
        train = torch.cat([shapes(table, noise_px, rng) for table in learned])
        said = read(train, units, shapes(test, noise_px, rng))
        row(f"landmarks with noise of {noise_px} px", said, truth)
    if args.model is None:
        return
    faces = load_synthetic(args.sets[0], "test")
    seen = test.set_index("color").loc[faces.names]
    said = predict_faces(AffectModel(args.model), faces)[:, ACTION_UNIT_SLICE]
    frontal = (seen.pose_yaw_deg.abs() < 15) & (seen.pose_pitch_deg.abs() < 12)
    lit, sharp = seen.scene_light.isin(["even", "soft"]), seen.scene_low_px == 0
    for name, these in {
        "the extractor, all pictures": sharp | ~sharp,
        "in even or soft light": lit,
        "frontal": frontal,
        "not made coarse": sharp,
        "even or soft light, frontal, not coarse": lit & frontal & sharp,
    }.items():
        row(name, said[these.to_numpy()], seen[columns].to_numpy(np.float64)[these.to_numpy()])


if __name__ == "__main__":
    main()
