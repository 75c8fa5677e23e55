#!/bin/sh
# The shipped weights, from data to exported and measured files. Every step goes on where a stopped
# run left off. Usage: sh recipes/weights.sh DATA   (needs: pip install ".[train]")
set -eu
data=$1
here=$(cd "$(dirname "$0")/.." && pwd)
runs=${RUNS:-$here/runs}
weights=$here/src/mien/weights

# Stage 1: the extractor, from scratch on small crops, then finished at full resolution.
mien train mma --config "$here/configs/mma-compact.toml" --data "$data" \
    --cache "$runs/cache" --out "$runs/mma-compact"
mien train mma --config "$here/configs/mma-compact-finish.toml" --data "$data" \
    --cache "$runs/cache" --init "$runs/mma-compact" --out "$runs/mma-compact-finish"
mien export mma --run "$runs/mma-compact-finish" --about "$here/configs/mma-compact.about.toml" \
    --to "$weights/mma-compact.onnx"
python "$here/recipes/measure_mma.py" "$data" "$weights/mma-compact.json"

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
