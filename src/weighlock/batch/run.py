"""`weighlock score`: one thread reads ahead, some score, one writes; part after part, in order.

Each scoring thread runs the model on one core: more of the machine is used than by one run on all of its cores, and
the scores are those of the service, which scores on one core as well.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

from weighlock.batch.feeds import Fault, Feeds, make_feeds
from weighlock.batch.outputs import Output, Progress
from weighlock.batch.table import ids_of, scored_table
from weighlock.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weighlock.batch.inputs import Input
    from weighlock.batch.records import Recorder
    from weighlock.batch.scorer import BatchScorer

_AHEAD = 2  # batches that are read before they are needed
NAMED = 5  # skipped rows that are named
T = TypeVar("T")
R = TypeVar("R")


@dataclass
class Job:
    """What is scored, by what, and where it goes.

    Attributes:
        inputs: the files.
        scorer: the model, on one core a call.
        threads: that score at once.
        output: where parts go.
        progress: what is done; kept up to date.
        recorder: of the prediction log, where rows are logged.
        say: told after each part how many rows are done, and how many of these an earlier run did.
        model: what to call the model.
        skipped: messages of the first rows that could not be scored, where these are skipped.
    """

    inputs: Sequence[Input]
    scorer: BatchScorer
    threads: int
    output: Output
    progress: Progress
    recorder: Recorder | None
    say: Callable[[int, int], None]
    model: str
    skipped: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Score what is not done yet.

        Raises:
            DataError: a row cannot be scored, and such rows are refused; a file is torn.
            SourceError: a file cannot be read.
            StorageError: a part or the log cannot be written; what is done stays done.
        """
        begun = self.progress.rows
        with ThreadPoolExecutor(self.threads) as pool, ThreadPoolExecutor(1) as writer:
            waiting: Future[None] | None = None
            for part in self._parts(pool):
                if waiting:
                    waiting.result()
                self.say(self.progress.rows, begun)
                waiting = writer.submit(self._publish, part)
            if waiting:
                waiting.result()
        self.say(self.progress.rows, begun)
        if not self.progress.parts:
            raise DataError("there is no row to score. Is the export complete?")
        self.output.finish(self.progress)

    def _parts(self, pool: ThreadPoolExecutor) -> Iterator[_Part]:
        size = self.progress.plan.part_rows
        for place, file in enumerate(self.inputs):
            done = self.progress.done(place)
            known = self.progress.files.get(str(place))
            if known is not None and done * size >= known:
                continue
            part, row = self._part(place, done), done * size
            batches = _numbered(_ahead(_cut(self._batches(file, row), row, size)), row)
            for scored in _in_turn(pool, partial(self._scored, file), batches, 2 * self.threads):
                self._take(file, scored, part)
                row += scored.rows
                if row % size == 0:
                    yield part
                    done += 1
                    part = self._part(place, done)
            part.ends_at = row
            yield part

    def _part(self, place: int, number: int) -> _Part:
        return _Part(f"part-{place:05}-{number:05}.{self.output.kind}", place)

    def _batches(self, file: Input, start: int) -> Iterator[pa.RecordBatch]:
        features = self.scorer.signature.features
        wanted = [f.name for f in features] + list(self.progress.plan.columns)
        wanted += [self.recorder.entity] if self.recorder and self.recorder.entity else []
        categories = [f.name for f in features if f.type == "category"]
        return file.batches(list(dict.fromkeys(wanted)), categories, start)

    def _scored(self, file: Input, numbered: tuple[int, pa.RecordBatch]) -> _Scored:
        """Score a batch, whose first row has this number; what cannot be scored is left out and named."""
        row, batch = numbered
        rows, kept = batch.num_rows, np.arange(batch.num_rows)
        feeds = make_feeds(batch, self.scorer.signature)
        faults = feeds.faults
        if faults:
            kept = np.setdiff1d(kept, list(faults))
            batch, feeds = batch.take(pa.array(kept)), feeds.only(kept)
        scores, finite = self.scorer.score_feeds(feeds)
        if not finite.all():
            for odd in kept[~finite].tolist():
                faults[odd] = Fault(odd, "score", "is not finite: a number is too large")
            good = np.flatnonzero(finite)
            batch, feeds, scores, kept = batch.take(pa.array(good)), feeds.only(good), scores[good], kept[good]
        ids, labels = ids_of(self._prefix(file), kept + row), self.scorer.labels(scores)
        table = scored_table(batch, ids, feeds, scores, labels, self.scorer.signature, self.progress.plan.columns)
        logged = _Logged(batch, feeds, scores) if self.recorder else None
        first = min(faults.values(), key=lambda fault: fault.row, default=None)
        return _Scored(row, rows, table, first, logged)

    def _prefix(self, file: Input) -> str:
        return f"{file.digest[:12]}{self.scorer.signature.digest.removeprefix('sha256:')[:8]}"

    def _take(self, file: Input, scored: _Scored, part: _Part) -> None:
        """Log first: a part that is there has all its rows in the log."""
        if scored.fault:
            named = f"`{file.name}`, row {scored.start + scored.fault.row + 1:,}: "
            named += f"`{scored.fault.column}` {scored.fault.reason}"
            if self.progress.plan.on_error == "refuse":
                raise DataError(
                    f"{named}. `--on-error skip` goes on and leaves such rows out. To mend the file, which makes it "
                    f"another run, remove `{self.output.parts.where}` as well."
                )
            self.skipped += [named] if len(self.skipped) < NAMED else []
        if self.recorder and scored.logged:
            self.recorder.write(scored.table, scored.logged.feeds, scored.logged.scores, scored.logged.batch)
        part.tables.append(scored.table)
        part.rows += scored.rows

    def _publish(self, part: _Part) -> None:
        if part.tables:
            table = pa.concat_tables(part.tables)
            self.output.write(part.name, table)
            self.progress.parts[part.name] = {"rows": table.num_rows, "skipped": part.rows - table.num_rows}
        if part.ends_at is not None:
            self.progress.files[str(part.place)] = part.ends_at
        self.output.save(self.progress)


