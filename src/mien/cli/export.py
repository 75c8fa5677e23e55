"""``mien export``: turn a trained model into the ONNX file that mien reads."""

from __future__ import annotations

from pathlib import Path

import click

from mien.cli import NeedsTorch
from mien.errors import ModelError


@click.group("export", cls=NeedsTorch)
def command() -> None:
    """Turn a trained model into the ONNX file that mien reads. Needs the extra 'train'."""


_run = click.option(
    "--run",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of the training run, with model.safetensors.",
)
_to = click.option(
    "--to", type=click.Path(path_type=Path), required=True, help="The ONNX file to write."
)
_about = click.option(
    "--about",
    type=click.Path(path_type=Path),
    required=True,
    help="TOML with name, license, trained_on and caveat, which travel in the file.",
)


_half = click.option(
    "--half",
    is_flag=True,
    help="Store weights in half precision: half the file, answers that differ in the third digit "
    "behind the point at most, the same speed.",
)


@command.command("extractor")
@_run
@_to
@_about
@click.option(
    "--calibration",
    type=click.Path(path_type=Path),
    help="Temperatures, biases and decisions from 'mien calibrate extractor'; they become part of "
    "the file.",
)
@_half
def extractor(run: Path, to: Path, about: Path, calibration: Path | None, half: bool) -> None:
    """Export an extractor trained with 'mien train extractor'."""
    from mien.evaluation.calibration.probabilities import read_calibration
    from mien.export import export_mma, read_about
    from mien.training.extractor.runs import load_extractor_run

    model = load_extractor_run(run).model
    fitted = read_calibration(calibration) if calibration else None
    difference = export_mma(model, to, read_about(about), fitted, half)
    click.echo(f"{to}: {to.stat().st_size / 1e6:.2f} MB, differs from torch by {difference:.1e}")


@command.command("reactions")
@_run
@_to
@_about
def reactions(run: Path, to: Path, about: Path) -> None:
    """Export a reaction model trained with 'mien train reactions'."""
    from mien.config import from_dict
    from mien.export import export_reactions, read_about
    from mien.models.masked_rnn import PRESETS, MaskedRNN, MaskedRNNConfig
    from mien.training.checkpoint import load_checkpoint

    tensors, state = load_checkpoint(run / "model.safetensors")
    if "model" not in state:
        raise ModelError(f"{run}: is not a run of 'mien train reactions'")
    preset = state.get("preset", "facernet")
    if preset not in PRESETS:
        raise ModelError(f"{run}: is a baseline ({preset}); only the masked RNN can be exported")
    shape = from_dict(MaskedRNNConfig, state["model"], "model")
    if not shape.routed:
        raise ModelError(f"{run}: was trained without Mask & Routing and cannot be exported")
    model = MaskedRNN(shape)
    model.load_state_dict(tensors)
    difference = export_reactions(model.eval(), to, read_about(about))
    click.echo(f"{to}: {to.stat().st_size / 1e6:.2f} MB, differs from torch by {difference:.1e}")


@command.command("mran")
@_run
@_to
@_about
@_half
def mran(run: Path, to: Path, about: Path, half: bool) -> None:
    """Export a network trained with 'mien train mran'."""
    from mien.export import export_mran, read_about
    from mien.training.mran.train import load_mran

    model, state = load_mran(run)
    difference = export_mran(model, to, read_about(about), state["fps"], state["seed"], half)
    click.echo(f"{to}: {to.stat().st_size / 1e6:.2f} MB, differs from torch by {difference:.1e}")
