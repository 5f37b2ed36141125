"""German and Spanish: routed, filled, confirmed and answered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support import mailbox
from tests.support.http_server import HttpServer
from tests.support.open_meteo import OpenMeteo
from wlm import Assistant
from wlm.pipeline.route.interface import Utterance
from wlm.pipeline.route.local import LocalRouter
from wlm.pipeline.slots.languages import language
from wlm.pipeline.slots.languages.filler import TranslatedFiller
from wlm.pipeline.slots.languages.tables import times, yes_no
from wlm.pipeline.wording import Wording, make
from wlm.plugins.languages import missing_languages
from wlm.plugins.manager import load
from wlm.types import Reply

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=BERLIN)
REGISTRY = load()
DEV = Path(__file__).parents[1] / "route"
LABELS = {
    "weather": "weather.query", "news": "news.query", "meeting.list": "calendar.query",
    "meeting.find_time": "calendar.query", "meeting.cancel": "calendar.delete",
    "meeting": "calendar.create", "email.send": "email.send", "email.reply": "email.send",
    "email": "email.query", "people.find": "people.find", "people": "people.add",
}  # fmt: skip
FEED = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Blatt</title><item>
<title>Bridge open again</title><link>https://x.example/1</link></item></channel></rss>"""


@pytest.fixture(scope="module", params=["de", "es"])
def code(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def routers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LocalRouter]:
    folder = tmp_path_factory.mktemp("cache")
    return {code: LocalRouter.train(REGISTRY.intents, code, folder) for code in ("de", "es")}


def test_utterances_go_where_they_belong(routers: dict[str, LocalRouter], code: str) -> None:
    lines = (DEV / f"utterances_{code}.tsv").read_text("utf-8").splitlines()
    wrong = []
    for line in lines:
        label, _, text = line.partition("\t")
        choices = routers[code].decide(Utterance(text, NOW, language=code)).choices
        intent = choices[0].intent if choices else "none"
        said = LABELS.get(intent) or LABELS.get(intent.partition(".")[0], "none")
        if said != label:
            wrong.append((label, said, text))
    assert len(lines) >= 150
    assert 1 - len(wrong) / len(lines) >= 0.9, wrong


def test_two_requests_in_one_sentence(routers: dict[str, LocalRouter], code: str) -> None:
    text = {
        "de": "wie wird das Wetter morgen und lies mir die Nachrichten vor",
        "es": "qué tiempo hará mañana y léeme las noticias",
    }[code]
    choices = routers[code].decide(Utterance(text, NOW, language=code)).choices
    assert [choice.intent for choice in choices] == ["weather.forecast", "news.headlines"]


TIMES = [
    ("de", "morgen um halb vier", "tomorrow at 3:30"),
    ("de", "am Freitagabend um viertel vor acht", "on friday evening at 7:45"),
    ("de", "übermorgen", "the day after tomorrow"),
    ("de", "am 3. Dezember um 14 Uhr 30", "on december 3 at 14:30"),
    ("de", "am 24.12.", "on december 24"),
    ("de", "nächsten Dienstag", "next tuesday"),
    ("de", "jeden zweiten Montag um neun", "every other monday at 9"),
    ("de", "täglich um 8 Uhr", "every day at 8:00"),
    ("de", "in einer halben Stunde", "in half an hour"),
    ("de", "in den nächsten drei Tagen", "the next 3 days"),
    ("de", "von neun bis elf Uhr", "from 9 to 11"),
    ("de", "einundzwanzig Minuten", "21 minutes"),
    ("de", "um 9 Uhr eine", "at 9:00"),
    ("es", "mañana a las tres y media de la tarde", "tomorrow at 3:30 pm"),
    ("es", "el viernes por la noche a las ocho menos cuarto", "on friday evening at 7:45"),
    ("es", "pasado mañana", "the day after tomorrow"),
    ("es", "el 3 de diciembre a las 14:30", "on december 3 at 14:30"),
    ("es", "el próximo martes", "next tuesday"),
    ("es", "el martes que viene", "next tuesday"),
    ("es", "todos los lunes a las nueve", "every monday at 9"),
    ("es", "cada día a las ocho", "every day at 8"),
    ("es", "dentro de media hora", "in half an hour"),
    ("es", "entre las dos y las cuatro", "between 2 and 4"),
    ("es", "mañana por la mañana", "tomorrow morning"),
]


@pytest.mark.parametrize(("code", "said", "english"), TIMES)
def test_times_in_english(code: str, said: str, english: str) -> None:
    tables = language(code)
    assert tables is not None
    assert [piece.english for piece in times(f"xx {said} yy", tables)] == [english]


