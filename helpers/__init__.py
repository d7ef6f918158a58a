"""What the notebooks import, and the launcher: ``python -m helpers``."""

import sys

if sys.version_info < (3, 11):  # here, because what follows does not even parse on Python 2
    sys.exit(
        "This course needs Python 3.11 or newer, and this is Python %d.%d. Install a newer one "
        "from https://www.python.org/downloads/ and call it, for example: python3.12 -m helpers lab"
        % sys.version_info[:2]
    )
