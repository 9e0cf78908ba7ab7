"""What a program has loaded when it begins its work stays loaded: the garbage collector need not walk it again and again."""

import atexit
import gc
from typing import TypeVar

App = TypeVar("App")


def settled(app: App) -> App:
    """The app, when all its modules, models and routes are there; for programs, as there is no way back.

    A full collection of a service stops it for a tenth of a second otherwise, whatever it is doing.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # or libraries that count what they leave behind at the end complain
    return app
