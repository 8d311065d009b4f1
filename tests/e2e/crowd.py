"""Many who do the same at once, until they are told to stop."""

from __future__ import annotations

import threading
from typing import Self


class Crowd:
    """So many threads run `work` while the context lasts.

    Attributes:
        stop: set once they should come to an end.
    """

    size: int

    def __enter__(self) -> Self:
        self.stop = threading.Event()
        self._threads = [threading.Thread(target=self.work, args=(place,)) for place in range(self.size)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join()

    def work(self, place: int) -> None:
        """What the one at this place does until `stop` is set."""
        raise NotImplementedError
