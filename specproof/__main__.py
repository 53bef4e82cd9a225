"""`python -m specproof`."""

import sys

from specproof.cli import main

if __name__ == "__main__":
    sys.exit(main())
