"""Fifty more skills beside the five: do they steal, do they slow, how long does training take?

    python -m bench.many_skills ../shared/data/nlu/dev.jsonl

Each made-up skill has five intents of everyday domains with six to ten phrases. An answer of
one of them counts as no action of the five. Prints the figures of the five skills alone and
with all 55, and the ratio of the times in the same run.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from bench.route import LABELS, NONE, Figures, figures, read, timed
from wlm.pipeline.route.local import LocalRouter
from wlm.plugins.manager import load
from wlm.plugins.skill import IntentSpec, Phrases

SKILLS = "meeting,people,weather,news,email"
DOMAINS = """
lights: the kitchen lights | the lamp | the bedroom light
heating: the thermostat | the heating | the radiator
music: some jazz | my playlist | the radio
timers: the timer | the egg timer | the stopwatch
alarms: the alarm | my wake up alarm | the seven o'clock alarm
shopping: the shopping list | the groceries | my cart
blinds: the blinds | the curtains | the shutters
locks: the front door | the garage | the gate
cameras: the camera | the doorbell | the baby monitor
vacuum: the vacuum | the robot cleaner | the mop
television: the tv | the channel | the film
podcasts: the podcast | the episode | my subscriptions
audiobooks: the audiobook | the chapter | the narrator
recipes: the recipe | the lasagna recipe | the cookbook
fitness: my workout | the push ups | my steps
sleep: my sleep | the nap | the bedtime
meditation: the meditation | the breathing exercise | the calm sounds
medicine: my pills | the prescription | the vitamins
budget: my budget | the expenses | the savings goal
banking: my account | the transfer | the credit card
stocks: my stocks | the share price | the portfolio
currency: the exchange rate | the euros | the dollars
translator: the translation | the french phrase | the sentence
dictionary: the word | the definition | the synonym
calculator: the sum | the percentage | the square root
trivia: the trivia question | the quiz | the riddle
jokes: the joke | the pun | the limerick
games: the chess game | the word game | the puzzle
taxi: the taxi | the ride | the cab
buses: the bus | the next tram | the bus stop
trains: the train | the platform | the train ticket
flights: the flight | the boarding pass | the gate number
hotels: the hotel | the room | the check out
dining: the restaurant | the table | the menu
takeaway: the pizza | the delivery | the burger
parcels: the parcel | the package | the tracking number
car: the car | the tires | the charge
parking: the parking spot | the garage ticket | the meter
fuel: the petrol | the charging station | the tank
garden: the lawn | the sprinkler | the tomatoes
pets: the dog | the cat feeder | the aquarium
laundry: the washing machine | the dryer | the laundry
dishes: the dishwasher | the rinse | the plates
coffee: the coffee | the espresso | the kettle
printer: the printer | the printout | the scan
photos: the photos | the album | the slideshow
notes: the note | my notebook | the memo
maps: the route | the traffic | the way home
sports: the score | the match | the league table
tickets: the concert | the cinema seats | the museum pass
"""
VERBS = {
    "start": "start | turn on | begin with | get going with | switch on",
    "stop": "stop | turn off | pause | end | switch off",
    "status": "how is | what about | tell me the state of | what is up with | check",
    "more": "more of | increase | turn up | give me more of | raise",
    "swap": "swap | try another setting for | switch over | replace | do something else with",
}
TAILS = ("", " please", " now", " again")


def made_up() -> dict[str, IntentSpec]:
    """250 intents of 50 skills."""
    model = load(SKILLS).intents["weather.forecast"]
    found = {}
    for line in DOMAINS.strip().splitlines():
        skill, _, things = line.partition(": ")
        objects = things.split(" | ")
        for method, verbs in VERBS.items():
            words = verbs.split(" | ")
            examples = tuple(
                f"{words[i % len(words)]} {objects[(i + i // 5) % 3]}{TAILS[i % 4]}"
                for i in range(8)
            )
            name = f"{skill}.{method}"
            found[name] = model._replace(
                name=name,
                skill=skill,
                method=method,
                help=f"{words[0].capitalize()} {objects[0]}.",
                slots=(),
                phrases={"en": Phrases(examples, (skill, *objects))},
                effect="read" if method == "status" else "write",
            )
    return found


def measure(name: str, intents: dict[str, IntentSpec], path: Path) -> tuple[Figures, float]:
    """Train, decide the whole file, print; figures and the median time in ms."""
    lines = read(path)
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = time.perf_counter(), time.process_time()
        router = LocalRouter.train(intents, "en", Path(folder))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    said, spent = timed(router, lines)
    found = figures([line.label for line in lines], said)
    spent.sort()
    middle = statistics.median(spent)
    print(f"{name}: {len(router.looks.classes)} classes, {router.kept}, "
          f"training {wall:.2f} s (processor {cpu:.2f} s)")  # fmt: skip
    print(f"  {found}")
    print(f"  p50 {middle:.2f} ms  p95 {spent[int(len(spent) * 0.95)]:.2f} ms")
    return found, middle


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    args = parser.parse_args()
    five = dict(load(SKILLS).intents)
    more = made_up()
    LABELS.update(dict.fromkeys(more, NONE))
    alone, quick = measure("the five", five, args.file)
    beside, slow = measure("with fifty more", {**five, **more}, args.file)
    print(f"accuracy {100 * (beside.accuracy - alone.accuracy):+.2f} points, "
          f"time ratio {slow / quick:.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
