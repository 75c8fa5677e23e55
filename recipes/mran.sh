#!/bin/sh
# The tri-modal benchmark and MRAN's weights: generate, prepare, train, export, score. Everything resumes:
# run the same line again after a stop. On two cores: half an hour to generate, then three hours for a seed on each.
#   sh recipes/mran.sh RUNS SEED      ENCODERS is the compact extractor to start from, THREADS how many a training uses
set -e
runs=$1 seed=$2
extractor=${ENCODERS:?is the run or the exported file of a compact extractor (configs/mma-compact.toml)}
mien synthesize trimodal --out "$runs/synthetic-trimodal"
mien datasets prepare synthetic-trimodal --root "$runs/synthetic-trimodal" --out "$runs/trimodal-prepared"
# More people than the benchmark has, few frames of each, for the first part. Another seed: other people.
mien synthesize trimodal --out "$runs/synthetic-people" --seed 1 --train 5000 --valid 120 --test 1 --seconds 2 --fps 2
mien datasets prepare synthetic-trimodal --root "$runs/synthetic-people" --out "$runs/people-prepared"
part() {  # CONFIG OUT DATA START...
    config=$1 out=$2 data=$3
    shift 3
    mien train mran --config "configs/$config.toml" --data "$data" --set "seed=$seed" --set threads="${THREADS:-1}" \
        --out "$out" "$@"
}
first() {  # NAME CONFIG START...
    of=$1 config=$2
    shift 2
    part "mran-$of-$config" "$runs/mran-$of-$config-$seed" "$runs/people-prepared" "$@"
}
alone() {  # NAME: a stream's encoder learns by itself, in three parts
    first "$1" short --encoders "$extractor"
    first "$1" on --encoders "$runs/mran-$1-short-$seed"
    first "$1" long --init "$runs/mran-$1-on-$seed"
}
alone color
alone depth
first trimodal short --init "$runs/mran-depth-long-$seed" --encoders "$extractor" --encoders "$runs/mran-color-long-$seed"
part mran-trimodal "$runs/mran-trimodal-$seed" "$runs/trimodal-prepared" --init "$runs/mran-trimodal-short-$seed"
onnx="$runs/mran-trimodal-$seed.onnx"
mien export mran --run "$runs/mran-trimodal-$seed" --half --about configs/mran-trimodal.about.toml --to "$onnx"
mien evaluate mran --model "$onnx" --data "$runs/trimodal-prepared@test" --by light --by skin_tone --stage1
