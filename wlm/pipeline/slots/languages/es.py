"""Spanish."""

from __future__ import annotations

from wlm.pipeline.slots.languages.tables import Language
from wlm.pipeline.slots.words import words

_ONES = [
    "cero",
    "uno",
    "dos",
    "tres",
    "cuatro",
    "cinco",
    "seis",
    "siete",
    "ocho",
    "nueve",
    "diez",
    "once",
    "doce",
    "trece",
    "catorce",
    "quince",
    "dieciséis",
    "diecisiete",
    "dieciocho",
    "diecinueve",
    "veinte",
    "veintiuno",
    "veintidós",
    "veintitrés",
    "veinticuatro",
    "veinticinco",
    "veintiséis",
    "veintisiete",
    "veintiocho",
    "veintinueve",
    "treinta",
]
_NUMBERS = {word: value for value, word in enumerate(_ONES)}
_NUMBERS |= {"un": 1, "una": 1, "primero": 1, "treinta y uno": 31, "cuarenta": 40}
_NUMBERS |= {"cuarenta y cinco": 45, "cincuenta": 50, "noventa": 90}
_WEEKDAYS = {
    "lunes": "monday",
    "martes": "tuesday",
    "miércoles": "wednesday",
    "miercoles": "wednesday",
    "jueves": "thursday",
    "viernes": "friday",
    "sábado": "saturday",
    "sabado": "saturday",
    "domingo": "sunday",
    "sábados": "saturday",
    "domingos": "sunday",
}
_MONTHS = {
    "enero": "january",
    "febrero": "february",
    "marzo": "march",
    "abril": "april",
    "mayo": "may",
    "junio": "june",
    "julio": "july",
    "agosto": "august",
    "septiembre": "september",
    "setiembre": "september",
    "octubre": "october",
    "noviembre": "november",
    "diciembre": "december",
}
_PARTS = {
    "mañana": "morning",
    "madrugada": "night",
    "mediodía": "noon",
    "tarde": "afternoon",
    "noche": "evening",
}
_UNITS = {
    "minuto": "minutes",
    "minutos": "minutes",
    "hora": "hours",
    "horas": "hours",
    "día": "days",
    "días": "days",
    "dias": "days",
    "semana": "weeks",
    "semanas": "weeks",
    "mes": "months",
    "meses": "months",
    "año": "years",
    "años": "years",
}
_AT = r"(?:(?:sobre |hacia )?a las? |a eso de las? )"
_AM, _PM = r" de la (?:mañana|madrugada)", r" de la (?:tarde|noche)"
_ON = r"(?:el |este |al |del |para el )?"
_RULES = (
    ("hoy", "today"),
    ("esta mañana", "this morning"),
    ("este mediodía", "today at noon"),
    ("esta tarde", "this afternoon"),
    ("esta noche", "tonight"),
    ("mañana", "tomorrow"),
    ("mañana (?:por|en|a) la {p}", "tomorrow {p}"),
    ("mañana al mediodía|mañana a mediodía", "tomorrow at noon"),
    ("pasado mañana", "the day after tomorrow"),
    ("pasado mañana por la {p}", "the day after tomorrow in the {p}"),
    ("ayer", "yesterday"),
    ("anteayer|antes de ayer", "the day before yesterday"),
    ("ayer por la {p}", "yesterday {p}"),
    (rf"{_ON}{{d}}", "on {d}"),
    (rf"{_ON}{{d}} (?:por|en|a) la {{p}}", "on {d} {p}"),
    ("(?:el |al |para el )?próximo {d}", "next {d}"),
    ("(?:el |al |para el )?{d} (?:que viene|próximo)", "next {d}"),
    ("(?:el )?{d} pasado", "last {d}"),
    ("(?:el )?pasado {d}", "last {d}"),
    ("(?:este |el |para el )?fin de semana", "this weekend"),
    ("(?:el )?próximo fin de semana|(?:el )?fin de semana que viene", "next weekend"),
    ("(?:en )?esta semana", "this week"),
    ("(?:en )?este mes", "this month"),
    ("(?:en )?este año", "this year"),
    ("(?:en |para )?(?:la )?próxima semana|(?:para )?la semana que viene", "next week"),
    ("(?:en )?(?:el )?próximo mes|el mes que viene", "next month"),
    ("(?:en )?(?:el )?próximo año|el año que viene", "next year"),
    ("la semana pasada", "last week"),
    ("el mes pasado", "last month"),
    ("(?:en )?(?:los|las) próxim[oa]s {n} {u}", "the next {n} {u}"),
    ("(?:en|dentro de) {n} {u}", "in {n} {u}"),
    ("(?:en|dentro de) media hora", "in half an hour"),
    ("(?:en|dentro de) un cuarto de hora", "in 15 minutes"),
    ("(?:el |al )?(?:día )?{o} de {M}", "on {M} {o}"),
    ("(?:el |al )?(?:día )?{o} de {M} (?:de|del) {n}", "on {M} {o} {n}"),
    (r"el día (?P<o>\d{1,2})", "on the {o}th"),
    ("en {M}", "in {M}"),
    (rf"{_AT}{{h}}(?: en punto)?", "at {h}"),
    (rf"{_AT}{{h}}(?: en punto)?{_AM}", "at {h} am"),
    (rf"{_AT}{{h}}(?: en punto)?{_PM}", "at {h} pm"),
    (rf"{_AT}?(?P<h>\d{{1,2}})[:.](?P<m>\d\d)(?: horas?| h)?", "at {h}:{m:02}"),
    (rf"{_AT}(?P<h>\d{{1,2}}) h(?:oras)?", "at {h}:00"),
    (rf"{_AT}{{h}} y media", "at {h}:30"),
    (rf"{_AT}{{h}} y media{_AM}", "at {h}:30 am"),
    (rf"{_AT}{{h}} y media{_PM}", "at {h}:30 pm"),
    (rf"{_AT}{{h}} y cuarto", "at {h}:15"),
    (rf"{_AT}{{h}} y cuarto{_PM}", "at {h}:15 pm"),
    (rf"{_AT}{{h}} menos cuarto", "at {before}:45"),
    (rf"{_AT}{{h}} menos cuarto{_PM}", "at {before}:45 pm"),
    (rf"{_AT}{{h}} y {{m}}", "at {h}:{m:02}"),
    (rf"{_AT}{{h}} menos {{n}}", "at {n} to {h}"),
    ("(?:a|al) mediodía", "at noon"),
    ("a medianoche", "at midnight"),
    ("por la mañana", "in the morning"),
    ("por la tarde", "in the afternoon"),
    ("por la noche", "in the evening"),
    ("de {h} a {h}", "from {h} to {h2}"),
    ("entre las? {h} y las? {h}", "between {h} and {h2}"),
    ("(?:de|desde) las? {h} (?:a|hasta) las? {h}", "from {h} to {h2}"),
    ("{n} minutos?", "{n} minutes"),
    ("{n} horas?", "{n} hours"),
    ("media hora", "half an hour"),
    ("(?:un )?cuarto de hora", "15 minutes"),
    ("tres cuartos de hora", "45 minutes"),
    ("(?:una )?hora y media", "90 minutes"),
    ("todos los días|cada día|a diario|diariamente", "every day"),
    ("todas las semanas|cada semana|semanalmente", "every week"),
    ("todos los meses|cada mes|mensualmente", "every month"),
    ("todos los años|cada año", "every year"),
    ("todas las mañanas|cada mañana", "every morning"),
    ("todas las noches|cada noche", "every evening"),
    ("(?:todos los|cada) {d}", "every {d}"),
    ("(?:todos los|cada) {d} por la {p}", "every {d} {p}"),
    ("los {d}", "every {d}"),
    ("cada {n} {u}", "every {n} {u}"),
    ("entre semana|(?:todos los|cada) días? laborables?", "every weekday"),
)
LANGUAGE = Language(
    code="es",
    rules=_RULES,
    numbers=_NUMBERS,
    weekdays=_WEEKDAYS,
    months=_MONTHS,
    parts=_PARTS,
    units=_UNITS,
    leads=words(
        "a al de del para hasta desde en el la los las"
    ),
    articles=words(
        "el la los las un una unos unas mi mis"
    ),
    joins=frozenset({"y", "e"}),
    cues=words(
        "con a de en sobre que para llamado llamada diciendo"
    ),
    datives=words(
        "por favor"
    ),
    same=words(
        "correo email e-mail mail"
    ),
    yes=frozenset(
        {
            "sí", "si", "claro", "vale", "correcto", "exacto", "de acuerdo", "ok", "okay", "hazlo",
            "adelante", "por supuesto", "perfecto", "bien", "está bien", "confirmo", "confirmado",
            "envíalo", "mándalo", "desde luego", "cómo no", "eso es", "seguro", "venga", "dale",
            "así es", "muy bien",
        }
    ),
    no=frozenset(
        {
            "no", "nunca", "para nada", "ni hablar", "cancela", "cancélalo", "déjalo", "olvídalo",
            "mejor no", "todavía no", "espera", "para", "detente", "incorrecto", "mal", "nada",
            "de ninguna manera",
        }
    ),
    fillers=frozenset(
        {"por favor", "gracias", "pues", "eh", "bueno", "eso", "lo", "ya", "es", "que", "así", "el",
         "correo"}
    ),
)  # fmt: skip
