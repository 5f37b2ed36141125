"""Slot F1 on a labelled file: ``python -m bench.slots ../shared/data/nlu/dev.jsonl``.

A line counts if it is in scope and its slots are annotated. The intent is given (the
label, and a word where a label stands for several intents), so that slots are measured
and not routing. A gold slot is right if a slot of ours has the same text (determiners,
prepositions and a possessive "'s" at the ends do not count) or, for times, the same value.

Of ours, slots of a time, person or place type count as such. A text slot (topic, title,
location) may be right for a person or place that it holds in full, since a name may be
what a title or topic is; it is never counted as a wrong person or place. ``--strict``
takes that away.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from wlm.pipeline.route.interface import Utterance
from wlm.pipeline.slots import Filled, SlotFiller
from wlm.pipeline.slots.times import find
from wlm.pipeline.slots.words import words
from wlm.plugins.manager import load
from wlm.plugins.skill import IntentSpec

NOW = datetime(2017, 3, 15, 10, 0, tzinfo=ZoneInfo("Europe/London"))
GROUP = {
    "datetime": "time",
    "recurrence": "time",
    "person": "person",
    "place": "place",
    "organisation": "organisation",
    "event": "event",
    "meal_type": "event",
    "topic": "topic",
    "source": "source",
    "contact_field": "detail",
    "weather_condition": "aspect",
    "email_address": "email",
}
HEADLINE = ("time", "person", "place")
KIND = {
    "time": "time",
    "time_range": "time",
    "duration": "time",
    "recurrence": "time",
    "person": "person",
    "place": "place",
    "email": "email",
}
NAMED = {
    "title": "event",
    "new_title": "event",
    "location": "place",
    "topic": "topic",
    "query": "topic",
    "subject": "topic",
    "source": "source",
    "detail": "detail",
    "aspect": "aspect",
    "company": "organisation",
}
EDGES = words(
    "the a an my our his her their on at in by for to from of this 's s during until since "
    "after before with"
)
INTENTS = {
    "weather.query": "weather.forecast",
    "news.query": "news.headlines",
    "calendar.delete": "meeting.cancel",
    "calendar.query": "meeting.list",
    "email.query": "email.list",
    "people.find": "people.find",
    "people.add": "people.add",
}
Piece = tuple[str, int, int, bool]
"""Group, start, end, and whether a text slot said so."""


def intent_of(label: str, text: str) -> str:
    """Our intent for a coarse label."""
    words = set(text.lower().split())
    if label == "calendar.create":
        if words & {"remind", "reminder", "reminders", "reminded", "notification", "alert"}:
            return "meeting.remind"
        moved = words & {"move", "reschedule", "change", "postpone", "push", "update"}
        return "meeting.update" if moved else "meeting.create"
    if label == "email.send":
        replied = words & {"reply", "respond", "answer", "response"}
        return "email.reply" if replied else "email.send"
    if label == "email.query" and words & {"read", "open"}:
        return "email.read"
    return INTENTS[label]


def plain(text: str) -> str:
    """Lower case, without edge words."""
    words = text.lower().replace("’", "'").replace("'s", " 's").replace("s'", "s").split()
    while words and words[0] in EDGES:
        words.pop(0)
    while words and words[-1].strip(".,?!") in EDGES:
        words.pop()
    return " ".join(words).strip(" .,?!")


def pieces_of(spec: IntentSpec, filled: Filled) -> list[Piece]:
    """What we found, piece by piece, each place in the text once."""
    out: dict[tuple[str, int, int], Piece] = {}
    for name, spans in filled.spans.items():
        slot = spec.slot(name)
        group = KIND.get(slot.kind) if slot else None
        loose = group is None
        group = group or NAMED.get(name, name)
        for start, end in spans:
            out.setdefault((group, start, end), (group, start, end, loose))
    return list(out.values())


def same_time(gold: str, text: str) -> bool:
    """Whether two expressions have one value."""
    first, second = (find(part, NOW, hint=True) for part in (gold, text))
    return bool(first) and bool(second) and _value(first) == _value(second)


def _value(found: list) -> list:
    return [(w.start, w.end, w.length, w.rrule) for w in found]


class Score:
    """Counts by group."""

    def __init__(self) -> None:
        self.right: Counter[str] = Counter()
        self.gold: Counter[str] = Counter()
        self.ours: Counter[str] = Counter()
        self.errors: dict[str, list[str]] = defaultdict(list)

    def f1(self, *groups: str) -> tuple[float, float, float]:
        """Precision, recall, F1 of those groups together."""
        right = sum(self.right[g] for g in groups)
        gold, ours = sum(self.gold[g] for g in groups), sum(self.ours[g] for g in groups)
        precision, recall = right / max(ours, 1), right / max(gold, 1)
        both = precision + recall
        return precision, recall, 2 * precision * recall / both if both else 0.0


def judge(score: Score, text: str, gold: list[dict], ours: list[Piece], *, strict: bool) -> None:
    """Match one utterance's gold slots with ours."""
    used: set[Piece] = set()
    cursor: dict[str, int] = {}
    for slot in gold:
        group = GROUP.get(slot["type"])
        if group is None:
            continue
        said = slot["text"].lower()
        start = text.lower().find(said, cursor.get(said, 0))
        end = start + len(said)
        cursor[said] = end
        score.gold[group] += 1
        hits = _hits(text, group, slot["text"], start, end, ours, strict)
        if hits is None:
            score.errors[group].append(f"missed {slot['text']!r} ({slot['type']})  | {text}")
            continue
        score.right[group] += 1
        used.update(hits)
        score.ours[group] += 1
    for piece in ours:
        if piece in used or (piece[3] and piece[0] in HEADLINE and not _alone(text, piece, gold)):
            continue
        group = piece[0]
        if group in GROUP.values() and not (piece[3] and group in HEADLINE and strict):
            score.ours[group] += 1
            score.errors[group].append(f"invented {text[piece[1] : piece[2]]!r}  | {text}")


