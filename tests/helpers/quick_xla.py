"""XLA's options for tiny networks, which are compiled once and run a few times.

XLA_FLAGS="$(python -m helpers.quick_xla)"
"""

from importlib.metadata import version

FLAGS = (
    "--xla_backend_optimization_level=0",  # LLVM's optimisations gain nothing
    "--xla_llvm_disable_expensive_passes=true",
    "--xla_cpu_parallel_codegen_split_count=1",  # in parts, a module takes more time in all
)
# Kernels are made by way of MLIR, which takes longer than all else; jaxlib 0.12 has no other way.
WITHOUT_MLIR = "--xla_cpu_use_fusion_emitters=false"


def flags() -> str:
    """Return the value of XLA_FLAGS; an option that XLA doesn't know ends the process."""
    jaxlib = tuple(map(int, version("jaxlib").split(".")[:2]))
    return " ".join([*FLAGS, *([WITHOUT_MLIR] if jaxlib < (0, 11) else [])])


if __name__ == "__main__":
    print(flags())
