"""The monthly job of document 5: refresh the baseline, check a publish without publishing, rebuild both tracks. The same as `tallystick pool shadow --monthly`.

`python scripts/run_monthly_shadow_build.py --workspace my-workspace`
"""

from __future__ import annotations

import sys

from tallystick.apps.cli.main import run_command

if __name__ == "__main__":
    sys.exit(run_command(["pool", "shadow", "--monthly", *sys.argv[1:]]))
