#!/usr/bin/env bash
# What guards the project, in the order in which failures are cheapest to see.
set -euo pipefail
cd "$(dirname "$0")/.."
heading() { printf '\n== %s (after %d s)\n' "$1" "$SECONDS"; }

# Two processes of one thread each do more on two cores than two of two; and as Snakemake has it:
# another number adds in another order.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1

heading "units, TensorFlow"
pytest -q -n 2 --dist worksteal tests --ignore tests/study --ignore tests/stress

heading "model, losses, training and explanations, JAX"
export JAX_COMPILATION_CACHE_DIR="$PWD/_build/jax" JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0
export JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES=-1
# Compiled once and run a few times, tiny networks gain nothing from LLVM's optimisations.
XLA_FLAGS="--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true" \
KERAS_BACKEND=jax pytest -q -n 2 --dist worksteal tests/test_losses.py tests/test_model.py \
    tests/test_training.py tests/test_explain.py

heading "the smoke study: Snakemake, papermill, and its book"
snakemake --profile profiles/local --config study=config/smoke.yaml
python -m press.book config/smoke.yaml

heading "its passports, figures made again, its crate, the rendered book"
pytest -q -n 2 --dist loadgroup tests/study

heading "its executed notebooks run again and say the same (nbval), and leave all as it was"
PYTHONSTARTUP=tests/in_kernel.py \
pytest -q -n 2 --dist loadfile --nbval-lax --nbval-cell-timeout 300 -p no:cacheprovider book/smoke
python -m press.verify config/smoke.yaml

heading "done"
