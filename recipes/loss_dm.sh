#!/bin/sh
# What L_DM changes: small extractors without it, with it as shipped, and as the paper weighs it; three seeds each,
# scored from their ONNX files. RUNS holds data/ and cache/ of recipes/weights.sh. Everything resumes.
#   sh recipes/loss_dm.sh RUNS
set -e
runs=$1
here=$(cd "$(dirname "$0")/.." && pwd)
for way in none:loss.dm=0 ours:loss.dm=0.02 paper:loss.dm=1; do
    name=${way%%:*}
    extra=
    if [ "$name" = paper ]; then extra="--set relatedness=binary --set detach_dm=false"; fi
    models=
    for seed in 0 1 2; do
        run="$runs/loss-dm/$name-$seed"
        # shellcheck disable=SC2086  # words on purpose
        mien train mma --config "$here/configs/mma-loss-dm.toml" --data "$runs/data" --cache "$runs/cache" \
            --set "seed=$seed" --set "${way#*:}" $extra --out "$run"
        mien export mma --run "$run" --about "$here/configs/mma-compact.about.toml" --to "$run.onnx"
        models="$models --model $run.onnx"
    done
    # shellcheck disable=SC2086
    mien evaluate mma $models --data "$runs/data/ferplus_trainval.npz@valid" \
        --data "$runs/data/muxspace_faces.zip@valid" --data "$runs/data/synthetic-aligned@test" \
        > "$runs/loss-dm/$name.md"
done
