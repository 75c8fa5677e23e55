#!/bin/sh
# The shipped weights, from data to exported and measured files. Every step goes on where a stopped
# run left off. Usage: sh recipes/weights.sh DATA   (needs: pip install ".[train]")
set -eu
data=$1
here=$(cd "$(dirname "$0")/.." && pwd)
runs=${RUNS:-$here/runs}
weights=$here/src/mien/weights

# The corpora and the drawn faces side by side, without writing into the data folder.
mkdir -p "$runs/data"
for file in "$data"/*; do ln -sfn "$(realpath "$file")" "$runs/data/$(basename "$file")"; done
data=$runs/data
mien synthesize images --count 10000 --seed 7 --framing aligned --modalities color \
    --out "$data/synthetic-aligned"

# Stage 1: the extractor, from scratch on small crops, then at full resolution, then deeper and with
# the drawn faces.
mien train mma --config "$here/configs/mma-compact.toml" --data "$data" \
    --cache "$runs/cache" --out "$runs/mma-compact"
mien train mma --config "$here/configs/mma-compact-finish.toml" --data "$data" \
    --cache "$runs/cache" --init "$runs/mma-compact" --out "$runs/mma-compact-finish"
mien train mma --config "$here/configs/mma-compact-deep.toml" --data "$data" \
    --cache "$runs/cache" --init "$runs/mma-compact-finish" --out "$runs/mma-compact-deep"

# Calibrated, exported, measured.
about=$here/configs/mma-compact.about.toml
mien export mma --run "$runs/mma-compact-deep" --about "$about" --to "$runs/uncalibrated.onnx"
mien calibrate mma --model "$runs/uncalibrated.onnx" --to "$runs/calibration.json" \
    --data "$data/ferplus_trainval.npz@valid" --data "$data/muxspace_faces.zip@valid" \
    --data "$data/synthetic-aligned@valid"
mien export mma --run "$runs/mma-compact-deep" --about "$about" \
    --calibration "$runs/calibration.json" --to "$weights/mma-compact.onnx"
python "$here/recipes/measure_mma.py" "$data" "$runs/calibration.json" "$weights/mma-compact.json"

# What stage 2 is simulated with: the tremble of stage 1 on a resting face.
python "$here/recipes/measure_noise.py" "$data/videos/pexels_portrait.mp4" \
    "$here/src/mien/synthetic/stage1_noise.json"

# Stage 2: the masked RNN, on simulated sequences.
mien train reactions --config "$here/configs/reactions-simulated.toml" \
    --out "$runs/reactions-simulated"
mien export reactions --run "$runs/reactions-simulated" \
    --about "$here/configs/reactions-simulated.about.toml" \
    --to "$weights/reactions-simulated.onnx"
cp "$runs/reactions-simulated/metrics.json" "$weights/reactions-simulated.json"

python "$here/recipes/write_cards.py"
