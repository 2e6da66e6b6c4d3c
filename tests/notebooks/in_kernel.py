"""Start-up code of nbval's kernels: that of papermill's kernels, and a watch on files."""

import sys

from press.execution.execute import collect_seldom, warn_without_places
from press.paths import ROOT

collect_seldom()
warn_without_places()
sys.path.append(str(ROOT / "tests"))
from helpers.watch import watch_kernel  # noqa: E402

watch_kernel()