SLOTS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("de", "meeting.create", "Plane ein Mittagessen mit Anna und Tom morgen um zwölf",
     {"title": "Mittagessen", "people": ["Anna", "Tom"], "start": "2026-11-23T12:00:00+01:00"}),
    ("de", "meeting.create", "trag mir für Freitag um halb vier den Zahnarzt ein",
     {"title": "Zahnarzt", "start": "2026-11-27T15:30:00+01:00"}),
    ("de", "email.send", "Schick Anna eine E-Mail, dass ich später komme",
     {"to": ["Anna"], "body": "ich später komme"}),
    ("de", "people.add", "füge Kofi Mensah mit der Nummer 0151 2345678 zu meinen Kontakten hinzu",
     {"who": "Kofi Mensah", "phone": "01512345678"}),
    ("de", "people.find", "Wie ist die Adresse von Sarah Müller?",
     {"who": "Sarah Müller", "detail": "address"}),
    ("de", "news.headlines", "was gibt es Neues zu Fußball", {"topic": "Fußball"}),
    ("de", "meeting.update", "verschiebe das Standup ab nächster Woche auf zehn Uhr",
     {"title": "Standup", "start": "2026-11-23T10:00:00+01:00", "scope": "following",
      "old": {"start": "2026-11-23T00:00:00+01:00", "end": "2026-11-30T00:00:00+01:00"}}),
    ("es", "meeting.cancel", "cancela yoga y todas las siguientes",
     {"title": "yoga", "scope": "following"}),
    ("es", "meeting.list", "cuál es el enlace de mi próxima reunión",
     {"pick": "next", "detail": "link"}),
    ("es", "meeting.create", "apunta el dentista el viernes a las cuatro y media de la tarde",
     {"title": "dentista", "start": "2026-11-27T16:30:00+01:00"}),
    ("es", "email.send", "mándale un correo a Ana diciendo que llego tarde",
     {"to": ["Ana"], "body": "llego tarde"}),
    ("es", "people.add", "añade a Kofi Mensah con el número 612 345 678",
     {"who": "Kofi Mensah", "phone": "612345678"}),
    ("es", "people.find", "¿cuál es el correo de Sara Molina?",
     {"who": "Sara Molina", "detail": "email"}),
    ("es", "news.headlines", "qué noticias hay sobre fútbol", {"topic": "fútbol"}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "intent", "text", "slots"), SLOTS)
def test_slots(code: str, intent: str, text: str, slots: dict[str, Any]) -> None:
    tables = language(code)
    assert tables is not None
    filler = TranslatedFiller(REGISTRY.intents, tables)
    said = Utterance(text, NOW, language=code)
    assert filler.fill(REGISTRY.intents[intent], text, said).slots == slots


@pytest.mark.parametrize(
    ("code", "text", "means"),
    [
        ("de", "ja bitte", True), ("de", "ja, schick es ab", True), ("de", "nein", False),
        ("de", "ja, nein, lieber nicht", False), ("de", "wie wird das Wetter", None),
        ("de", "", None), ("es", "sí", True), ("es", "claro que sí", True),
        ("es", "no, mejor no", False), ("es", "sí, no, espera", False),
        ("es", "qué tiempo hace", None),
    ],
)  # fmt: skip
def test_yes_and_no(code: str, text: str, means: bool | None) -> None:
    tables = language(code)
    assert tables is not None
    assert yes_no(text, tables) is means


@pytest.mark.parametrize(
    "text", ["", "İ" * 50, "{who} {0}", "von bis um am 99:99 99. Mai", "🙂 " * 300]
)
def test_no_text_is_too_odd(code: str, text: str) -> None:
    tables = language(code)
    assert tables is not None
    filler = TranslatedFiller(REGISTRY.intents, tables)
    for spec in REGISTRY.intents.values():
        filler.fill(spec, text, Utterance(text, NOW, language=code))


@pytest.fixture
def assistant(home: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Assistant]:
    with OpenMeteo(NOW) as weather, HttpServer() as feeds:
        feeds.route("/feed", body=FEED, headers={"content-type": "application/rss+xml"})
        monkeypatch.setenv("WLM_SKILL_WEATHER__FORECAST_URL", f"{weather.url}/v1/forecast")
        monkeypatch.setenv("WLM_SKILL_WEATHER__GEOCODING_URL", f"{weather.url}/v1/search")
        monkeypatch.setenv("WLM_SKILL_NEWS__FEEDS", f"Blatt={feeds.url}/feed")
        monkeypatch.setenv("WLM_SKILL_NEWS__ALLOW_PRIVATE", "true")
        mailbox.set_up(monkeypatch)
        with Assistant(clock=lambda: NOW, language=code) as made:
            yield made


