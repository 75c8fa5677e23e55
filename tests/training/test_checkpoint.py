import pytest
import torch

from mien.errors import ModelError
from mien.training.checkpoint import load_checkpoint, save_checkpoint


def test_what_was_saved_is_read_back_and_no_partial_file_stays(tmp_path):
    path = tmp_path / "run" / "checkpoint.safetensors"
    tensors = {"a": torch.randn(3, 4), "b": torch.arange(5).expand(2, 5)}
    save_checkpoint(path, tensors, {"step": 7, "name": "x"})
    read, state = load_checkpoint(path)
    assert state == {"step": 7, "name": "x"}
    assert torch.equal(read["a"], tensors["a"]) and torch.equal(read["b"], tensors["b"])
    assert [p.name for p in path.parent.iterdir()] == ["checkpoint.safetensors"]


def test_missing_and_damaged_files_are_named(tmp_path):
    with pytest.raises(ModelError, match="not a readable checkpoint"):
        load_checkpoint(tmp_path / "nowhere.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"not tensors at all")
    with pytest.raises(ModelError, match="not a readable checkpoint"):
        load_checkpoint(tmp_path / "broken.safetensors")


def test_tensors_without_training_state_are_refused(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, str(tmp_path / "bare.safetensors"))
    with pytest.raises(ModelError, match="holds no training state"):
        load_checkpoint(tmp_path / "bare.safetensors")
