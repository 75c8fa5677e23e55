#!/bin/sh
# A deeper extractor with many more SYNTHETIC people, from the trainings of recipes/weights.sh. It does not ship: docs/results.md
# says what it reads better and worse. Every step goes on where a stopped run left off.
# Usage: sh recipes/deeper.sh DATA    (needs: pip install ".[train,synthetic]"; RUNS as for weights.sh)
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
runs=${RUNS:-$here/runs}
mkdir -p "$runs/data"
for file in "$1"/*; do ln -sfn "$(realpath "$file")" "$runs/data/$(basename "$file")"; done
data=$runs/data
mien synthesize images --count 14000 --per-person 2 --seed 8 --framing aligned --modalities color \
    --out "$data/synthetic-people-aligned"

train() {  # NAME START OUT SEED TEACHER...
    config=$here/configs/mma-compact-$1.toml start=$runs/$2 out=$runs/$3 seed=$4
    shift 4
    teachers=
    for run in "$@"; do teachers="$teachers --teacher $runs/$run"; done
    mien train mma --config "$config" --data "$data" --cache "$runs/cache" --init "$start" \
        --set "seed=$seed" --out "$out" $teachers
}
# A third seed of the units' part, as a teacher.
train units mma-student-mean mma-units-10 10 mma-teacher-4 mma-teacher-5
all="mma-teacher-4 mma-teacher-5 mma-units-8 mma-units-9 mma-units-10"
train deeper mma-fitted mma-deeper 11 $all
for seed in 21 22 23; do train sharp mma-deeper "mma-sharp-$seed" "$seed" $all; done
mean() { python "$here/recipes/mean_of_runs.py" "$@"; }
mean "$runs/mma-sharp-mean" "$runs/mma-sharp-21" "$runs/mma-sharp-22" "$runs/mma-sharp-23"
# Half way back to the network it started from.
python "$here/recipes/grow_run.py" "$here/configs/mma-compact-deeper.toml" "$runs/mma-fitted" "$runs/mma-grown"
mean "$runs/mma-half-way" "$runs/mma-grown" "$runs/mma-sharp-mean"
for name in deeper sharp-mean half-way; do
    mien export mma --run "$runs/mma-$name" --about "$here/configs/mma-compact.about.toml" --to "$runs/mma-$name.onnx"
done
mien evaluate mma --model "$runs/mma-deeper.onnx" --model "$runs/mma-sharp-mean.onnx" --model "$runs/mma-half-way.onnx" \
    --data "$data/ferplus_trainval.npz@valid" --data "$data/muxspace_faces.zip@valid" --data "$data/synthetic-aligned@test"
