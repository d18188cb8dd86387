# SPDX-License-Identifier: GPL-2.0-or-later
"""Entry of the engine process: ``PYTHON -I launch.py engine|sandbox COMMAND``.

``-I`` keeps PYTHONPATH, the user's site-packages and this folder off ``sys.path``. Only the plugin's own
package is made importable here, by its location: the folder above it holds other plugins, and none of
them may shadow a library of the engine.
"""

import importlib.util
import json
import sys
from pathlib import Path

PACKAGE = "insarhub_qgis"
LOWEST_PYTHON = (3, 9)


def register_package() -> None:
    """Make ``insarhub_qgis`` importable from where this file stands, and nothing beside it."""
    folder = Path(__file__).resolve().parent.parent
    spec = importlib.util.spec_from_file_location(
        PACKAGE, str(folder / "__init__.py"), submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError("the plugin's folder holds no package", name=PACKAGE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)


def main() -> int:
    if sys.version_info < LOWEST_PYTHON:
        # The rest of the package does not even compile there, so the answer is written by hand.
        fields = {
            "python": sys.executable,
            "version": ".".join(str(part) for part in sys.version_info[:3]),
            "wanted": ".".join(str(part) for part in LOWEST_PYTHON),
        }
        print(json.dumps({"type": "error", "code": "environment.python_too_old", "fields": fields}))
        return 1
    register_package()
    from insarhub_qgis.engine.protocol import main as serve

    return serve(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
