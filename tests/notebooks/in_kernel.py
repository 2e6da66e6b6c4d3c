"""What nbval's kernels begin with: as those of papermill do, and watched."""

import sys

from press.execution.execute import collect_seldom
from press.paths import ROOT

collect_seldom()
sys.path.append(str(ROOT / "tests"))
from helpers.watch import watch_kernel  # noqa: E402

watch_kernel()
