"""The machine surface at the project's root: `python main.py --version | --check | --json-request '<payload>' [--signal-file PATH]`.

Any other command line is handed to the commands of `tallystick`.
"""

from __future__ import annotations

import sys
from pathlib import Path

MAIN = Path(__file__).resolve()
sys.path.insert(0, str(MAIN.with_name("src")))

from tallystick.apps.machine_surface import Dispatch, is_machine_call, serve  # noqa: E402 - the path above comes first


def _commands() -> Dispatch:
    """Imported only when a request is to be run: `--version` and `--check` answer at once."""
    from tallystick.apps.machine_commands import machine_commands
    from tallystick.apps.machine_paper import answer_paper

    return machine_commands(paper=answer_paper)


if __name__ == "__main__":
    if is_machine_call(sys.argv[1:]):
        sys.exit(serve(sys.argv[1:], MAIN, _commands))
    from tallystick.apps.cli.main import main

    main()