def _alone(text: str, piece: Piece, gold: list[dict]) -> bool:
    """Whether a location overlaps nothing that is annotated."""
    words = set(plain(text[piece[1] : piece[2]]).split())
    return not any(words & set(plain(slot["text"]).split()) for slot in gold)


def _hits(
    text: str, group: str, said: str, start: int, end: int, ours: list[Piece], strict: bool
) -> list[Piece] | None:
    near = [p for p in ours if p[1] < end and p[2] > start]
    typed = [p for p in near if p[0] == group and not p[3]]
    for piece in typed:
        if plain(text[piece[1] : piece[2]]) == plain(said):
            return [piece]
    if group == "time" and typed:
        cover = text[min(p[1] for p in typed) : max(p[2] for p in typed)]
        if plain(cover) == plain(said) or same_time(said, cover):
            return typed
        inside = [p for p in typed if p[1] <= start and end <= p[2]]
        if inside and _within(text, said, inside[0]):
            return inside
    if strict and group in HEADLINE:
        return None
    loose = [p for p in near if p[3]]
    for piece in loose:
        if plain(text[piece[1] : piece[2]]) == plain(said):
            return [piece]
    if group in ("detail", "aspect"):
        return next(([p] for p in near if p[0] == group), None)
    return None


def _within(text: str, said: str, piece: Piece) -> bool:
    """Whether our longer expression holds two gold ones ("tomorrow" "morning")."""
    whole = text[piece[1] : piece[2]].lower()
    return whole.startswith(said.lower()) or whole.endswith(said.lower())


def main() -> None:
    """Print F1 by type, dates parsed, and time per fill."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--strict", action="store_true", help="typed slots only")
    parser.add_argument("--errors", metavar="GROUP", help="list the errors of a group, or all")
    options = parser.parse_args()
    intents = load().intents
    filler = SlotFiller(intents)
    score, times = Score(), []
    parsed = dates = 0
    for line in options.file.read_text("utf-8").splitlines():
        row = json.loads(line)
        if row["intent"] == "none" or row["slots"] is None:
            continue
        spec = intents[intent_of(row["intent"], row["text"])]
        began = time.perf_counter()
        filled = filler.fill(spec, row["text"], Utterance(row["text"], NOW))
        times.append((time.perf_counter() - began) * 1e3)
        ours = pieces_of(spec, filled)
        judge(score, row["text"], row["slots"], ours, strict=options.strict)
        for slot in row["slots"]:
            if slot["type"] in ("datetime", "recurrence"):
                dates += 1
                parsed += bool(find(slot["text"], NOW, hint=True))
    report(score, times, parsed, dates)
    if options.errors:
        for group in score.errors if options.errors == "all" else [options.errors]:
            print(f"\n{group}")
            print("\n".join(f"  {error}" for error in score.errors[group]))


def report(score: Score, times: list[float], parsed: int, dates: int) -> None:
    """The table."""
    print(f"{'type':14}{'gold':>6}{'ours':>6}{'right':>6}{'P':>8}{'R':>8}{'F1':>8}")
    for group in [*HEADLINE, *(g for g in dict.fromkeys(GROUP.values()) if g not in HEADLINE)]:
        p, r, f = score.f1(group)
        print(
            f"{group:14}{score.gold[group]:6}{score.ours[group]:6}{score.right[group]:6}"
            f"{p:8.3f}{r:8.3f}{f:8.3f}"
        )
    p, r, f = score.f1(*HEADLINE)
    print(f"times, people, places together: P {p:.3f}  R {r:.3f}  F1 {f:.3f}")
    print(f"date slots parsed: {parsed} of {dates} = {parsed / max(dates, 1):.3f}")
    times.sort()
    p95 = times[int(len(times) * 0.95)]
    print(f"per fill: p50 {statistics.median(times):.2f} ms, p95 {p95:.2f} ms, {len(times)} lines")


if __name__ == "__main__":
    main()
