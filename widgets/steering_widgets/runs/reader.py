"""Reads the list of runs off the thread that draws: a record answers in milliseconds, or in seconds, or not at all."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from steering.archive.past import Found, Past
from steering.archive.run_entry import RunEntry
from steering.core.cell import Cell
from steering_widgets.parts.answer import answer_of

# A run that has ended is in the record a moment later, and its result after that: asked again so often.
_AGAIN_SECONDS = 0.5
_TRIES = 60
# The list is shown again after so many runs whose results were read.
_AT_ONCE = 8
_NOTHING = Found()
_LATE = "The record did not answer in time."


@dataclass(frozen=True)
class Listing:
    """What is to be shown.

    Attributes:
        found: The runs, newest first, with their results as far as these are read.
        text: What was searched for.
        said: Why runs are missing, or were not read as a whole; empty if they were.
        reading: Whether more is to come.
    """

    found: Found = _NOTHING
    text: str = ""
    said: str = ""
    reading: bool = True


@dataclass(frozen=True)
class Question:
    """What the list is to have.

    Attributes:
        text: Words that are searched for.
        begun: Uid of a run that must be in it; empty for none.
        ended: Uid of a run that must be in it with its end and its result; empty for none.
    """

    text: str
    begun: str = ""
    ended: str = ""

    def answered(self, entries: Sequence[RunEntry]) -> bool:
        """Say whether what is awaited is there; nothing is where words are searched for, which it need not have."""
        known = {entry.uid: entry for entry in entries}
        begun = not self.begun or self.begun in known
        ended = not self.ended or (self.ended in known and _is_whole(known[self.ended]))
        return bool(self.text) or (begun and ended)


class RunReader:
    """One thread that reads the record, for the newest question only.

    Attributes:
        listing: The newest answer.
    """

    def __init__(self, past: Callable[[], Past]) -> None:
        """Prepare; nothing is read before the first question.

        Args:
            past: Gives the runs of the record; raises a sentence if there are none.
        """
        self._past = past
        self.listing = Cell(Listing())
        self._doing = ThreadPoolExecutor(1, thread_name_prefix="steering-runs")
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._asked = 0
        self._closed = False

    def ask(self, text: str, begun: str = "", ended: str = "") -> None:
        """Read the list anew; from any thread.

        Args:
            text: What is searched for.
            begun: Uid of a run that has just begun: until it is in the record it is waited for.
            ended: Uid of a run that has just ended: its end and its result are waited for.
        """
        self._do(lambda number: self._read(number, Question(text, begun, ended)))

    def do(self, work: Callable[[], object]) -> None:
        """Do something else with the record, on the same thread; what is still being read is given up for it."""
        self._do(lambda _: work())

    def close(self) -> None:
        """Do nothing more; what is under way ends by itself, soon."""
        with self._lock:
            self._closed = True
            self._asked += 1
            self._news.set()
        self._doing.shutdown(wait=False, cancel_futures=True)

    def _do(self, work: Callable[[int], object]) -> None:
        with self._lock:
            if self._closed:
                return
            self._asked += 1
            number = self._asked
            self._news.set()
            self._doing.submit(work, number)

    def _read(self, number: int, question: Question) -> None:
        for turn in range(_TRIES):
            with self._lock:
                if number != self._asked:
                    return
                self._news.clear()
            there = self._read_once(number, question, first=turn == 0)
            # A newer question, or the end, is news.
            if there or self._news.wait(_AGAIN_SECONDS):
                return

    def _read_once(self, number: int, question: Question, *, first: bool) -> bool:
        """Read the list, at first bit by bit; say whether what is awaited is in it, or nothing more can come."""
        text = question.text
        found, entries = _NOTHING, list[RunEntry]()
        try:
            past = self._past()
            # Its result may come after this list was last read, however long ago its run began.
            past.forget(question.ended)
            found = past.find(text)
            entries = list(found.entries)
            if first:
                self._show(number, Listing(found, text))
            for place, entry in enumerate(entries):
                if number != self._asked:
                    return True
                entries[place] = past.look(entry)
                if first and place % _AT_ONCE == _AT_ONCE - 1:
                    self._show(number, Listing(Found(tuple(entries), found.searched, found.whole), text))
        except Exception as error:  # noqa: BLE001  (a record may hold anything)
            # What was read stays: one run that cannot be read takes no other from the list.
            read = Found(tuple(entries), found.searched, found.whole)
            self._show(number, Listing(read, text, answer_of(error, _LATE), reading=False))
            return not (question.begun or question.ended)
        self._show(number, Listing(Found(tuple(entries), found.searched, found.whole), text, reading=False))
        return question.answered(entries)

    def _show(self, number: int, listing: Listing) -> None:
        with self._lock:
            # What has not changed is no news: the page sleeps while there is none.
            if number == self._asked and listing != self.listing.value:
                self.listing.set(listing)


def _is_whole(entry: RunEntry) -> bool:
    return entry.status != "unfinished" and bool(entry.features or not entry.label)