TALK = {
    "de": [
        ("Plane ein Mittagessen mit Anna morgen um zwölf",
         "Mittagessen mit Anna steht morgen um 12 Uhr in deinem Kalender."),
        ("Was habe ich morgen vor?",
         "Du hast morgen einen Termin: Mittagessen mit Anna um 12 Uhr."),
        ("Füge Kofi Mensah mit der Nummer 0151 2345678 zu meinen Kontakten hinzu",
         "Ich habe Kofi Mensah eingetragen."),
        ("Wie ist die Nummer von Kofi Mensah?",
         "Kofi Mensah: Nummer 0 1 5, 1 2 3, 4 5 6, 7 8."),
        ("Wie wird das Wetter morgen in Berlin?", "Morgen in Berlin: meist klar, 6 bis 10 Grad."),
        ("Wie lauten die Schlagzeilen?", "Das Neueste: Blatt: Bridge open again."),
        ("Schick kofi@mail.de eine E-Mail, dass ich später komme",
         "„ich später komme“ an kofi@mail.de senden?"),
        ("nein, lass es", "In Ordnung, ich habe es gelassen."),
        ("Spiel Musik", "Dabei kann ich leider nicht helfen."),
    ],
    "es": [
        ("Programa una comida con Ana mañana a las doce",
         "Comida con Ana está en tu calendario mañana a las 12."),
        ("¿Qué tengo mañana?", "Tienes una cita mañana: comida con Ana a las 12."),
        ("Añade a Kofi Mensah a mis contactos con el número 612 345 678",
         "He añadido a Kofi Mensah."),
        ("¿Cuál es el número de Kofi Mensah?", "Kofi Mensah: número 6 1 2, 3 4 5, 6 7 8."),
        ("¿Qué tiempo hará mañana en Berlin?",
         "Mañana en Berlin: casi despejado, 6 a 10 grados."),
        ("Dime los titulares", "Lo último: Blatt: Bridge open again."),
        ("Mándale un correo a kofi@mail.es diciendo que llego tarde",
         "¿Envío «llego tarde» a kofi@mail.es?"),
        ("no, mejor no", "De acuerdo, lo dejo."),
        ("Pon música", "Lo siento, con eso no puedo ayudar."),
    ],
}  # fmt: skip


def test_a_conversation(assistant: Assistant, code: str) -> None:
    for said, answered in TALK[code]:
        assert assistant.ask(said).reply.speech == answered


def test_what_no_catalogue_knows_stays_as_it_was() -> None:
    tables = language("de")
    assert tables is not None
    wording = Wording(
        ["{when:t} in {place}: {sky:t}. = {when} in {place}: {sky}.", "rain = Regen"], tables
    )
    assert wording.text("Rainy days ahead!") == "Rainy days ahead!"
    assert wording.text("on Friday 4 December in Oslo: rain.\n  Mon 3") == (
        "Am Freitag, 4. Dezember in Oslo: Regen.\n  Mon 3"
    )


@pytest.mark.parametrize(
    ("skill", "english", "german", "spanish"),
    [
        (
            "people",
            "Delete Tom Baker from your address book?",
            "Tom Baker aus deinem Adressbuch löschen?",
            "¿Borro a Tom Baker de tu agenda?",
        ),
        (
            "people",
            "Tom Baker is out of your address book.",
            "Tom Baker steht nicht mehr in deinem Adressbuch.",
            "Tom Baker ya no está en tu agenda.",
        ),
        (
            "people",
            "I merged 2 entries of Anna Berg.",
            "Ich habe 2 Einträge von Anna Berg zusammengeführt.",
            "He unido 2 entradas de Anna Berg.",
        ),
        (
            "people",
            "Undone: Anna Berg as before.",
            "Rückgängig gemacht: Anna Berg wie zuvor.",
            "Deshecho: Anna Berg como antes.",
        ),
        (
            "meeting",
            "Standup is cancelled from Wednesday 2 December on. Those before stay.",
            "Standup ist ab Mittwoch, 2. Dezember abgesagt. Die davor bleiben.",
            "Standup queda cancelado desde miércoles 2 de diciembre. Los anteriores se mantienen.",
        ),
        (
            "meeting",
            "Standup is now every Monday, the next one on Monday 30 November at 10 am. "
            "Those before stay as they were.",
            "Standup ist jetzt jeden Montag, der nächste am Montag, 30. November um 10 Uhr. "
            "Die davor bleiben, wie sie waren.",
            "Standup es ahora cada lunes, el próximo el lunes 30 de noviembre a las 10. "
            "Los anteriores quedan como estaban.",
        ),
        (
            "email",
            "Declined. The answer went to Anna.",
            "Abgelehnt. Die Antwort ging an Anna.",
            "Rechazado. La respuesta se envió a Anna.",
        ),
    ],
)
def test_what_was_done_is_told_in_the_language(
    skill: str, english: str, german: str, spanish: str
) -> None:
    for code, told in (("de", german), ("es", spanish)):
        words = make(code, REGISTRY)
        assert words is not None
        assert words.reply(Reply(english), skill).speech == told


def test_the_five_skills_lack_nothing() -> None:
    shipped = {"weather", "news", "meeting", "people", "email"}
    assert [m for m in missing_languages(REGISTRY) if m.skill in shipped] == []
