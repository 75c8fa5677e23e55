#!/bin/sh
# A deeper extractor with many more SYNTHETIC people, from the trainings of recipes/weights.sh. It does not ship: docs/results.md
# says what it reads better and worse. Every step goes on where a stopped run left off.
# Usage: sh recipes/deeper.sh DATA    (needs: pip install ".[train,synthetic]"; RUNS as for weights.sh)
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
runs=${RUNS:-$here/runs}
mkdir -p "$runs/data"
runs=$(cd "$runs" && pwd)
for file in "$1"/*; do ln -sfn "$(realpath "$file")" "$runs/data/$(basename "$file")"; done
data=$runs/data
mien synthesize images --count 14000 --per-person 2 --seed 8 --framing aligned --modalities color \
    --out "$data/synthetic-people-aligned"

train() {  # NAME START OUT SEED ARGUMENT...
    config=$here/configs/mma-compact-$1.toml start=$runs/$2 out=$runs/$3 seed=$4
    shift 4
    mien train mma --config "$config" --data "$data" --cache "$runs/cache" --init "$start" \
        --set "seed=$seed" --out "$out" --teacher "$runs/mma-teacher-4" --teacher "$runs/mma-teacher-5" "$@"
}
# A third seed of the units' part, as a teacher.
train units mma-student-mean mma-units-10 10
taught() { train "$@" --teacher "$runs/mma-units-8" --teacher "$runs/mma-units-9" --teacher "$runs/mma-units-10"; }
taught deeper mma-fitted mma-deeper 11
for seed in 21 22 23; do taught sharp mma-deeper "mma-sharp-$seed" "$seed"; done
for seed in 31 32; do taught settled mma-deeper "mma-settled-$seed" "$seed"; done
mean() { python "$here/recipes/mean_of_runs.py" "$@"; }
mean "$runs/mma-sharp-mean" "$runs/mma-sharp-21" "$runs/mma-sharp-22" "$runs/mma-sharp-23"
mean "$runs/mma-settled-mean" "$runs/mma-settled-31" "$runs/mma-settled-32"
# Means with the networks it started from.
for name in fitted student-mean; do
    python "$here/recipes/grow_run.py" "$here/configs/mma-compact-deeper.toml" "$runs/mma-$name" "$runs/mma-grown-$name"
done
mean "$runs/mma-half-way" "$runs/mma-grown-fitted" "$runs/mma-sharp-mean"
mean "$runs/mma-settled-and-fitted" "$runs/mma-grown-fitted" "$runs/mma-settled-31" "$runs/mma-settled-32"
mean "$runs/mma-of-three" "$runs/mma-grown-fitted" "$runs/mma-grown-student-mean" "$runs/mma-sharp-mean"
for name in fitted deeper sharp-mean half-way of-three settled-mean settled-and-fitted; do
    mien export mma --run "$runs/mma-$name" --about "$here/configs/mma-compact.about.toml" --to "$runs/mma-$name.onnx"
    mien evaluate mma --model "$runs/mma-$name.onnx" --data "$data/ferplus_trainval.npz@valid" \
        --data "$data/muxspace_faces.zip@valid" --data "$data/synthetic-aligned@test"
    mien evaluate jitter --model "$runs/mma-$name.onnx" "$data/videos/pexels_portrait.mp4"
done