@dataclass(frozen=True, slots=True)
class _Logged:
    """What the log needs of a batch."""

    batch: pa.RecordBatch
    feeds: Feeds
    scores: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Scored:
    """A batch's scores, without the rows that could not be scored, of which the first is named."""

    start: int
    rows: int
    table: pa.Table
    fault: Fault | None
    logged: _Logged | None


@dataclass
class _Part:
    """What becomes one file."""

    name: str
    place: int
    tables: list[pa.Table] = field(default_factory=list)
    rows: int = 0
    ends_at: int | None = None  # the input's number of rows, once its end is reached


def _cut(batches: Iterator[pa.RecordBatch], start: int, size: int) -> Iterator[pa.RecordBatch]:
    """The batches, cut where a part ends."""
    row = start
    for batch in batches:
        offset = 0
        while offset < batch.num_rows:
            piece = batch.slice(offset, min(size - row % size, batch.num_rows - offset))
            yield piece
            offset += piece.num_rows
            row += piece.num_rows


def _numbered(batches: Iterable[pa.RecordBatch], row: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    for batch in batches:
        yield row, batch
        row += batch.num_rows


def _in_turn(pool: ThreadPoolExecutor, call: Callable[[T], R], items: Iterator[T], most: int) -> Iterator[R]:
    """`call` of each item in the order of the items, `most` of them under way at once."""
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(call, item))
            if len(waiting) >= most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _ahead(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same, read by another thread; what it raises is raised here."""
    ready: queue.Queue[Any] = queue.Queue(_AHEAD)
    stopped = threading.Event()

    def offer(item: object) -> None:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def read() -> None:
        try:
            for batch in batches:
                offer(batch)
                if stopped.is_set():
                    return
            offer(None)
        except BaseException as error:  # carried over to the thread that waits
            offer(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join(timeout=10)


def progress_line(rows: int, begun: int, total: int | None, since: float) -> str:
    """How far it is: `12,345,678 of 20,000,000 rows, 812,000 a second, 9 s to go`."""
    rate = (rows - begun) / max(time.monotonic() - since, 1e-9)
    line = f"{rows:,}{f' of {total:,}' if total else ''} rows, {rate:,.0f} a second"
    return line + (f", {max(total - rows, 0) / rate:,.0f} s to go" if total and rate else "")
