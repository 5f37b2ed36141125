from __future__ import annotations

from types import SimpleNamespace

from wlm.pipeline.vocabulary import LONGEST, MOST_PER_KIND, collect, hotwords, topics
from wlm.plugins import Skill
from wlm.plugins.manager import Registry
from wlm.plugins.skill import Phrases


class Book(Skill):
    """Names, some of them odd."""

    def vocabulary(self, ctx):
        yield_forever = (f"Person {number}" for number in range(10**9))
        return {
            "person": ["Anna  Berg", "anna berg", "", "7", "x" * (LONGEST + 1), "Bo\nLi"],
            "crowd": yield_forever,
            "seen": [f"for {ctx.user}"],
        }


class Other(Skill):
    """More of the same kind."""

    def vocabulary(self, ctx):
        return {"person": ["Carla", "ANNA BERG"]}


class Broken(Skill):
    """Raises while its names are read."""

    def vocabulary(self, ctx):
        def names():
            yield "Dora"
            raise RuntimeError("the address of Dora is secret")

        return {"person": names()}


def gathered() -> tuple[dict[str, list[str]], Registry]:
    registry = Registry()
    for skill in (Book, Broken, Other):
        registry.add(skill.name, skill)
    return collect(registry, lambda name: SimpleNamespace(user=f"user of {name}")), registry


def test_names_are_cleaned_and_kept_once_in_order():
    found, _ = gathered()
    assert found["person"] == ["Anna Berg", "Bo Li", "Carla"]
    assert found["seen"] == ["for user of book"]


def test_an_endless_vocabulary_is_bounded():
    found, _ = gathered()
    assert len(found["crowd"]) == MOST_PER_KIND


def test_a_skill_that_raises_becomes_a_fault_without_its_text():
    _, registry = gathered()
    (fault,) = registry.faults
    assert (fault.plugin, fault.stage) == ("broken", "vocabulary")
    assert "RuntimeError" in fault.reason
    assert "Dora" not in fault.reason


def test_hotwords_take_from_every_kind_people_first():
    vocabulary = {
        "place": [f"place {n}" for n in range(100)],
        "person": [f"person {n}" for n in range(1_000)],
        "title": [f"title {n}" for n in range(100)],
        "topic": ["elections"],
    }
    chosen = hotwords(vocabulary, 48)
    kinds = [word.split()[0] for word in chosen]
    assert len(chosen) == len(set(chosen)) == 48
    assert chosen[0] == "person 0"
    assert kinds.count("person") > kinds.count("title") > kinds.count("place") > 0
    assert "elections" in chosen
    assert kinds.count("person") >= 22


def test_hotwords_give_unused_shares_away():
    assert hotwords({"place": ["Rome", "rome", "Oslo"], "person": ["Ann"]}, 10) == [
        "Ann",
        "Rome",
        "Oslo",
    ]
    assert hotwords({}, 10) == []


def declared(**skills: list[tuple[str, ...]]) -> dict[str, SimpleNamespace]:
    """Intents of skills, each with its keywords in English, the first also in German."""
    return {
        f"{skill}.do{number}": SimpleNamespace(
            skill=skill,
            phrases={"en": Phrases(keywords=words)}
            | ({"de": Phrases(keywords=("Wetter",))} if skill == "weather" else {}),
        )
        for skill, intents in skills.items()
        for number, words in enumerate(intents)
    }


def test_topics_are_of_each_skill_in_turn_each_once():
    intents = declared(
        weather=[("rain", "forecast"), ("rain", "sunset")],
        trains=[("train",)],
        mail=[("inbox", "mail", "forecast"), ()],
    )
    assert topics(intents, "en") == ["rain", "train", "inbox", "forecast", "mail", "sunset"]
    assert topics(intents, "en", 4) == ["rain", "train", "inbox", "forecast"]


def test_topics_are_in_the_language_and_can_be_said():
    assert topics(declared(weather=[("rain",)], mail=[("mail",)]), "de") == ["Wetter"]
    assert topics(declared(mail=[("mail",)]), "fr") == []
    odd = ("new\n mail", "7", "x" * (LONGEST + 1))
    assert topics(declared(mail=[odd]), "en") == ["new mail"]
