#!/bin/sh
# Last stages of their own for valence-arousal and action units, from the trainings of recipes/weights.sh. Under way: docs/results.md
# says what is known. Every step goes on where a stopped run left off.
# Usage: sh recipes/apart.sh DATA    (needs: pip install ".[train,synthetic]"; RUNS as for weights.sh)
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
runs=${RUNS:-$here/runs}
mkdir -p "$runs/data" "$runs/apart"
runs=$(cd "$runs" && pwd)
for file in "$1"/*; do ln -sfn "$(realpath "$file")" "$runs/data/$(basename "$file")"; done
data=$runs/data about=$here/configs/mma-compact.about.toml
mien synthesize images --count 14000 --per-person 2 --seed 8 --framing aligned --modalities color \
    --out "$data/synthetic-people-aligned"
part() {  # CONFIG START OUT SEED
    mien train mma --config "$here/configs/$1.toml" --data "$data" --cache "$runs/cache" --init "$runs/$2" \
        --set "seed=$4" --out "$runs/$3"
}
part mma-compact-apart mma-fitted mma-apart 51
for seed in 52 53; do part mma-compact-apart-on mma-apart "mma-apart-$seed" "$seed"; done
python "$here/recipes/mean_of_runs.py" "$runs/mma-apart-mean" "$runs/mma-apart-52" "$runs/mma-apart-53"
for name in apart apart-mean; do
    mien export mma --run "$runs/mma-$name" --about "$about" --to "$runs/apart/$name.onnx"
    mien calibrate mma --model "$runs/apart/$name.onnx" --to "$runs/apart/$name.json" \
        --data "$data/ferplus_trainval.npz@valid" --data "$data/muxspace_faces.zip@valid" \
        --data "$data/synthetic-aligned@valid"
    mien export mma --run "$runs/mma-$name" --about "$about" --calibration "$runs/apart/$name.json" --half \
        --to "$runs/apart/$name.onnx"
    python "$here/recipes/measure_mma.py" "$data" "$runs/apart/$name.onnx" "$runs/apart/$name.json" \
        "$runs/apart/$name-measured.json"
done
