"""`python -m services.analysis.worker`."""

import sys

from services.analysis.worker.run import main

sys.exit(main())
