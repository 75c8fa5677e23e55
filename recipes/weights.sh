#!/bin/sh
# What ships, from data to exported and measured files. Every step goes on where a stopped run left
# off. Usage: sh recipes/weights.sh DATA   (needs: pip install ".[train,synthetic]")
# RUNS: folder of trainings and drawn sets (runs). WEIGHTS: folder that the files are written to
# (RUNS/weights); WEIGHTS=src/mien/weights replaces what ships.
set -eu
data=$1
here=$(cd "$(dirname "$0")/.." && pwd)
runs=${RUNS:-$here/runs}
weights=${WEIGHTS:-$runs/weights}
mkdir -p "$runs/data" "$weights"
runs=$(cd "$runs" && pwd)
weights=$(cd "$weights" && pwd)

# The extractor: two stages of training, chosen and measured on development sets.
sh "$here/recipes/extractor/make.sh" "$data" "$runs" "$weights"
sh "$here/recipes/extractor/clean.sh" "$data" "$runs" "$weights"
data=$runs/data

sums() {  # mien refuses other files than these
    (cd "$weights" && sha256sum ./*.onnx | sed 's|\./||' > SHA256SUMS)
}
sums

# The same in 8-bit integers, calibrated on SYNTHETIC faces.
mien synthesize images --out "$runs/calibration" --count 256 --per-person 1 --seed 4242 --framing aligned --modalities color --speech 0.3
python "$here/recipes/quantize.py" "$weights/extractor.onnx" "$runs/calibration" "$weights/extractor-int8.onnx"
python "$here/recipes/extractor/compare_integers.py" "$data" "$data" "$runs/mesh" "$runs/cache" \
    "$weights/extractor.onnx" "$weights/extractor-int8.onnx" "$weights/extractor-int8.json"
sums

# What the reaction model is simulated with: the tremble of the extractor on a resting face. It is part of the package.
shipped=$here/src/mien/weights
if [ "$weights" = "$shipped" ]; then
    mien evaluate jitter "$data/videos/pexels_portrait.mp4" --model "$weights/extractor.onnx" --noise "$here/src/mien/synthetic/stage1_noise.json"
fi

# The reaction model, on simulated sequences.
mien train reactions --config "$here/configs/reactions-simulated.toml" \
    --out "$runs/reactions-simulated"
mien export reactions --run "$runs/reactions-simulated" \
    --about "$here/configs/reactions-simulated.about.toml" \
    --to "$weights/reactions-simulated.onnx"
cp "$runs/reactions-simulated/metrics.json" "$weights/reactions-simulated.json"

# MRAN on SYNTHETIC clips, from the encoders of the one that ships.
cd "$here"
sh recipes/mran.sh "$runs"
cp "$runs/mran-trimodal.onnx" "$weights/mran.onnx"
mien evaluate mran --model "$weights/mran.onnx" --data "$runs/trimodal-prepared@test" --by light --by skin_tone \
    --each-missing --stage1 --stage1-model "$weights/extractor.onnx" --out "$weights/mran.json"

sums
if [ "$weights" = "$shipped" ]; then python recipes/write_cards.py; fi
